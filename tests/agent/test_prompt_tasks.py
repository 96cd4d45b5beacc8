"""The recorded tasks that a version of the prompt is measured on."""

from __future__ import annotations

import pytest

from agent.prompts.render import prompt_version
from agent.standin.transcript import Transcript, exchanges_from_json, words_of
from benchmarks.prompts import editing, notations, odd_tables, tables, talking
from benchmarks.prompts.measure import TASKS, measurements
from benchmarks.prompts.run import run_tasks
from benchmarks.prompts.task import rule
from tests.conftest import gateways

pytestmark = pytest.mark.asyncio(loop_scope="module")
GROUPS = {
    module.__name__.rpartition(".")[2]: module.TASKS
    for module in (tables, notations, odd_tables, editing, talking)
}
RELYING = (editing.FORMULA, talking.SECOND, odd_tables.MENDED, editing.NPV)


def _transcript(tasks, *forgets):
    made = [exchange for task in tasks for exchange in task.exchanges()]
    return Transcript(exchanges_from_json(made), forgets)


async def _scored(directory, tasks, *forgets):
    """Run *tasks* with a model that does not see what *forgets* finds; return wrong and requests."""
    directory.mkdir()
    async with gateways(directory / "data") as start:
        running = await start(())
        running.standin.transcript = _transcript(tasks, *forgets)
        scores = await run_tasks(running.client, tasks, directory)
        return {each.name: each.wrong for each in scores}, list(running.standin.requests)


@pytest.mark.check
async def test_the_present_prompt_was_measured_on_at_least_30_tasks():
    """After a change of agent/prompts/system.md run `python -m benchmarks prompts`."""
    rows = {row.prompt: row for row in measurements()}

    assert len(TASKS) >= 30
    assert sum(map(len, GROUPS.values())) == len(TASKS)
    assert prompt_version() in rows, f"prompt {prompt_version()} is not in {list(rows)}"
    assert rows[prompt_version()].right.endswith(f" of {len(TASKS)}")


@pytest.mark.parametrize("group", GROUPS)
async def test_the_tasks_come_out_right_and_each_reply_needs_all_that_it_relies_on(tmp_path, group):
    """Without any one rule or fact that a reply names, the recorded model replies something else."""
    tasks = GROUPS[group]
    wrong, requests = await _scored(tmp_path / "all", tasks)
    played = _transcript(tasks)
    relied = set()
    for body in requests:
        read = words_of(body)
        reply = played.reply_to(*read, body)
        for exchange in played.exchanges:
            when = exchange.when
            if when.request.lower() not in read[0].lower() or when.after != read[1]:
                continue
            for each in when.knows:
                relied.add((when.request, each))
                assert _transcript(tasks, each).reply_to(*read, body) != reply, (when, each)

    assert {name: why for name, why in wrong.items() if why} == {}
    assert relied == {(e.when.request, k) for e in played.exchanges for k in e.when.knows}


async def test_without_a_rule_or_a_fact_the_tasks_that_rely_on_it_are_not_right(tmp_path):
    """The rest of the service is as it was: only the recorded model does not see them."""
    forgotten = (
        rule("Write a formula where the user will go on working with the sheet"),
        r"^Earlier in this conversation[\s\S]*",
        r"nearest: .*",
    )
    wrong, _ = await _scored(tmp_path / "less", RELYING, *forgotten)

    assert {task.name for task in RELYING if wrong[task.name]} == {
        editing.FORMULA.name,
        talking.SECOND.name,
        odd_tables.MENDED.name,
    }
