"""A service that is not root: kernels run as users of their own where it is allowed some."""

import json
import os
from collections.abc import Iterator

import pytest

from container.host.host_users import HOST_USERS
from tests.attacks.greed import DESCRIPTORS
from tests.docker_engine import on_every_backend
from tests.plain_user import RANGE, UID, PlainUser, plain_user

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can arrange such a host")

BEGIN = """
import asyncio, json, os, sys, tempfile
from pathlib import Path
from container.host.host_users import enter_host_users, host_users, outside
from container.kernel.session import KernelSession
from container.limits import Limits
from container.workspace.workspace import Workspace

home = Path(os.environ["HOME"])

async def session_in(directory, **options):
    session = KernelSession(Workspace.create(home / directory), **options)
    await session.start()
    return session

async def run(session, code):
    printed = []
    async def keep(output):
        printed.append(output.get("text") or str(output))
    await session.execute(code, keep)
    return "".join(printed)

def user_of(session):
    status = Path("/proc", str(session.pid), "status").read_text()
    return outside(int(status.partition("Uid:")[2].split()[0]))

def say(**facts):
    print(json.dumps(facts))
"""
ENTER = "enter_host_users()\n"


@pytest.fixture
def user() -> Iterator[PlainUser]:
    with plain_user() as made:
        yield made


def facts_of(user: PlainUser, script: str, **options) -> dict:
    return json.loads(user.python(BEGIN + script, **options))


@on_every_backend
def test_each_workspace_gets_a_user_of_the_range_and_the_service_can_touch_its_files(user, backend):
    facts = facts_of(
        user,
        ENTER + f"backend = {backend!r}\n"
        "async def main():\n"
        "    sessions = [await session_in(name, backend=backend) for name in ('a', 'b')]\n"
        "    for session in sessions:\n"
        "        await run(session, \"open('outputs/x', 'w').write('1'); \"\n"
        "                  \"os_ = __import__('os'); os_.chmod('outputs/x', 0); os_.chmod('outputs', 0)\")\n"
        "    read = [s.workspace.open_read('outputs/x').read().decode() for s in sessions]\n"
        "    users = [user_of(session) for session in sessions]\n"
        "    for session in sessions:\n"
        "        await session.aclose()\n"
        "        session.workspace.remove()\n"
        "    say(users=users, read=read, left=sorted(os.listdir(home)))\n"
        "asyncio.run(main())\n",
    )

    assert all(number in RANGE for number in facts["users"])
    assert len(set(facts["users"])) == 2
    assert facts["read"] == ["1", "1"]
    assert facts["left"] == ["runtime"]


def test_one_kernel_cannot_take_the_descriptors_in_flight_of_another(user):
    facts = facts_of(
        user,
        ENTER + f"take = {DESCRIPTORS!r} + 'print(taken)'\n"
        "async def main():\n"
        "    sessions = [await session_in(name, limits=Limits(audited=False))"
        " for name in ('greedy', 'neighbour')]\n"
        "    taken = [int(await run(session, take)) for session in sessions]\n"
        "    for session in sessions: await session.aclose()\n"
        "    say(taken=taken)\n"
        "asyncio.run(main())\n",
    )

    greedy, neighbour = facts["taken"]
    assert 0 < greedy < 10_000
    assert neighbour == greedy


@pytest.mark.parametrize(
    ("host", "users"),
    [({}, RANGE), ({"allowed": False}, [UID]), ({"privileges": False}, [UID])],
    ids=["allowed", "without a range", "no new privileges"],
)
def test_a_jupyter_client_that_is_no_service_gets_such_kernels_too(user, host, users):
    """Its kernel's private workspace is lent; where that can't be it is the client's own user."""
    facts = facts_of(
        user,
        "import nbformat\n"
        "from nbclient import NotebookClient\n"
        "made = Path(tempfile.mkdtemp(dir=home))\n"
        "(made / 'inputs').mkdir()\n"
        "(made / 'inputs' / 'a.csv').write_text('Sales')\n"
        "cell = nbformat.v4.new_code_cell(\"print(open('inputs/a.csv').read(), open('outputs/x', 'w').write('1'))\")\n"
        "notebook = nbformat.v4.new_notebook(cells=[cell])\n"
        "client = NotebookClient(notebook, kernel_name='tallybook-python', resources={'metadata': {'path': made}})\n"
        "with client.setup_kernel():\n"
        "    client.execute_cell(cell, 0)\n"
        "    status = Path('/proc', str(client.km.provisioner.lease.pid), 'status').read_text()\n"
        "left = [name for name in os.listdir(home / 'runtime') if name[:2] in ('k-', 'w-')]\n"
        "say(user=int(status.partition('Uid:')[2].split()[0]), text=cell.outputs[0].text, left=left)\n",
        **host,
    )

    assert facts["text"] == "Sales 1\n"
    assert facts["user"] in users
    assert facts["left"] == []


