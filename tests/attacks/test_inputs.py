"""Uploads are what was uploaded, whatever code in a kernel does; new ones still arrive."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from container.limits import Limits, limits_to_json
from container.shim.client import ask, keep_warm
from container.workspace.copy import put_back, set_aside
from container.workspace.workspace import Workspace
from tests.attacks.conftest import CALL
from tests.docker_engine import on_every_backend
from tests.waiting import eventually

UPLOADED = b"Region,Sales\nNorth,1200\n"
ATTEMPTS = {
    "overwrite": "open('inputs/a.csv', 'w')",
    "append": "open('inputs/a.csv', 'a')",
    "write in place": "open('inputs/a.csv', 'r+b')",
    "truncate": "os.truncate('inputs/a.csv', 0)",
    "remove": "os.remove('inputs/a.csv')",
    "rename": "os.rename('inputs/a.csv', 'inputs/b.csv')",
    "move out": "os.rename('inputs/a.csv', 'outputs/a.csv')",
    "replace by another": "open('outputs/x', 'w').close(); os.replace('outputs/x', 'inputs/a.csv')",
    "new file": "open('inputs/new.csv', 'x')",
    "new directory": "os.mkdir('inputs/new')",
    "link in": "os.symlink('/etc/passwd', 'inputs/link')",
    "hard link out": "os.link('inputs/a.csv', 'outputs/hard.csv')",
    "hard link in": "open('outputs/y', 'w').close(); os.link('outputs/y', 'inputs/hard.csv')",
    "modes": "os.chmod('inputs/a.csv', 0o777)",
    "modes of the directory": "os.chmod('inputs', 0o777)",
    "times": "os.utime('inputs/a.csv', (0, 0))",
    "attributes": "os.setxattr('inputs/a.csv', 'user.x', b'1')",
    "by an absolute path": "open('/workspace/inputs/a.csv', 'w')",
    "by the working directory": "open('/proc/self/cwd/inputs/a.csv', 'w')",
    "by another process's root": "open('/proc/1/root/workspace/inputs/a.csv', 'w')",
    "by a descriptor": "open(f\"/proc/self/fd/{os.open('inputs/a.csv', os.O_RDONLY)}\", 'w')",
    "by a descriptor of nothing": (
        "open(f\"/proc/self/fd/{os.open('inputs/a.csv', os.O_PATH)}\", 'w')"
    ),
    "by a directory's descriptor": (
        "os.open('a.csv', os.O_RDWR, dir_fd=os.open('inputs', os.O_PATH | os.O_DIRECTORY))"
    ),
    "by a link": "os.symlink('../inputs/a.csv', 'outputs/l'); open('outputs/l', 'w')",
    "by a map": (
        "import mmap; mmap.mmap(os.open('inputs/a.csv', os.O_RDONLY), 0,"
        " mmap.MAP_SHARED, mmap.PROT_WRITE)"
    ),
    "by pandas": "import pandas as pd; pd.DataFrame({'x': [1]}).to_csv('inputs/a.csv')",
    "rename the directory": "os.rename('inputs', 'mine')",
    "remove the directory": "os.rmdir('inputs')",
    "remove the tree": "import shutil; shutil.rmtree('inputs')",
    "a link in the directory's place": "os.rename('inputs', 'x'); os.symlink('/tmp', 'inputs')",
    "another directory in its place": "os.mkdir('mine'); os.replace('mine', 'inputs')",
    "swap it": (
        "os.mkdir('other'); answer = call(316, -100, b'/workspace/inputs', -100,"
        " b'/workspace/other', 2); raise OSError(answer) if answer[0] else Exception('SWAPPED')"
    ),
    "unmount": "raise OSError(0) if call(166, b'/workspace/inputs', 2)[0] else Exception('DONE')",
    "mount over": (
        "raise OSError(0) if call(165, b'/tmp', b'/workspace/inputs', None, 4096, None)[0]"
        " else Exception('DONE')"
    ),
    "remount": (
        "raise OSError(0) if call(165, b'', b'/workspace/inputs', None, 32 | 4096, None)[0]"
        " else Exception('DONE')"
    ),
    "other attributes of the mount": (
        "raise OSError(0) if call(442, -100, b'/workspace/inputs', 0,"
        " (ctypes.c_uint64 * 4)(0, 1, 0, 0), 32)[0] else Exception('DONE')"
    ),
    "a copy of the mount": (
        "raise OSError(0) if call(428, -100, b'/workspace/inputs', 1)[0] < 0 else Exception('DONE')"
    ),
    "a user namespace": "raise OSError(0) if call(272, 0x10020000)[0] else Exception('DONE')",
}


def upload(workspace: Workspace, name: str = "a.csv", content: bytes = UPLOADED) -> Path:
    with workspace.add_input(name) as new:
        new.file.write(content)
    return workspace.directory / "inputs" / new.name


def facts(workspace: Workspace) -> dict[str, tuple[int, ...]]:
    """Return all about ``inputs/`` that reading it doesn't change."""
    top = workspace.directory / "inputs"
    stats = {path.name: path.lstat() for path in (top, *top.iterdir())}
    return {
        name: (s.st_ino, s.st_mode, s.st_size, s.st_nlink, s.st_mtime_ns, s.st_ctime_ns, s.st_uid)
        for name, s in stats.items()
    }


