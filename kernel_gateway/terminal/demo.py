"""The demo: three real workbooks through the whole chain, on screen."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from kernel_gateway.recorded_demo import REPLIES, REQUESTS
from kernel_gateway.settings import Settings
from kernel_gateway.terminal.chat import Chat
from kernel_gateway.terminal.client import GatewayClient, path_url
from kernel_gateway.terminal.rerun import rerun_file
from kernel_gateway.terminal.view import TerminalView
from kernel_gateway.wiring import open_gateway
from notebooks.ledger.verify import verify_notebook
from notebooks.record.chain import KEY

TRACED = ("outputs/sales_pivot.xlsx", "Pivot!B2")
"""The number whose origin the demo ends with."""


@contextlib.contextmanager
def model_settings(settings: Settings, console: Console) -> Iterator[Settings]:
    """Yield settings with a model: Gemini with a key, else the local stand-in."""
    if settings.has_model:
        console.print(f"Model: {settings.model}")
        yield settings
        return
    from agent.standin.server import StandinServer
    from agent.standin.transcript import TRANSCRIPTS, load_transcripts

    console.print(
        "No GEMINI_API_KEY is set: replaying a transcript through the local Gemini stand-in. "
        "Everything else is real."
    )
    transcript = load_transcripts([TRANSCRIPTS / REPLIES])
    with StandinServer(transcript) as standin:
        changes = {"gemini_api_key": "standin", "model_base_url": standin.base_url}
        yield settings.model_copy(update=changes)


async def run_demo(settings: Settings, console: Console, examples: Path, output: Path) -> int:
    """Run the demo; write the notebook and the workbooks to *output*; return the exit code."""
    files = sorted(examples.glob("*.xlsx"))
    if not files:
        console.print(f"No example workbooks in {examples}.", style="red")
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="tallybook-demo-") as data_dir,
        model_settings(settings, console) as chosen,
    ):
        chosen = chosen.model_copy(update={"data_dir": Path(data_dir), "port": 0})
        async with open_gateway(chosen) as gateway:
            console.print(f"Service: {gateway.url}")
            client = GatewayClient(gateway.url, gateway.services.token)
            try:
                done = await _converse(client, console, files, output)
            finally:
                client.close()
    return await _check(console, output) if done else 1


async def _converse(
    client: GatewayClient, console: Console, files: list[Path], output: Path
) -> bool:
    chat = Chat(client, TerminalView(console), None)
    await chat.open(files)
    for request in REQUESTS:
        console.rule()
        console.print(f"> {request}", style="bold", markup=False)
        finished = await chat.ask(request)
        if finished["status"] != "ok":
            console.print("The demo stopped: the turn did not succeed.", style="red")
            return False
    chat.close()
    await _download(client, path_url(chat.conversation), output)
    return True


async def _download(client: GatewayClient, path: str, output: Path) -> None:
    for name in ("inputs", "outputs"):
        shutil.rmtree(output / name, ignore_errors=True)
        (output / name).mkdir(parents=True)
    for file in (await client.get(f"{path}/files"))["files"]:
        area, _, name = file["name"].rpartition("/")
        if area in ("inputs", "outputs"):
            (output / area / name).write_bytes(await client.download(file["url"]))
    (output / "notebook.ipynb").write_bytes(await client.download(f"{path}/notebook"))


async def _check(console: Console, output: Path) -> int:
    notebook = output / "notebook.ipynb"
    verified = verify_notebook(notebook).verified
    with console.status("Running the notebook again with papermill …"):
        report = await asyncio.to_thread(rerun_file, notebook, parameters={})
    console.rule()
    console.print(f"notebook: {notebook}", soft_wrap=True)
    for file in sorted((output / "outputs").iterdir()):
        console.print(f"workbook: {file}", soft_wrap=True)
    console.print(f"verified: {'yes' if verified else 'NO'}")
    console.print(f"re-run with papermill: {report.verdict}")
    for item in report.items:
        if item.verdict != "reproduced":
            console.print(f"  {item.label}: {item.verdict}: {item.detail}", markup=False)
    sound = _show_checks(console, notebook)
    await _show_trace(console, notebook)
    return 0 if verified and sound and report.verdict == "reproduced" else 1


async def _show_trace(console: Console, notebook: Path) -> None:
    """Print where the first number of the last workbook's last sheet comes from."""
    from kernel_gateway.terminal.trace_command import trace_in
    from notebooks.lineage.words import words
    from notebooks.rerun.tolerance import printable

    console.rule()
    console.print(f"> tallybook trace {TRACED[0]} '{TRACED[1]}'", style="bold", markup=False)
    found = await trace_in(notebook, notebook.parent / TRACED[0], TRACED[1], rows=True)
    for line in words(found):
        console.print(printable(line), markup=False, highlight=False, soft_wrap=True)


def _show_checks(console: Console, notebook: Path) -> bool:
    """Print what was checked and tied out of each workbook; return whether nothing is wrong."""
    view, sound = TerminalView(console), True
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        facts = cell["metadata"].get(KEY, {})
        for name, findings in facts.get("checks", {}).items():
            view.show({"kind": "workbook.checked", "data": {"name": name, "findings": findings}})
            sound &= not findings
        for result in facts.get("tie_out", {}).get("results", ()):
            view.show({"kind": "result.checked", "data": result})
            sound &= result["status"] == "tied-out"
    return sound
