"""JupyterLab's variable inspector, which runs a script of its own, works as it does elsewhere."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.jupyter_client import Client

ENVIRONMENT = Path(__file__).resolve().parents[2] / ".venv-clients"
EXTENSION = ENVIRONMENT / "share/jupyter/labextensions/@lckr/jupyterlab_variableinspector/static"
SCRIPT = re.compile(r"py_script=('(?:[^'\\]|\\.)*')", re.DOTALL)
LIST = "_jupyterlab_variableinspector_dict_list()"


@pytest.fixture(scope="module")
def inspector():
    """The script that the installed extension sends, as its own JavaScript reads it."""
    literals = (SCRIPT.search(file.read_text()) for file in EXTENSION.glob("*.js"))
    [literal] = [found[1] for found in literals if found is not None]
    program = f"process.stdout.write({literal})"
    return subprocess.run(
        [Path(sys.prefix) / "bin" / "node", "-e", program],
        capture_output=True,
        check=True,
        text=True,
    ).stdout


@pytest.fixture
async def client(running, kernel):
    return await Client(running, kernel).connect()


async def test_the_inspector_s_script_runs_and_lists_the_variables(client, inspector):
    await client.until_done(await client.execute("amount = 41"))
    assert (await client.until_done(await client.execute(inspector, silent=True)))["status"] == "ok"

    asked = await client.execute(LIST)
    await client.until_done(asked)

    [result] = [m for m in client.messages if m["header"]["msg_type"] == "execute_result"]
    [variable] = json.loads(ast.literal_eval(result["content"]["data"]["text/plain"]))
    assert (variable["varName"], variable["varContent"]) == ("amount", "41")


async def test_a_changed_script_is_judged_like_all_other_code(client, inspector):
    changed = inspector + "\nsys.exit()"

    reply = await client.until_done(await client.execute(changed, silent=True))

    assert (reply["status"], reply["ename"]) == ("error", "blocked")
