"""What hostile code tries, and finds closed. It runs here past the risk check on purpose."""

import os
import socket

import pytest

from container.backends.bubblewrap import make_bwrap_argv, make_root_argv
from container.limits import Limits
from container.sandbox import SandboxSpec

SECRET = "tallybook-secret-4711"


async def outcome(start_kernel, code: str, **limits) -> str:
    kernel = await start_kernel(**limits)
    await kernel.run(code)
    return kernel.text()


@pytest.mark.parametrize(
    "path", ["/etc/shadow", "/etc/passwd", "/root/.bashrc", "/mnt", "/var/log", "/run/docker.sock"]
)
async def test_host_files_are_not_there(start_kernel, path):
    text = await outcome(start_kernel, f"import os; print(os.path.exists({path!r}))")

    assert text == "False\n"


async def test_the_repository_and_the_services_own_code_are_not_there(start_kernel):
    text = await outcome(
        start_kernel,
        "import importlib.util as u\n"
        "print([n for n in ('agent', 'container', 'notebooks', 'kernel_gateway') "
        "if u.find_spec(n) and u.find_spec(n).origin])",
    )

    assert text == "[]\n"


async def test_the_services_environment_does_not_reach_the_kernel(start_kernel, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", SECRET)

    text = await outcome(
        start_kernel,
        "import os, pathlib\n"
        "print(os.environ)\n"
        "for p in pathlib.Path('/proc').glob('[0-9]*/environ'):\n"
        "    try: print(p.read_bytes())\n"
        "    except PermissionError: print('refused')",
    )

    assert "MPLBACKEND" in text
    assert SECRET not in text


async def test_nothing_listens_behind_loopback(start_kernel):
    """A server on the host's 127.0.0.1 can't be reached: not even a socket can be had."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        text = await outcome(
            start_kernel, f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
        )

    assert "OSError" in text
    assert "not implemented" in text


async def test_the_only_network_device_is_a_loopback_that_is_down(start_kernel):
    text = await outcome(
        start_kernel,
        "from pathlib import Path\n"
        "print([l.split(':')[0].strip() for l in open('/proc/net/dev').readlines()[2:]])\n"
        "print(Path('/proc/net/route').read_text().splitlines()[1:])",
    )

    assert text.startswith("['lo']")
    assert "[]" in text


async def test_an_abstract_unix_socket_of_the_host_is_out_of_reach(start_kernel):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0tallybook-attack")
        server.listen()
        text = await outcome(
            start_kernel,
            "import socket; socket.socket(socket.AF_UNIX).connect('\\0tallybook-attack')",
        )

    assert "ConnectionRefusedError" in text


@pytest.mark.parametrize(
    "directory", ["/", "/usr", "/etc", "/opt/tallybook", "/dev", "/run", "/var"]
)
async def test_only_the_workspace_and_tmp_can_be_written(start_kernel, directory):
    text = await outcome(
        start_kernel,
        f"import os\ntry:\n    os.makedirs({directory!r}, exist_ok=True)\n"
        f"    open(os.path.join({directory!r}, 'x'), 'w'); print('WROTE')\n"
        "except OSError as e: print('refused')",
    )

    assert text == "refused\n"


async def test_workspace_and_tmp_can_be_written(start_kernel):
    text = await outcome(
        start_kernel,
        "from pathlib import Path\n"
        "for p in ('/workspace/outputs/a', '/tmp/a'): Path(p).write_text('x')\nprint('ok')",
    )

    assert text == "ok\n"


async def test_python_itself_cannot_be_changed(start_kernel):
    text = await outcome(
        start_kernel,
        "import pandas, sys\n"
        "for f in (pandas.__file__, sys.executable):\n"
        "    try: open(f, 'a'); print('WROTE')\n"
        "    except OSError: print('refused')",
    )

    assert text == "refused\nrefused\n"


async def test_the_kernel_is_no_root_and_holds_no_capability(start_kernel):
    text = await outcome(
        start_kernel,
        "import os\nprint(os.getuid(), os.geteuid())\n"
        "print([l for l in open('/proc/self/status') if l.startswith(('Cap', 'NoNewPrivs'))])",
    )

    assert text.startswith("1000 1000")
    assert "CapEff:\\t0000000000000000" in text
    assert "CapBnd:\\t0000000000000000" in text
    assert "NoNewPrivs:\\t1" in text


async def test_on_the_host_too_the_kernel_is_not_root(start_kernel):
    kernel = await start_kernel()
    pid = kernel.session.pid

    assert os.stat(f"/proc/{pid}").st_uid != 0


async def test_processes_of_the_host_are_invisible(start_kernel):
    text = await outcome(
        start_kernel,
        "import os\nprint(len([p for p in os.listdir('/proc') if p.isdigit()]) < 10)\n"
        f"print(os.path.exists('/proc/{os.getpid()}/root'))",
    )

    assert text == "True\nFalse\n"


async def test_another_sessions_workspace_is_invisible(start_kernel):
    other = await start_kernel()
    secret = other.session.workspace.directory / "inputs" / "secret.xlsx"
    secret.write_text(SECRET)

    text = await outcome(
        start_kernel,
        "import subprocess\n"
        f"print(subprocess.run(['grep', '-rls', {SECRET!r}, '/workspace', '/tmp', '/run', '/root',"
        " '/home', '/var', '/mnt'], capture_output=True, text=True).stdout)",
    )

    assert text.strip() == ""


async def test_a_fork_bomb_stops_at_the_process_limit_and_the_kernel_lives(start_kernel):
    kernel = await start_kernel(pids=40)

    await kernel.run(
        "import subprocess\nstarted = []\n"
        "try:\n    for _ in range(200): started.append(subprocess.Popen(['sleep', '60']))\n"
        "except (BlockingIOError, OSError): print('refused after', len(started) < 40)\n"
        "for p in started: p.kill()"
    )

    assert kernel.text() == "refused after True\n"
    assert (await kernel.run("1")).status == "ok"


async def test_a_file_over_the_size_limit_is_refused(start_kernel):
    text = await outcome(
        start_kernel,
        "f = open('outputs/big', 'wb')\n"
        "try:\n    [f.write(b'0' * 2**20) for _ in range(8)]; f.flush()\n"
        "except OSError as e: print(e.strerror)",
        file_bytes=4 * 2**20,
    )

    assert text.startswith("File too large")


async def test_tmp_is_bounded(start_kernel):
    text = await outcome(
        start_kernel,
        "f = open('/tmp/big', 'wb')\n"
        "try:\n    [f.write(b'0' * 2**20) for _ in range(8)]; f.flush()\n"
        "except OSError as e: print(e.strerror)",
        tmp_bytes=4 * 2**20,
    )

    assert text.startswith("No space left on device")


async def test_limits_cannot_be_raised_again(start_kernel):
    text = await outcome(
        start_kernel,
        "import resource\nresource.setrlimit(resource.RLIMIT_NPROC, (10_000, 10_000))",
    )

    assert "ValueError" in text


@pytest.mark.parametrize(
    "target", ["/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/sys/fs/cgroup/x", "/dev/mem"]
)
async def test_kernel_knobs_cannot_be_turned(start_kernel, target):
    text = await outcome(
        start_kernel,
        f"try:\n    open({target!r}, 'w').write('1'); print('WROTE')\n"
        "except OSError: print('refused')",
    )

    assert text == "refused\n"


async def test_a_program_that_gains_rights_elsewhere_gains_none_here(start_kernel):
    text = await outcome(
        start_kernel,
        "import subprocess\n"
        "r = subprocess.run(['su', '-c', 'id'], capture_output=True, text=True)\n"
        "print('uid=0' in r.stdout)",
    )

    assert text == "False\n"


async def test_the_kernels_end_ends_everything_it_started(start_kernel):
    kernel = await start_kernel()
    mark = f"8{os.getpid()}"
    await kernel.run(
        f"import subprocess; subprocess.Popen(['sleep', '{mark}'], start_new_session=True)"
    )

    await kernel.session.aclose()

    alive = [p for p in os.listdir("/proc") if p.isdigit() and _command(p) == ["sleep", mark]]
    assert alive == []


def _command(pid: str) -> list[str]:
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read().split("\0")[:-1]
    except OSError:
        return []


def test_every_namespace_is_unshared_and_the_environment_is_empty(tmp_path):
    spec = SandboxSpec(name="n", argv=("true",), limits=Limits(), workspace=tmp_path)

    argv = make_bwrap_argv(spec, {})

    for flag in ("--unshare-all", "--clearenv", "--die-with-parent", "--new-session"):
        assert flag in argv
    assert argv[argv.index("--cap-drop") + 1] == "ALL"
    assert "--share-net" not in argv


def test_a_path_with_shell_characters_is_an_argument_never_code(tmp_path):
    evil = tmp_path / "$(touch x); `id`"

    argv = make_root_argv(1234, ["bwrap"], procs=[], staged={evil: tmp_path / "0"})

    script = argv[argv.index("-euc") + 1]
    assert str(evil) in argv
    assert "touch" not in script
