"""A cell that ends itself, with ``exit()`` or else, ends nothing but itself."""

from __future__ import annotations

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.docker_engine import on_every_backend

WAYS = {
    "exit()": "",
    "quit()": "",
    "exit(0)": "0",
    "exit(3)": "3",
    "quit('no rows')": "no rows",
    "import sys; sys.exit()": "",
    "import sys; sys.exit(1)": "1",
    "raise SystemExit": "",
    "raise SystemExit(0)": "0",
    "def leave():\n    exit()\nleave()": "",
    "try: exit()\nexcept Exception: pass": "",
    "try: exit()\nfinally: kept = 42": "",
    "[exit() for _ in range(3)]": "",
    "class Report:\n    def _repr_html_(self): exit()\ndisplay(Report())": "",
    "get_ipython().ask_exit()": "",
    "%time exit()": "",
    "import asyncio\nawait asyncio.sleep(0)\nexit()": "",
    "import asyncio\nasync def leave(): exit()\nawait leave()": "",
    "import asyncio\nasync def leave(): exit()\nawait asyncio.create_task(leave())": "",
    "import asyncio\nasync def leave(): exit()\nawait asyncio.gather(leave(), asyncio.sleep(0))": "",
}


@pytest.mark.parametrize("code", WAYS)
async def test_a_cell_that_ends_itself_is_no_success_and_the_kernel_goes_on(start_kernel, code):
    kernel = await start_kernel()
    await kernel.run("kept = 42")
    pid = kernel.session.pid

    reply = await kernel.run(f"print('before')\n{code}\nprint('after')")

    assert (reply.status, reply.ename, reply.evalue) == ("error", "SystemExit", WAYS[code])
    assert "before" in kernel.text()
    assert "after\n" not in kernel.text()
    assert "ended itself" in reply.traceback[-1]
    assert "Variables are kept" in reply.traceback[-1]
    await kernel.run("import time; time.sleep(0.3); print(kept)")  # ipykernel ends 0.1 s later
    assert (kernel.text(), kernel.session.pid) == ("42\n", pid)


@on_every_backend
async def test_every_backends_kernel_goes_on(start_kernel):
    kernel = await start_kernel()
    await kernel.run("kept = 42")

    reply = await kernel.run("exit()")
    await kernel.run("import time; time.sleep(0.3); print(kept)")

    assert reply.ename == "SystemExit"
    assert kernel.text() == "42\n"


async def test_nothing_is_said_on_stderr_about_other_ways_to_leave(start_kernel):
    kernel = await start_kernel()
    await kernel.run("exit()")

    assert [output["output_type"] for output in kernel.outputs] == ["error"]


async def test_the_names_alone_say_what_they_do(start_kernel):
    kernel = await start_kernel()

    reply = await kernel.run("exit")

    assert reply.status == "ok"
    assert "ends the cell; the kernel goes on" in kernel.text()


async def test_a_task_or_callback_that_exits_later_ends_nothing(start_kernel):
    kernel = await start_kernel()
    await kernel.run(
        "import asyncio, sys\nkept = 42\n"
        "async def later():\n    await asyncio.sleep(0.01)\n    sys.exit()\n"
        "task = asyncio.create_task(later())\n"
        "asyncio.get_running_loop().call_later(0.02, sys.exit)"
    )

    await kernel.run("await asyncio.sleep(0.2)")
    await kernel.run("print(kept, task.done())")

    assert kernel.text() == "42 True\n"


async def test_a_kernel_can_still_be_shut_down_by_its_client():
    manager = AsyncKernelManager(kernel_name="tallybook-python")
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    await client.wait_for_ready(timeout=30)
    reply = await client.execute_interactive("exit()", timeout=20, output_hook=lambda m: None)
    assert reply["content"]["status"] == "error"
    assert reply["content"]["payload"] == []

    await manager.shutdown_kernel(now=False)
    client.stop_channels()

    assert not await manager.is_alive()


async def test_the_rest_of_a_notebook_is_not_run_by_jupyters_own_client(tmp_path):
    """As papermill, which takes the end of a cell with ``exit(0)`` for the notebook's."""
    cells = [nbformat.v4.new_code_cell(code) for code in ("exit()", "print('never')")]
    notebook = nbformat.v4.new_notebook(cells=cells)

    with pytest.raises(CellExecutionError, match="SystemExit"):
        await NotebookClient(notebook, kernel_name="tallybook-python").async_execute()

    assert notebook.cells[1].outputs == []
