"""Jupyter's own clients, unchanged, use the service as they would any Jupyter server."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from notebooks.ledger.verify import verify_notebook
from tests.browser.chromium import browser

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ROOT / ".venv-clients" / "bin"
SERVICES = Path(__file__).parent / "services"
NODE = Path(sys.prefix) / "bin" / "node"

KERNEL_CLIENT = """
import json, sys
from jupyter_kernel_client import JupyterKernelClient

url, token = sys.argv[1:]
with JupyterKernelClient(server_url=url, token=token) as kernel:
    first = kernel.execute("x = 41; print('hello')")
    second = kernel.execute("x + 1")
    failed = kernel.execute("1 / 0")
    variables = kernel.list_variables()
names = [variable["name"] if isinstance(variable, dict) else variable.name for variable in variables]
print(json.dumps([first["outputs"], second["outputs"], failed["outputs"][0]["ename"], names]))
"""

# jupyter_server's blocking gateway client opens its websocket without the token it was given.
NBCLIENT = """
import asyncio, functools, json, sys
import nbformat, websocket
from jupyter_server.gateway.gateway_client import GatewayClient
from nbclient import NotebookClient

url, token = sys.argv[1:]
gateway = GatewayClient.instance()
gateway.url, gateway.auth_token = url, token
websocket.create_connection = functools.partial(
    websocket.create_connection, header=[f"Authorization: token {token}"]
)
cells = [nbformat.v4.new_code_cell(c) for c in ("y = 6\\nprint('run')", "y * 7")]
notebook = nbformat.v4.new_notebook(cells=cells)
client = NotebookClient(
    notebook,
    kernel_manager_class="jupyter_server.gateway.managers.GatewayKernelManager",
    kernel_name="tallybook-python",
)
asyncio.run(client.async_execute())
print(json.dumps([output for cell in notebook.cells for output in cell.outputs]))
"""


@pytest.fixture
async def running(start_gateway):
    return await start_gateway([])


async def output_of(*command, seconds=90):
    """Run another program while the gateway in this one serves it; return its last line."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "TALLYBOOK"))}
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds):
            out, err = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, err.decode()[-2000:]
    return json.loads(out.decode().strip().splitlines()[-1])


def only_conversation(running):
    [home] = (running.gateway.services.settings.data_dir / "conversations").iterdir()
    return home.name


async def test_jupyter_kernel_client_runs_code_and_its_cells_are_recorded(running):
    first, second, failed, names = await output_of(
        CLIENTS / "python", "-c", KERNEL_CLIENT, running.url, running.token
    )

    assert first == [{"output_type": "stream", "name": "stdout", "text": "hello\n"}]
    assert second[0]["data"] == {"text/plain": "42"}
    assert failed == "ZeroDivisionError"
    assert names == ["x"]
    notebook = running.home(only_conversation(running)) / "notebook.ipynb"
    code = [c for c in json.loads(notebook.read_text())["cells"] if c["cell_type"] == "code"]
    assert ["".join(c["source"]) for c in code] == ["x = 41; print('hello')", "x + 1", "1 / 0"]
    assert verify_notebook(notebook).verified


async def test_nbclient_runs_a_notebook_through_jupyter_servers_gateway_client(running):
    outputs = await output_of(CLIENTS / "python", "-c", NBCLIENT, running.url, running.token)

    assert outputs[0]["text"] == "run\n"
    assert outputs[1]["data"]["text/plain"] == "42"


async def test_jupyterlabs_client_library_runs_asks_completes_reconnects_and_restarts(running):
    seen = await output_of(NODE, SERVICES / "run.mjs", running.url, running.token)

    assert seen["default"] == "tallybook-python"
    assert seen["statuses"] == ["ok", "ok", "error", "error"]
    assert seen["outputs"] == [
        "hello\n", "2", "42", "ZeroDivisionError", "after the loss\n", "NameError",
    ]  # fmt: skip
    assert "print" in seen["completions"]


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
async def lab(running, tmp_path):
    """JupyterLab, started on a notebook of its own with our service as its gateway."""
    cell = {"cell_type": "code", "id": "a", "source": "", "metadata": {}, "outputs": []}
    notebook = {
        "cells": [{**cell, "source": "print('from', 6 * 7)", "execution_count": None}],
        "metadata": {"kernelspec": {"name": "tallybook-python", "display_name": "Tallybook"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "book.ipynb").write_text(json.dumps(notebook))
    port, log = free_port(), (tmp_path / "lab.log").open("w")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "TALLYBOOK"))}
    process = subprocess.Popen(
        [
            str(CLIENTS / "jupyter-lab"), "--allow-root", "--no-browser", "--ip=127.0.0.1",
            f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=lab-token",
            f"--gateway-url={running.url}", f"--GatewayClient.auth_token={running.token}",
            f"--ServerApp.root_dir={tmp_path / 'lab'}",
        ],
        env={**environment, "HOME": str(tmp_path), "JUPYTER_PREFER_ENV_PATH": "1"},
        stdout=log,
        stderr=log,
    )  # fmt: skip
    yield f"http://127.0.0.1:{port}/lab/tree/book.ipynb?token=lab-token", tmp_path / "lab.log"
    process.terminate()
    await asyncio.to_thread(process.wait, 20)
    log.close()


@pytest.mark.timeout(180)
async def test_jupyterlab_with_our_service_as_its_gateway_runs_a_cell_and_shows_its_output(lab):
    url, log = lab
    async with asyncio.timeout(60):
        while "is running at" not in log.read_text():
            await asyncio.sleep(0.2)

    shown = await asyncio.to_thread(_run_first_cell, url)

    assert shown.strip() == "from 42", log.read_text()[-3000:]


def _run_first_cell(url):
    with browser() as driver:
        driver.get(url)
        wait = WebDriverWait(driver, 90)
        wait.until(lambda d: d.find_elements(By.CSS_SELECTOR, ".jp-Notebook .cm-content"))
        idle = "[data-status='idle'], .jp-Notebook-ExecutionIndicator[data-status='idle']"
        wait.until(lambda d: d.find_elements(By.CSS_SELECTOR, idle))
        time.sleep(1)
        cell = driver.find_element(By.CSS_SELECTOR, ".jp-Notebook .cm-content")
        cell.click()
        cell.send_keys(Keys.SHIFT, Keys.ENTER)
        output = wait.until(lambda d: d.find_elements(By.CSS_SELECTOR, ".jp-OutputArea-output pre"))
        return output[0].text
