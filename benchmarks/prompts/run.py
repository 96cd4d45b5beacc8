"""Run the recorded tasks through the service, and score the results."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.prompts.task import Outcome, Step, Task
from kernel_gateway.terminal.client import GatewayClient, ServiceRefused, path_url

AT_ONCE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What came of a task.

    Attributes:
        name: The task's.
        wrong: What is not right, if anything.
        repairs: Cells and calls that failed or were refused.
    """

    name: str
    wrong: str
    repairs: int


async def run_tasks(client: GatewayClient, tasks: Sequence[Task], directory: Path) -> list[Score]:
    """Run *tasks*, a few at a time; *directory* is for their files."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def run(task: Task) -> Score:
        async with slots:
            return await _run(client, task, Path(tempfile.mkdtemp(dir=directory)))

    together = [task for task in tasks if not task.alone]
    scores = list(await asyncio.gather(*(run(task) for task in together)))
    return scores + [await run(task) for task in tasks if task.alone]


async def _run(client: GatewayClient, task: Task, directory: Path) -> Score:
    conversation, repairs = "", 0
    for number, step in enumerate(task.steps):
        if not conversation or step.anew:
            made = await client.post("/api/v1/conversations", {"title": task.name})
            conversation = made["id"]
        own = directory / str(number)
        own.mkdir()
        if files := step.files(own):
            await client.upload(path_url(conversation), files)
        try:
            outcome = await _ask(client, conversation, step, own)
        except ServiceRefused as refused:
            return Score(name=task.name, wrong=str(refused), repairs=repairs)
        repairs += _failed(outcome)
        if wrong := "; ".join(filter(None, (check(outcome) for check in step.right))):
            return Score(name=task.name, wrong=f"{step.request!r}: {wrong}", repairs=repairs)
    return Score(name=task.name, wrong="", repairs=repairs)


async def _ask(client: GatewayClient, conversation: str, step: Step, directory: Path) -> Outcome:
    url = path_url(conversation)
    if step.advice:
        body = {"message": step.request, "conversation_id": conversation}
        reply = await client.post("/api/v1/chat/completion", body)
        return Outcome(answer=reply["response"], events=[], outputs=directory)
    page = await client.get(f"{url}/turns")
    connection = await client.connect(url)
    await connection.send("turn.request", request=step.request)
    events, turns = [], {turn["id"] for turn in page["turns"]}
    async for event in connection.events():
        if event.get("turn") in turns:
            continue
        events.append((event["kind"], event.get("data", {})))
        if event["kind"] == "permission.required":  # no task needs one, and nobody is there to ask
            await connection.send("permission.reply", id=event["data"]["id"], decision="deny")
        if event["kind"] == "turn.finished":
            break
    connection.close()
    await _download(client, url, directory)
    return Outcome(answer=str(events[-1][1].get("answer") or ""), events=events, outputs=directory)


async def _download(client: GatewayClient, url: str, directory: Path) -> None:
    for file in (await client.get(f"{url}/files"))["files"]:
        kept, _, name = file["name"].partition("/")
        if kept == "outputs" and "/" not in name:
            (directory / name).write_bytes(await client.download(f"{url}/files/{file['name']}"))


def _failed(outcome: Outcome) -> int:
    cells = sum(each["status"] != "ok" for each in outcome.of_kind("cell.finished"))
    return cells + sum(each["status"] != "ok" for each in outcome.of_kind("tool.called"))
