"""What is planted in a workspace is data: no later kernel reads it as code or configuration."""

from __future__ import annotations

import sys

import pytest
from jupyter_client.manager import AsyncKernelManager

from container.confined import run_confined
from container.kernel.session import KernelSession
from container.limits import Limits
from container.tree import change_owner
from container.workspace.workspace import Workspace
from tests.docker_engine import on_every_backend

PACKAGES = (
    "inside IPython ipykernel jupyter_client jupyter_core traitlets tornado zmq numpy pandas "
    "matplotlib matplotlib_inline openpyxl xlsxwriter python_calamine dateutil pexpect bash_kernel "
    "sitecustomize usercustomize apport_python_hook _distutils_hack"
).split()
OWN_MODULES = (
    "bash bridge confine defaults kernel_app launch limited linux zygote variables".split()
)
CONFIGURATION = {
    "matplotlibrc": "savefig.dpi: 7\nbackend: planted\n",
    "ipython_config.py": "raise SystemExit('planted')",
    "ipython_kernel_config.py": "raise SystemExit('planted')",
    "jupyter_config.py": "raise SystemExit('planted')",
    "profile_default/ipython_config.py": "raise SystemExit('planted')",
    "profile_default/startup/00.py": "raise SystemExit('planted')",
    ".ipython/profile_default/startup/00.py": "raise SystemExit('planted')",
    "pyvenv.cfg": "home = /workspace\n",
    "planted.pth": "import planted\n",
    "python._pth": "/workspace\n",
    ".bashrc": "exit 7\n",
    ".bash_profile": "exit 7\n",
    ".profile": "exit 7\n",
    ".inputrc": "set editing-mode planted\n",
    ".pdbrc": "raise SystemExit('planted')\n",
    ".npmrc": "planted\n",
    ".env": "PLANTED=1\n",
    "deno.json": "{ planted",
    "deno.jsonc": "{ planted",
    "deno.lock": "{ planted",
    "package.json": "{ planted",
    "node_modules/planted/package.json": "{ planted",
}
HOSTILE = (
    "import resource\n"
    "open('/workspace/outputs/ran-' + __name__, 'w').close()\n"
    "raise SystemExit('planted')\n"
)


def plant(workspace: Workspace) -> None:
    """Fill *workspace* as a cell of an earlier kernel could have, or an upload."""
    top = workspace.directory
    texts = dict(CONFIGURATION)
    for name in {*sys.stdlib_module_names, *PACKAGES}:
        texts[f"{name}.py"] = texts[f"{name}/__init__.py"] = HOSTILE
    for name in OWN_MODULES:
        texts[f"inside/{name}.py"] = HOSTILE
    for name, text in texts.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if workspace.uid is not None:
        change_owner(top, workspace.uid)


def what_ran(workspace: Workspace) -> list[str]:
    return [file.name for file in workspace.files("outputs")]


@pytest.fixture
def planted(workspace) -> Workspace:
    plant(workspace)
    return workspace


@on_every_backend
async def test_a_kernel_starts_and_works_whatever_lies_in_its_workspace(
    start_kernel, backend, tmp_path
):
    plant(Workspace.create(tmp_path / "kernel-1"))  # where `start_kernel` makes its first

    kernel = await start_kernel()
    await kernel.run(
        "import wave, this, pandas as pd, matplotlib, os, resource\n"
        "limits = [resource.getrlimit(getattr(resource, 'RLIMIT_' + name))\n"
        "          for name in ('NPROC', 'FSIZE', 'CORE', 'NOFILE')]\n"
        "print(limits, matplotlib.rcParams['savefig.dpi'], os.getcwd(), 1 + 1)"
    )

    limits = Limits()
    expected = [(n, n) for n in (limits.pids, limits.file_bytes, 0, limits.open_files)]
    assert kernel.text().endswith(f"{expected} figure /workspace 2\n")
    assert what_ran(kernel.session.workspace) == []