@on_every_backend
async def test_no_code_changes_what_was_uploaded(start_kernel):
    kernel = await start_kernel()
    workspace = kernel.session.workspace
    file = upload(workspace)
    before = facts(workspace)
    await kernel.run(CALL)

    done = []
    for name, code in ATTEMPTS.items():
        reply = await kernel.run(code)
        if reply.status != "error" or reply.ename == "Exception":
            done.append(name)

    assert done == []
    assert facts(workspace) == before
    assert file.read_bytes() == UPLOADED
    assert sorted(os.listdir(workspace.directory)) == ["inputs", "mine", "other", "outputs"]


@on_every_backend
async def test_the_refusal_says_that_it_is_read_only(start_kernel):
    kernel = await start_kernel()
    upload(kernel.session.workspace)

    reply = await kernel.run("open('inputs/a.csv', 'w')")

    assert (reply.status, reply.ename) == ("error", "OSError")
    assert "Read-only file system" in reply.evalue
    assert "'inputs/a.csv'" in reply.evalue


@on_every_backend
async def test_uploads_arrive_change_and_go_in_a_running_kernel(start_kernel):
    kernel = await start_kernel()
    workspace = kernel.session.workspace
    show = "import os; print({n: open(f'inputs/{n}').read() for n in sorted(os.listdir('inputs'))})"
    await kernel.run(show)
    assert kernel.text() == "{}\n"

    first = upload(workspace, "a.txt", b"1")
    upload(workspace, "b.txt", b"2")
    await kernel.run(show)
    assert kernel.text() == "{'a.txt': '1', 'b.txt': '2'}\n"

    other = upload(workspace, "c.txt", b"3")
    other.replace(first)
    (first.parent / "b.txt").unlink()
    await kernel.run(show)
    assert kernel.text() == "{'a.txt': '3'}\n"


@on_every_backend
async def test_everything_else_in_the_workspace_can_be_written(start_kernel):
    kernel = await start_kernel()
    upload(kernel.session.workspace)

    reply = await kernel.run(
        "import shutil, os\nshutil.copy('inputs/a.csv', 'outputs/copy.csv')\n"
        "os.rename('outputs/copy.csv', 'mine.csv'); os.mkdir('d'); os.rmdir('d')\n"
        "open('mine.csv', 'a').write('x')"
    )

    assert (reply.status, reply.evalue) == ("ok", "")
    assert (kernel.session.workspace.directory / "mine.csv").read_bytes() == UPLOADED + b"x"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("tallybook-python", "import os; os.remove('inputs/a.csv')"),
        ("tallybook-bash", "rm -rf inputs; mv inputs mine; echo changed > inputs/a.csv"),
        ("tallybook-deno", "Deno.removeSync('/workspace/inputs/a.csv')"),
    ],
)
async def test_kernels_of_jupyters_own_clients_change_no_upload_either(workspace, name, code):
    file = upload(workspace)
    manager = AsyncKernelManager(kernel_name=name)
    await manager.start_kernel(cwd=str(workspace.directory))
    try:
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=60)
        await client.execute_interactive(code, timeout=60, output_hook=lambda m: None)
        client.stop_channels()
    finally:
        await manager.shutdown_kernel(now=True)

    assert file.read_bytes() == UPLOADED
    assert sorted(os.listdir(workspace.directory)) == ["inputs", "outputs"]


