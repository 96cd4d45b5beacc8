"""Files of the host, of the service and of other sessions; and what is written where."""

import pytest

from container.errors import ContainerError
from tests.docker_engine import on_every_backend

pytestmark = on_every_backend
SECRET = "tallybook-secret-4711"


@pytest.mark.parametrize(
    "path",
    ["/root/.bashrc", __file__, "/run/docker.sock", "/var/run/docker.sock",
     "/run/tallybook", "/dev/shm/tallybook", "/run/systemd"],
)  # fmt: skip
async def test_host_files_are_not_there(attack, path):
    text = await attack(
        f"try: print(bool(os.path.exists({path!r}) and (not os.path.isdir({path!r})"
        f" or os.listdir({path!r}))))\nexcept PermissionError: print(False)"
    )

    assert text == "False\n"


async def test_nothing_of_home_directories_is_there_but_the_way_to_python(attack):
    text = await attack(
        "import sys\n"
        "way = [p for p in (sys.prefix, sys.base_prefix) if p.startswith(('/home', '/root'))]\n"
        "for top in ('/home', '/root'):\n"
        "    for here, directories, files in os.walk(top):\n"
        "        if any(here == p or here.startswith(p + '/') for p in way):\n"
        "            directories.clear()\n"
        "        elif files or here != top and not any(p.startswith(here + '/') for p in way):\n"
        "            print(here, directories, files)"
    )

    assert text == ""


async def test_no_password_of_the_host_can_be_read(attack):
    text = await attack("print(open('/etc/shadow').read())")

    assert "Error" in text


async def test_the_services_own_code_is_not_there(attack):
    text = await attack(
        "import importlib.util as u\n"
        "print([n for n in ('agent', 'container', 'notebooks', 'kernel_gateway') "
        "if u.find_spec(n) and u.find_spec(n).origin])"
    )

    assert text == "[]\n"


async def test_the_services_environment_does_not_reach_the_kernel(attack, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", SECRET)

    text = await attack(
        "import pathlib\nprint(dict(os.environ))\n"
        "for p in pathlib.Path('/proc').glob('[0-9]*/environ'):\n"
        "    try: print(p.read_bytes())\n"
        "    except PermissionError: print('refused')"
    )

    assert "MPLBACKEND" in text
    assert SECRET not in text


@pytest.mark.parametrize("directory", ["/", "/usr", "/etc", "/opt/tallybook", "/run", "/var"])
async def test_only_the_workspace_and_tmp_can_be_written(attack, directory):
    text = await attack(
        f"try:\n    os.makedirs({directory!r}, exist_ok=True)\n"
        f"    open(os.path.join({directory!r}, 'x'), 'w'); print('WROTE')\n"
        "except OSError as e: print('refused')"
    )

    assert text == "refused\n"


async def test_workspace_and_tmp_can_be_written(attack):
    text = await attack(
        "from pathlib import Path\n"
        "for p in ('/workspace/outputs/a', '/tmp/a'): Path(p).write_text('x')\nprint('ok')"
    )

    assert text == "ok\n"


async def test_python_its_packages_and_their_caches_cannot_be_changed(attack):
    text = await attack(
        "import pandas, sys, glob\n"
        "cached = glob.glob(os.path.join(os.path.dirname(pandas.__file__), '__pycache__', '*'))\n"
        "for f in (pandas.__file__, sys.executable, *cached[:1], '/opt/tallybook/inside/defaults.py'):\n"
        "    try: open(f, 'r+b'); print('WROTE')\n"
        "    except OSError: pass\nprint('done')"
    )

    assert text == "done\n"


async def test_the_kernel_is_no_root_inside_and_out(start_kernel):
    import os

    kernel = await start_kernel()
    await kernel.run(
        "import os; print(os.getuid() != 0 and os.geteuid() != 0 and os.getgid() != 0)"
    )

    assert kernel.text() == "True\n"
    assert os.stat(f"/proc/{kernel.session.pid}").st_uid != 0


async def test_another_sessions_files_cannot_be_found(attack, start_kernel):
    other = await start_kernel()
    secret = other.session.workspace.directory / "inputs" / "secret.xlsx"
    secret.write_text(SECRET)
    await other.run(
        f"open('/tmp/mine', 'w').write({SECRET!r}); open('/dev/shm/mine', 'w').write('x')"
    )

    text = await attack(
        "import subprocess\n"
        f"print(subprocess.run(['grep', '-rls', {SECRET!r}, '/workspace', '/tmp', '/run', '/root',"
        " '/home', '/var', '/mnt', '/dev/shm'], capture_output=True, text=True).stdout)\n"
        "print(os.path.exists('/dev/shm/mine'))"
    )

    assert text.split() == ["False"]


async def test_setuid_bits_it_sets_mean_nothing(start_kernel):
    import os

    kernel = await start_kernel()
    await kernel.run(
        "import shutil, os, subprocess\nshutil.copy('/bin/sh', 'outputs/sh')\n"
        "os.chmod('outputs/sh', 0o6755)\n"
        "print(subprocess.run(['outputs/sh', '-c', 'id -u'], capture_output=True, text=True).stdout)"
    )

    assert kernel.text() != "0\n"
    # On the host too the file belongs to nobody of importance.
    planted = kernel.session.workspace.directory / "outputs" / "sh"
    assert os.lstat(planted).st_uid != 0 or os.geteuid() != 0


@pytest.mark.parametrize(
    "plant",
    [
        "os.symlink('/etc/shadow', 'outputs/x')",
        "os.symlink('/proc/self/environ', 'outputs/x')",
        "os.symlink('../../../../../../../../etc/passwd', 'outputs/x')",
        "os.mkfifo('outputs/x')",
        "import socket; socket.socket(socket.AF_UNIX).bind('outputs/x')",
        "os.mkdir('outputs/x')",
        "os.rmdir('outputs'); os.symlink('/etc', 'outputs')",
    ],
    ids=["link", "link-to-proc", "link-up", "fifo", "socket", "directory", "area-is-a-link"],
)
async def test_what_is_planted_is_neither_listed_nor_read_nor_followed(start_kernel, plant):
    kernel = await start_kernel()
    await kernel.run(f"import os\n{plant}")
    workspace = kernel.session.workspace

    listed = [file.name for file in workspace.files()]
    for name in ("outputs/x", "outputs/passwd"):
        with pytest.raises(ContainerError):
            workspace.open_read(name)

    assert "outputs/x" not in listed
    assert "outputs/passwd" not in listed


async def test_a_huge_and_deep_and_misnamed_tree_is_still_listed(start_kernel):
    kernel = await start_kernel()
    reply = await kernel.run(
        "import os\nopen(b'outputs/\\xff\\xfe', 'w').close()\nopen('outputs/' + 'n' * 255, 'w').close()\n"
        "here = os.getcwd()\nfor _ in range(300): os.mkdir('d'); os.chdir('d')\nos.chdir(here)\n"
        "open('outputs/fine.txt', 'w').write('x')"
    )

    names = [file.name for file in kernel.session.workspace.files()]

    assert reply.status == "ok"
    assert "outputs/fine.txt" in names
    assert all(name.isprintable() for name in names)


async def test_a_hard_link_reaches_nothing_outside(attack):
    text = await attack(
        "for source in ('/etc/passwd', '/usr/bin/env', '/proc/self/environ'):\n"
        "    try: os.link(source, '/workspace/outputs/hard'); print('LINKED')\n"
        "    except OSError: print('refused')"
    )

    assert text == "refused\n" * 3
