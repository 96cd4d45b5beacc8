"""Exports of a path's notebook, each made by a process of its own.

Rendering reads what hostile code has printed, and takes time: the process can be ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from container.host.environment import process_environment
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.conversations.rerun_records import report_on
from kernel_gateway.errors import BadRequest, ExportFailed
from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import Query, operation

KINDS = {
    "html": ("text/html; charset=utf-8", ".html"),
    "pdf": ("application/pdf", ".pdf"),
    "py": ("text/x-python; charset=utf-8", ".py"),
    "ipynb": ("application/x-ipynb+json", ".ipynb"),
    "bundle": ("application/zip", ".zip"),
}
SECONDS = 150.0
RUNNING = asyncio.Semaphore(2)
EXPORT_QUERY = (
    Query(
        name="to",
        schema={"type": "string", "enum": list(KINDS)},
        help="What to make: a web page unless said; bundle is a zip for a reviewer.",
    ),
)


class NotebookExportHandler(JsonHandler):
    """``…/notebook/export``: the notebook as a page, a PDF, a script, or a review bundle."""

    @operation(
        "Download the notebook as a page, a PDF, a script or a review bundle",
        query=EXPORT_QUERY,
        returns={200: ", ".join(media.partition(";")[0] for media, _ in KINDS.values())},
    )
    async def get(self, conversation_id: str, path: str) -> None:
        key = await self.path_key(conversation_id, path)
        kind = self.get_query_argument("to", "html")
        if kind not in KINDS:
            raise BadRequest(f"to={kind[:20]!r} is none of {', '.join(KINDS)}.")
        media, suffix = KINDS[kind]
        opened = await self.services.contexts.open(key)
        name = f"{conversation_id}-{path}"
        async with _exported(opened, name, kind, suffix) as file:
            with file.open("rb") as content:
                await self.send_file(content, media, name + suffix)


@contextlib.asynccontextmanager
async def _exported(opened: OpenPath, name: str, kind: str, suffix: str) -> AsyncIterator[Path]:
    """Yield the file of an export, which is deleted afterwards.

    Raises:
        ExportFailed: It could not be made; with the reason that `tallybook export` gives.
    """
    with tempfile.TemporaryDirectory(prefix="tallybook-export-") as directory:
        # A copy: cells that end meanwhile don't change it.
        notebook, made = Path(directory, f"{name}.ipynb"), Path(directory, f"export{suffix}")
        content = await opened.recorder.content()
        await asyncio.to_thread(_copy, opened, content, notebook)
        Path(directory, "workspace").symlink_to(opened.workspace.directory)
        async with RUNNING:
            await _run("export", str(notebook), "--to", kind, "--output", str(made))
        yield made


def _copy(opened: OpenPath, content: bytes, notebook: Path) -> None:
    """Write *content* to *notebook*, with the report of a re-run of it if there is one."""
    notebook.write_bytes(content)
    if (report := report_on(opened.home, content)) is not None:
        notebook.with_suffix(".rerun.json").write_bytes(report)


async def _run(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "kernel_gateway",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=process_environment(),
    )
    try:
        async with asyncio.timeout(SECONDS):
            _, said = await process.communicate()
    except TimeoutError:
        raise ExportFailed(f"it took longer than {SECONDS:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        lines = said.decode("utf-8", "replace").strip().splitlines() or ["it ended"]
        raise ExportFailed(lines[-1].removeprefix("Error: ")[:500])
