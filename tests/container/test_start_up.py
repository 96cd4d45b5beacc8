"""A host that can't confine a kernel is told why, and what to install or set."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from container.errors import SandboxUnavailable
from container.host.runtime import RUNTIME_VARIABLE
from container.kernel.session import KernelSession
from container.limits import Limits
from container.probe import check_host, probe_host
from tests.docker_engine import DEFAULT_IMAGE

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can arrange such a host")


def problem_of(backend="zygote", *, image=DEFAULT_IMAGE, runtime="", data_directory=None):
    with pytest.raises(SandboxUnavailable) as raised:
        check_host(backend, image=image, runtime=runtime, data_directory=data_directory)
    return raised.value


def path_without(program: str, tmp_path: Path) -> str:
    """Return a PATH on which everything of /usr/bin is found but *program*."""
    found = tmp_path / "bin"
    found.mkdir()
    for file in Path("/usr/bin").iterdir():
        if file.name != program:
            (found / file.name).symlink_to(file)
    return str(found)


def test_a_host_that_can_says_what_holds_its_limits():
    report = probe_host()

    assert report.sandbox
    assert report.limits in ("cgroup v1", "cgroup v2", "rlimits")
    assert bool(report.warnings) == (report.limits == "rlimits")


def test_without_bubblewrap_the_package_to_install_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", path_without("bwrap", tmp_path))

    problem = problem_of()

    assert "bwrap is not installed" in problem.reason
    assert "apt-get install bubblewrap" in problem.way_out


@as_root
def test_without_user_namespaces_the_switch_to_set_is_named():
    """In a namespace of its own, the child's limit on further ones is zero."""
    script = (
        "import ctypes\nfrom pathlib import Path\n"
        "ctypes.CDLL(None).unshare(0x10000000)\nprint('made', flush=True)\ninput()\n"
        "Path('/proc/sys/user/max_user_namespaces').write_text('0')\n"
        "from container.probe import probe_host\n"
        "report = probe_host()\nprint(report.sandbox, report.reason, report.way_out)\n"
    )
    host = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with host:
        assert host.stdout.readline() == "made\n"
        for ids in ("uid_map", "gid_map"):
            Path(f"/proc/{host.pid}/{ids}").write_text("0 0 70000")
        told, _ = host.communicate("go\n", timeout=60)

    assert told.startswith("False user namespaces do not work")
    assert "sysctl -w user.max_user_namespaces=15000" in told


@as_root
def test_a_full_disk_is_named_before_anything_starts(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
    try:
        problem = problem_of(data_directory=disk)
    finally:
        subprocess.run(["umount", disk], check=True)

    assert f"the disk of {disk} is full" in problem.reason
    assert "Free at least 64 MB" in problem.way_out


def test_a_runtime_directory_too_long_for_sockets_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(RUNTIME_VARIABLE, str(tmp_path / ("x" * 80)))

    problem = problem_of()

    assert "too long for unix sockets" in problem.reason
    assert RUNTIME_VARIABLE in problem.way_out


@as_root
def test_a_runtime_directory_behind_somebody_elses_link_is_refused(monkeypatch):
    with tempfile.TemporaryDirectory() as own:
        link = Path(own, "link")
        link.symlink_to(own)
        os.lchown(link, 12345, 12345)
        monkeypatch.setenv(RUNTIME_VARIABLE, str(link))

        assert "belongs to another user" in problem_of().reason


def test_no_docker_engine_is_a_clear_error(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")

    problem = problem_of("docker")

    assert "no Docker Engine answers" in problem.reason
    assert "dockerd" in problem.way_out


@pytest.mark.parametrize("backend", ["docker"], indirect=True)
def test_a_missing_image_and_an_unknown_runtime_are_clear_errors(backend):
    image = problem_of("docker", image="tallybook-nothing:1")
    runtime = problem_of("docker", runtime="runsomething")

    assert ("make image" in image.way_out, "tallybook-nothing:1" in image.reason) == (True, True)
    assert "runsomething" in runtime.reason
    assert "TALLYBOOK_DOCKER_RUNTIME" in runtime.way_out


async def test_an_unknown_backend_starts_no_kernel(workspace):
    session = KernelSession(workspace, Limits(), backend="chroot")

    with pytest.raises(SandboxUnavailable, match="there is no backend 'chroot'"):
        await session.start()

    assert not session.alive


@as_root
@pytest.mark.parametrize("version", [1])
def test_a_plain_user_makes_groups_below_the_one_delegated_to_it(version):
    """Hierarchies of v1, handed over as an administrator would."""
    report = probe_host()
    if report.limits != f"cgroup v{version}":
        pytest.skip(f"this host has {report.limits}")
    name = f"delegated-{os.getpid()}"
    delegated = [Path("/sys/fs/cgroup", c, name) for c in ("memory", "cpu", "pids")]
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from container.host.cgroups import make_control_group\n"
        "from container.limits import Limits\n"
        f"delegated = {[str(d) for d in delegated]!r}\n"
        "for d in delegated:\n"
        "    Path(d, 'cgroup.procs').write_text(str(os.getpid()))\n"
        "    for f in (d, d + '/cgroup.procs', d + '/tasks'): os.chown(f, 65534, 65534)\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "group = make_control_group('k-1-x', Limits(memory_bytes=64 << 20, pids=9))\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    for door in group.open_doors(): os.write(door, b'0')\n"
        "    b'x' * (256 << 20)\n"
        "    os._exit(0)\n"
        "status = os.waitpid(child, 0)[1]\n"
        "print(os.WTERMSIG(status), group.oom_kills())\n"
        "print((group.directories[2] / 'pids.max').read_text())\n"
    )
    try:
        for directory in delegated:
            directory.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        for directory in delegated:
            for _ in range(100):
                if not any((directory / "cgroup.procs").read_text().split()):
                    break
                time.sleep(0.05)
            for inner in ("tallybook/k-1-x", "tallybook", ""):
                if (directory / inner).exists():
                    (directory / inner).rmdir()

    assert done.stdout.split() == ["9", "1", "9"], done.stderr


@pytest.mark.parametrize("backend", ["zygote", "bubblewrap"])
def test_kernels_start_below_a_directory_nobody_else_can_enter_and_with_any_umask(backend):
    script = (
        "import asyncio, sys\nfrom pathlib import Path\n"
        "from container.kernel.session import KernelSession\n"
        "from container.shim.client import stop_all_shims\n"
        "from container.workspace.workspace import Workspace\n"
        "async def main():\n"
        "    made = Workspace.create(Path(sys.argv[1], 'workspace'))\n"
        "    kernel = KernelSession(made, backend=sys.argv[2])\n"
        "    await kernel.start()\n"
        "    async def ignore(output): pass\n"
        "    print((await kernel.execute('1 + 1', ignore)).status)\n"
        "    await kernel.aclose()\n"
        "asyncio.run(main())\nprint(stop_all_shims())\n"
    )
    with tempfile.TemporaryDirectory(prefix="tb-", dir="/tmp") as private:
        done = subprocess.run(
            [sys.executable, "-c", script, private, backend],
            env={**os.environ, RUNTIME_VARIABLE: f"{private}/runtime"},
            umask=0o077,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert (done.stdout, done.stderr[-500:]) == ("ok\n1\n", "")