@on_every_backend
async def test_nothing_a_kernel_can_write_is_on_its_module_path(start_kernel):
    kernel = await start_kernel()
    await kernel.run(
        "import os, sys\n"
        "places = [p for p in sys.path if p in ('', '.') or not os.path.isabs(p)\n"
        "          or p.startswith(('/workspace', '/dev', '/run')) or os.access(p, os.W_OK)]\n"
        "print(places, sys.flags.safe_path, '' in sys.path)"
    )

    assert kernel.text() == "[] True False\n"


@on_every_backend
async def test_a_module_of_the_users_own_is_not_imported(start_kernel):
    """The risk check refuses own modules; a kernel does not find them either."""
    kernel = await start_kernel()
    await kernel.run("open('mine.py', 'w').write('x = 1')")

    reply = await kernel.run("import mine")

    assert reply.ename == "ModuleNotFoundError"


@on_every_backend
async def test_a_cell_cannot_own_the_start_of_the_next_kernel(start_kernel, backend, tmp_path):
    """The way it was done: a cell wrote ``inside/launch.py`` and lifted every limit."""
    first = await start_kernel()
    await first.run(
        "import os\nos.makedirs('inside')\n"
        "for name in ('__init__', 'launch', 'limited', 'kernel_app', 'confine'):\n"
        "    open(f'inside/{name}.py', 'w').write('raise SystemExit(3)')"
    )
    await first.session.aclose()

    second = KernelSession(first.session.workspace, backend=backend)
    try:
        await second.start()
        text = []

        async def keep(output):
            text.append(output.get("text", ""))

        await second.execute(
            "import resource; print(resource.getrlimit(resource.RLIMIT_NPROC))", keep
        )
    finally:
        await second.aclose()

    assert text == [f"({Limits().pids}, {Limits().pids})\n"]


LOOKS = {
    "tallybook-python": (
        "import os, resource\n"
        "for name, limit in (('Max processes', 'NPROC'), ('Max file size', 'FSIZE')):\n"
        "    print(f'{name:25}', *resource.getrlimit(getattr(resource, f'RLIMIT_{limit}')))\n"
        "print(os.getcwd())"
    ),
    "tallybook-bash": "cat /proc/self/limits; pwd",
    "tallybook-deno": "throw new Error(Deno.readTextFileSync('/proc/self/limits') + '\\n' + Deno.cwd())",
}


@pytest.mark.parametrize("name", LOOKS)
async def test_every_language_starts_within_its_limits_whatever_lies_there(planted, name):
    """Through Jupyter's own client, as papermill and JupyterLab start them."""
    manager = AsyncKernelManager(kernel_name=name)
    await manager.start_kernel(cwd=str(planted.directory))
    told = []
    try:
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=60)
        reply = await client.execute_interactive(
            LOOKS[name],
            timeout=60,
            output_hook=lambda m: told.append(str(m["content"].get("text", ""))),
        )
        client.stop_channels()
    finally:
        await manager.shutdown_kernel(now=True)

    text = "".join(told) + str(reply["content"].get("evalue", ""))
    held = {line[:25].strip(): line[25:].split()[:2] for line in text.splitlines()}
    assert text.rstrip().endswith("/workspace")
    assert reply["content"]["execution_count"] == 1
    assert held["Max processes"] == [str(Limits().pids)] * 2
    assert held["Max file size"] == [str(Limits().file_bytes)] * 2
    assert what_ran(planted) == []


@pytest.mark.parametrize("how", ["module", "code", "script"])
async def test_a_confined_run_reads_nothing_of_the_workspace_as_code(planted, tmp_path, how):
    programs = tmp_path / "programs"
    programs.mkdir(mode=0o755)
    program = programs / "program.py"
    program.write_text(
        "import json, wave, decimal, openpyxl, pandas, python_calamine, sys, os\n"
        "print('fine', [p for p in sys.path if p in ('', '/workspace')])\n"
    )
    argv = {
        "module": ("-m", "json.tool", "--help"),
        "code": ("-c", program.read_text()),
        "script": ("/opt/tallybook/programs/program.py",),
    }[how]

    result = await run_confined(
        (sys.executable, *argv),
        planted,
        Limits(),
        readonly=((programs, "/opt/tallybook/programs"),),
    )

    assert result.status is not None
    assert result.status.exit_code == 0, result.printed
    assert how == "module" or result.printed == "fine []\n"
