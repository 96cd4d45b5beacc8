"""Jupyter's own tools start the same sandboxed kernel by its name, and open our notebooks."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from container.host.runtime import runtime_directory
from tests.conftest import PIVOT, STACK


@pytest.mark.parametrize(
    ("name", "language"),
    [("tallybook-python", "python"), ("tallybook-bash", "bash"), ("tallybook-deno", "typescript")],
)
def test_the_kernelspecs_are_installed_where_jupyter_looks(name, language):
    spec = KernelSpecManager().get_kernel_spec(name)

    assert spec.language == language
    provisioner = spec.metadata["kernel_provisioner"]["provisioner_name"]
    assert provisioner == "tallybook-sandbox"


async def test_nbclient_runs_a_notebook_in_the_sandbox(tmp_path):
    code = "import os\nprint(os.getuid(), os.path.exists('/etc/shadow'), os.getcwd())"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])

    client = NotebookClient(
        notebook, kernel_name="tallybook-python", resources={"metadata": {"path": str(tmp_path)}}
    )
    await client.async_execute()

    assert notebook.cells[0].outputs[0].text == "1000 False /workspace\n"


def notebook_of(code):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])


async def test_bash_runs_in_the_same_sandbox():
    notebook = notebook_of("pwd; id -u; ls /etc/shadow 2> /dev/null || echo none")

    await NotebookClient(notebook, kernel_name="tallybook-bash").async_execute()

    printed = "".join(output.text for output in notebook.cells[0].outputs)
    assert printed == "/workspace\n1000\nnone\n"


async def test_deno_runs_in_the_same_sandbox():
    """Told by an error, which comes with the reply: outputs Deno may send after the cell's end."""
    notebook = notebook_of(
        "const n: number = 41; throw new Error(`${n + 1} ${Deno.cwd()} ${Deno.uid()}`)"
    )

    with pytest.raises(CellExecutionError, match="42 /workspace 1000"):
        await NotebookClient(notebook, kernel_name="tallybook-deno").async_execute()


async def test_a_restarted_kernel_is_a_new_one_in_the_same_sandbox():
    manager = AsyncKernelManager(kernel_name="tallybook-python")
    await manager.start_kernel()
    try:
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=30)
        first = manager.connection_file
        await client.execute_interactive("x = 1", timeout=20)
        client.stop_channels()

        await manager.restart_kernel(now=True)

        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=30)
        reply = await client.execute_interactive("x", timeout=20, output_hook=lambda _: None)
        client.stop_channels()
        assert reply["content"]["ename"] == "NameError"
        assert not Path(first).exists()
    finally:
        await manager.shutdown_kernel(now=True)


def test_jupyter_console_talks_to_the_sandbox(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "jupyter_console", "--kernel", "tallybook-python",
         "--simple-prompt"],
        input="import os\nprint('uid', os.getuid(), os.path.exists('/etc/shadow'))\nexit\n",
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert "uid 1000 False" in done.stdout


async def test_jupyter_servers_kernels_api_starts_and_ends_the_sandbox(tmp_path):
    """What JupyterLab does when a notebook with this kernelspec is opened."""
    kernels = AsyncMappingKernelManager(root_dir=str(tmp_path))
    kernel_id = await kernels.start_kernel(kernel_name="tallybook-python", path="")
    try:
        client = kernels.get_kernel(kernel_id).client()
        client.start_channels()
        await client.wait_for_ready(timeout=30)
        told = []
        await client.execute_interactive(
            "import os; print(os.getcwd())",
            timeout=20,
            output_hook=lambda m: told.append(m["content"].get("text")),
        )
        client.stop_channels()
        assert "/workspace\n" in told
    finally:
        await kernels.shutdown_kernel(kernel_id, now=True)
    assert list(runtime_directory().glob(f"w-{os.getpid()}-*")) == []


async def test_papermill_by_itself_runs_the_recorded_notebook_again(
    start_gateway, examples, tmp_path
):
    """`papermill -k tallybook-python`, run as a reviewer would, beside the inputs."""
    conversation = await (await start_gateway()).conversation(*examples)
    await conversation.ask(STACK)
    await conversation.ask(PIVOT)
    (tmp_path / "inputs").mkdir()
    for file in examples:
        shutil.copy(file, tmp_path / "inputs")
    shutil.copy(conversation.notebook, tmp_path / "n.ipynb")

    done = subprocess.run(
        [str(Path(sys.executable).parent / "papermill"), "-k", "tallybook-python",
         "n.ipynb", "again.ipynb", "-p", "min_sales", "2000"],
        cwd=tmp_path, capture_output=True, text=True, timeout=100,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-2000:]
    text = json.dumps(json.loads((tmp_path / "again.ipynb").read_text())["cells"])
    assert "rows with Sales > 2,000" in text