def test_a_service_that_starts_again_takes_over_its_kernels(user):
    """Its user namespace is another one then; the users in it are the same."""
    facts_of(
        user,
        ENTER + "async def main():\n"
        "    session = await session_in('w', label='mine', keep_seconds=60)\n"
        "    await run(session, \"kept = 41; open('outputs/x', 'w').write('1')\")\n"
        "    say(alive=session.alive)\n"
        "    sys.stdout.flush()\n"
        "    os._exit(0)\n"
        "asyncio.run(main())\n",
    )

    facts = facts_of(
        user,
        ENTER + "from container.shim.client import living_kernels\n"
        "async def main():\n"
        "    session = KernelSession(Workspace.create(home / 'w'))\n"
        "    (kernel,) = await living_kernels()\n"
        "    await session.adopt(kernel)\n"
        "    text = await run(session, 'print(kept + 1)')\n"
        "    read = session.workspace.open_read('outputs/x').read().decode()\n"
        "    say(text=text, read=read, label=kernel.label)\n"
        "    await session.aclose()\n"
        "asyncio.run(main())\n",
    )

    assert facts == {"text": "42\n", "read": "1", "label": "mine"}


def test_a_workspace_of_a_time_without_a_range_gets_a_user_with_all_its_files(user):
    one_user = facts_of(
        user,
        "made = Workspace.create(home / 'w')\n"
        "with made.add_input('a.csv') as new: new.file.write(b'Sales')\n"
        "say(uid=made.uid)\n",
        allowed=False,
    )

    facts = facts_of(
        user,
        ENTER + "made = Workspace.create(home / 'w')\n"
        "owners = {outside(p.stat().st_uid) for p in (made.directory, *made.directory.rglob('*'))}\n"
        "say(owners=sorted(owners), text=made.open_read('inputs/a.csv').read().decode())\n",
    )

    assert one_user == {"uid": None}
    assert len(facts["owners"]) == 1
    assert facts["owners"][0] in RANGE
    assert facts["text"] == "Sales"


def test_a_service_that_lost_its_range_says_what_to_give_back(user):
    facts_of(user, ENTER + "say(uid=Workspace.create(home / 'w').uid)\n")

    facts = facts_of(
        user,
        "from container.errors import SandboxUnavailable\n"
        "try: Workspace.create(home / 'w')\n"
        "except SandboxUnavailable as error: say(said=str(error))\n",
        allowed=False,
    )

    assert "belongs to user 7" in facts["said"]
    assert "give the service back the users it had" in facts["said"]


def test_the_doctor_says_that_each_workspace_has_a_user_of_its_own(user):
    said = user.run("tallybook", "doctor")

    assert "kernels run as: a user of its own for each workspace" in said
    assert "formula values computed: yes, by LibreOffice" in said


COMPUTE = """
from agent.checks.formula_values import FormulaValues
from openpyxl import Workbook, load_workbook

async def main():
    workspace = Workspace.create(home / "computed")
    book = Workbook()
    book.active["A1"] = "=6*7"
    book.save(home / "made.xlsx")
    with workspace.new_output("made.xlsx") as file:
        file.write((home / "made.xlsx").read_bytes())
    values = FormulaValues(Limits(), warm=False)
    found = await values.compute(workspace, ["outputs/made.xlsx"])
    await values.aclose()
    with workspace.open_read("outputs/made.xlsx") as file:
        say(found=found, value=load_workbook(file, data_only=True).active["A1"].value)

asyncio.run(main())
"""


@pytest.mark.parametrize("allowed", [True, False])
def test_formulas_are_computed_for_a_plain_user_too(user, allowed):
    facts = facts_of(user, (ENTER if allowed else "") + COMPUTE, allowed=allowed)

    assert facts["value"] == 42, facts


@pytest.mark.parametrize(
    ("host", "reasons"),
    [
        ({"allowed": False}, ["/etc/subuid has no range", "usermod --add-subuids"]),
        (
            {"privileges": False},
            ["the users of /etc/subuid can't be used (newuidmap: ", "no NoNewPrivileges"],
        ),
        ({"owners_fixed": True}, ["keep data on a local disk"]),
    ],
    ids=["without a range", "no new privileges", "files can't be given away"],
)
def test_the_doctor_says_why_kernels_share_the_services_user(user, host, reasons):
    said = user.run("tallybook", "doctor", **host)

    assert "sandbox: yes" in said
    assert "kernels run as: your own user" in said
    for reason in reasons:
        assert reason in said


def test_the_demo_runs_to_its_end_and_leaves_files_of_its_user(user):
    output = user.home / "demo"

    said = user.run("tallybook", "demo", "--output", str(output))

    assert "verified: yes" in said
    assert "reproduced" in said
    assert {path.stat().st_uid for path in (output, *output.rglob("*"))} == {UID}


def test_the_range_bears_the_numbers_root_uses(user):
    facts = facts_of(
        user, ENTER + "users = host_users()\nsay(users=[users.start, users.stop], me=os.getuid())\n"
    )

    assert facts["me"] == 0
    assert facts["users"] == [HOST_USERS.start, HOST_USERS.stop]