async def test_a_run_outside_a_workspace_has_its_inputs_read_only_too(tmp_path):
    """nbclient and papermill in any directory: a re-run treats inputs as the first run did."""
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "a.csv").write_bytes(UPLOADED)
    code = (
        "print(open('inputs/a.csv').read())\n"
        "try: open('inputs/a.csv', 'w')\nexcept OSError as e: print(e.errno)"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])

    client = NotebookClient(
        notebook, kernel_name="tallybook-python", resources={"metadata": {"path": str(tmp_path)}}
    )
    await client.async_execute()

    assert notebook.cells[0].outputs[0].text == f"{UPLOADED.decode()}\n30\n"


@pytest.mark.parametrize("instead", ["a link", "a file", "nothing"])
@on_every_backend
async def test_what_stands_in_the_place_of_inputs_is_neither_shown_nor_lost(
    start_kernel, backend, tmp_path, instead
):
    """As kernels could leave it when they might still change the directory."""
    secret = tmp_path / "secret"
    secret.mkdir(mode=0o755)
    (secret / "key").write_text("4711")
    workspace = Workspace.create(tmp_path / "kernel-1")
    inputs = workspace.directory / "inputs"
    inputs.rmdir()
    match instead:
        case "a link":
            inputs.symlink_to(secret)
        case "a file":
            inputs.write_text("a result")

    kernel = await start_kernel()
    await kernel.run("import os; print(os.listdir('inputs'), os.path.islink('inputs'))")

    assert kernel.text() == "[] False\n"
    left = [p for p in workspace.directory.iterdir() if p.name not in ("inputs", "outputs")]
    assert len(left) == (0 if instead == "nothing" else 1)


@on_every_backend
async def test_while_a_notebook_is_replayed_uploads_stay_and_arrive(start_kernel, tmp_path):
    """`set_aside` and `put_back` around a replay, with the kernel running."""
    kernel = await start_kernel()
    workspace = kernel.session.workspace
    file = upload(workspace)
    (workspace.directory / "outputs" / "result.txt").write_text("kept")
    place = tmp_path / "aside"

    set_aside(workspace, place)
    reply = await kernel.run(
        "import os\nprint(os.listdir('outputs'), os.listdir('inputs'))\n"
        "open('outputs/result.txt', 'w').write('replayed')\nos.remove('inputs/a.csv')"
    )
    during = kernel.text()
    upload(workspace, "meanwhile.csv", b"new")
    put_back(workspace, place)
    await kernel.run("print(open('outputs/result.txt').read(), sorted(os.listdir('inputs')))")

    assert during.startswith("[] ['a.csv']\n")
    assert reply.ename == "OSError"
    assert kernel.text() == "kept ['a.csv', 'meanwhile.csv']\n"
    assert file.read_bytes() == UPLOADED


async def test_a_kernel_that_waited_in_the_pool_has_its_inputs_read_only(start_kernel):
    """Its workspace is attached to a kernel that runs already."""
    limits = Limits(seconds=78.0, audited=False)  # nobody else's
    connection = await keep_warm(1, limits)

    async def is_warm():
        return (await ask({"op": "ping", "limits": limits_to_json(limits)}))["warm"] == 1

    try:
        await eventually("a kernel is warm", is_warm)
        before = (await ask({"op": "ping"}))["leased"]
        kernel = await start_kernel(seconds=limits.seconds)
        file = upload(kernel.session.workspace)
        reply = await kernel.run("open('inputs/a.csv', 'w')")
    finally:
        connection.close()

    assert (await ask({"op": "ping"}))["leased"] == before + 1
    assert "Read-only file system" in reply.evalue
    assert file.read_bytes() == UPLOADED
