"""Jupyter's own tools start the same sandboxed kernel by its name, and open our notebooks."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient

from tests.conftest import PIVOT, STACK


def test_the_kernelspec_is_installed_where_jupyter_looks():
    spec = KernelSpecManager().get_kernel_spec("tallybook-python")

    assert spec.language == "python"
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
