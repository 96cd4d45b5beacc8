"""The default sandbox: bubblewrap, always as an unprivileged user.

Everything not listed here is denied: new user, mount, pid, net, ipc, uts and cgroup
namespaces, no capability, an empty environment, a read-only system, and two writable
places, the workspace and a tmpfs on /tmp.

If the service is root, a short shell script runs first, as root in a private mount
namespace. It joins the control groups, bind-mounts directories that the unprivileged user
could not reach (for example a Python under /root), and drops every privilege.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from container.errors import SandboxUnavailable
from container.host.cgroups import ControlGroup, make_control_group
from container.host.environment import INPUTS_INSIDE, NETWORK, SOCKETS_INSIDE, START_DIRECTORY
from container.host.runtime import reachable, stage_directory
from container.host.seccomp import seccomp_program
from container.inside import linux
from container.sandbox import ExitStatus, SandboxSpec

INSIDE_UID = 1000
LOG_BYTES = 64 * 1024
SYSTEM_FILES = (
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/fonts",
    "/etc/alternatives",
    "/etc/mime.types",
)
# Arguments are positional, so no value is ever inserted into the script's text.
ROOT_STEP = """
stage=$1; shift
while [ "$1" = --cgroup ]; do echo $$ > "$2"; shift 2; done
if [ "$1" = --stage ]; then mount -t tmpfs -o mode=0755,nosuid,nodev tallybook "$stage"; fi
while [ "$1" = --stage ]; do mkdir -p "$3"; mount --bind "$2" "$3"; shift 3; done
uid=$1; shift
exec setpriv --reuid="$uid" --regid="$uid" --clear-groups --inh-caps=-all \
  --bounding-set=-all --no-new-privs -- "$@"
"""


def python_prefixes() -> tuple[Path, ...]:
    """Return the directories that hold the running Python and its packages."""
    return tuple(dict.fromkeys((Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve())))


def hidden_packages() -> tuple[Path, ...]:
    """Return our packages' directories inside a Python prefix: user code must not import them."""
    site = Path(__file__).resolve().parents[2]
    inside_prefix = any(site.is_relative_to(p) for p in python_prefixes()) and (
        site.name in {"site-packages", "dist-packages"}
    )
    names = ("container", "notebooks", "agent", "kernel_gateway")
    return tuple(site / name for name in names) if inside_prefix else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptors:
    """File descriptors that bubblewrap inherits.

    Attributes:
        seccomp: The seccomp filter to load; ``None`` for none.
        user_map_info: Bubblewrap writes its child's pid here, so that we can map its users.
        user_map_block: Bubblewrap waits until it can read here, once the map is written.
    """

    seccomp: int | None = None
    user_map_info: int | None = None
    user_map_block: int | None = None


def make_bwrap_argv(
    spec: SandboxSpec,
    sources: dict[Path, Path],
    *,
    bwrap: str = "bwrap",
    descriptors: Descriptors = Descriptors(),
) -> list[str]:
    """Build bubblewrap's command line for *spec*.

    Args:
        spec: What to run.
        sources: Host path → the staged path where bubblewrap finds it.
        bwrap: The program.
        descriptors: File descriptors it inherits.

    Returns:
        The argument vector; the function is pure, so a test can check it.
    """
    argv = [
        bwrap,
        "--unshare-all",
        "--unshare-user",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
    ]
    argv += ["--cap-drop", "ALL", "--hostname", "tallybook"]
    if descriptors.user_map_info is not None:
        argv += ["--info-fd", str(descriptors.user_map_info)]
        argv += ["--userns-block-fd", str(descriptors.user_map_block)]
        # So that the zygote can run each kernel as a user of its own, among the mapped ones.
        argv += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        argv += ["--uid", str(INSIDE_UID), "--gid", str(INSIDE_UID)]
    if descriptors.seccomp is not None:
        argv += ["--seccomp", str(descriptors.seccomp)]
    argv += ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "lib", "lib64", "sbin"):
        top = Path("/", name)
        if top.is_symlink():
            argv += ["--symlink", os.readlink(top), str(top)]
        elif top.is_dir():
            argv += ["--ro-bind", str(top), str(top)]
    for file in SYSTEM_FILES:
        argv += ["--ro-bind-try", file, file]
    # /tmp first: a Python or socket directory may be under /tmp.
    argv += ["--size", str(spec.limits.tmp_bytes), "--tmpfs", "/tmp"]  # noqa: S108
    argv += ["--dev", "/dev", "--proc", "/proc"]
    if spec.seccomp:  # the zygote needs an unmasked /proc to mount others; kernels mask theirs
        for name in linux.MASKED:
            if Path("/proc", name).exists():
                argv += ["--ro-bind", os.devnull, f"/proc/{name}"]
    targets = [prefix for prefix in python_prefixes() if not prefix.is_relative_to("/usr")]
    targets += [Path(inside) for _, inside in spec.readonly]
    # By default bubblewrap creates parent directories that only its own user can enter.
    for parent in _parents([*targets, Path("/workspace"), Path(SOCKETS_INSIDE)]):
        argv += ["--perms", "0755", "--dir", str(parent)]
    for prefix in python_prefixes():
        if not prefix.is_relative_to("/usr"):
            argv += ["--ro-bind", str(sources.get(prefix, prefix)), str(prefix)]
    for package in hidden_packages():
        argv += ["--tmpfs", str(package), "--remount-ro", str(package)]
    for source, target in spec.readonly:
        argv += ["--ro-bind", str(sources.get(source, source)), target]
    mount = "--ro-bind" if spec.workspace_readonly else "--bind"
    for host, inside, how in (
        (spec.workspace, "/workspace", mount),
        (spec.sockets, SOCKETS_INSIDE, "--bind"),
    ):
        argv += [how, str(sources.get(host, host)), inside] if host else ["--dir", inside]
    if spec.sockets is not None:
        staged = sources.get(spec.sockets, spec.sockets)
        argv += ["--ro-bind", str(staged / NETWORK), f"{SOCKETS_INSIDE}/{NETWORK}"]
    if spec.workspace is not None and spec.inputs is not None:
        staged = sources.get(spec.workspace, spec.workspace)
        argv += ["--ro-bind", str(staged / spec.inputs.name), INPUTS_INSIDE]
    for key, value in spec.env.items():
        argv += ["--setenv", key, value]
    argv += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", START_DIRECTORY]
    return [*argv, "--", *spec.argv]


def _parents(paths: Iterable[Path]) -> list[Path]:
    """Return the directories above *paths*, outermost first, without the root and /tmp."""
    above = {parent for path in paths for parent in path.parents}
    return sorted(above - {Path("/"), Path("/tmp")}, key=lambda path: len(path.parts))  # noqa: S108


def make_root_argv(
    uid: int,
    inner: Sequence[str],
    *,
    procs: Iterable[Path],
    stage: Path,
    staged: dict[Path, Path],
) -> list[str]:
    """Build a root service's command: join groups, stage, drop to *uid*, run *inner*.

    Args:
        uid: The user to become.
        inner: Bubblewrap's command line.
        procs: The control groups' files to join by.
        stage: The directory to stage in.
        staged: Host path → its staged path.
    """
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", ROOT_STEP, "sh"]
    argv.append(str(stage))
    for file in procs:
        argv += ["--cgroup", str(file)]
    for source, target in staged.items():
        argv += ["--stage", str(source), str(target)]
    return [*argv, str(uid), *inner]


class UserMap:
    """The user map of a sandbox with several users; a root service writes it from outside."""

    def __init__(self, opened: contextlib.ExitStack) -> None:
        self._info_read, self.info_write = os.pipe()
        self.block_read, self._block_write = os.pipe()
        self._opened = {self._info_read, self.info_write, self.block_read, self._block_write}
        opened.callback(self._close)

    def _close(self, *numbers: int) -> None:
        for number in numbers or tuple(self._opened):
            self._opened.discard(number)
            os.close(number)

    async def write(self, uid: int, others: range) -> None:
        """Map *uid* to root inside and *others* to themselves, then unblock bubblewrap."""
        self._close(self.info_write, self.block_read)
        said = b""
        async with asyncio.timeout(10.0):
            while b"}" not in said:
                chunk = await asyncio.to_thread(os.read, self._info_read, 4096)
                if not chunk:
                    raise EOFError("bubblewrap ended")
                said += chunk
        child = json.loads(said)["child-pid"]
        lines = f"0 {uid} 1\n{others.start} {others.start} {len(others)}\n"
        for kind in ("uid_map", "gid_map"):
            Path(f"/proc/{child}/{kind}").write_text(lines)
        os.write(self._block_write, b"1")


class BubblewrapSandbox:
    """One bubblewrap process tree (see `container.sandbox.Sandbox`)."""

    def __init__(
        self, *, log_bytes: int = LOG_BYTES, on_printed: Callable[[bytes], None] | None = None
    ) -> None:
        self._log_bytes, self._on_printed = log_bytes, on_printed
        self._process: asyncio.subprocess.Process | None = None
        self._group: ControlGroup | None = None
        self._log = bytearray()
        self._reader: asyncio.Task[None] | None = None
        self._exit: ExitStatus | None = None

    @property
    def pid(self) -> int | None:
        """Host process id of the outermost process."""
        return self._process.pid if self._process else None

    async def start(self, spec: SandboxSpec) -> None:
        """Start the command of *spec*.

        Raises:
            SandboxUnavailable: bubblewrap is missing, the user map can't be written, or the
                spec of a root service has no unprivileged uid.
        """
        with contextlib.ExitStack() as opened:
            await self._start(spec, opened)

    async def _start(self, spec: SandboxSpec, opened: contextlib.ExitStack) -> None:
        seccomp = None
        if spec.seccomp:
            seccomp = os.memfd_create("seccomp", 0)
            opened.callback(os.close, seccomp)
            os.write(seccomp, seccomp_program(loopback=spec.loopback))
            os.lseek(seccomp, 0, os.SEEK_SET)
        user_map = UserMap(opened) if spec.host_uids is not None else None
        descriptors = Descriptors(
            seccomp=seccomp,
            user_map_info=user_map.info_write if user_map else None,
            user_map_block=user_map.block_read if user_map else None,
        )
        inherited = (seccomp, descriptors.user_map_info, descriptors.user_map_block)
        self._process = await asyncio.create_subprocess_exec(
            *self._argv(spec, descriptors),
            pass_fds=[*(fd for fd in inherited if fd is not None), *spec.pass_fds],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            cwd="/",
            # Its own process group: Ctrl-C at the terminal must not reach the kernel.
            start_new_session=True,
        )
        self._reader = asyncio.create_task(self._read_log())
        if user_map is not None and spec.uid is not None and spec.host_uids is not None:
            try:
                await user_map.write(spec.uid, spec.host_uids)
            except (OSError, ValueError, EOFError) as error:
                await self.aclose()
                raise SandboxUnavailable(
                    f"the user map can't be written ({error}); bubblewrap said: {self.log()!r}",
                    "Allow user namespaces for bubblewrap.",
                ) from error

    def _argv(self, spec: SandboxSpec, descriptors: Descriptors) -> list[str]:
        bwrap = shutil.which("bwrap", path="/usr/bin:/usr/local/bin:/bin")
        if bwrap is None:
            raise SandboxUnavailable(
                "bubblewrap is not installed", "Install it: apt-get install bubblewrap."
            )
        if os.geteuid() != 0:
            return make_bwrap_argv(spec, {}, bwrap=bwrap, descriptors=descriptors)
        if not spec.uid:
            raise SandboxUnavailable(
                "the service is root and the workspace belongs to root",
                "Give the workspace to an unprivileged user.",
            )
        stage = stage_directory()
        paths = [*python_prefixes(), *(source for source, _ in spec.readonly)]
        paths += [path for path in (spec.workspace, spec.sockets) if path is not None]
        unreachable = [path for path in paths if not reachable(path)]
        staged = {path: stage / str(number) for number, path in enumerate(unreachable)}
        self._group = make_control_group(spec.name, spec.limits)
        procs = self._group.procs_files() if self._group else ()
        inner = make_bwrap_argv(spec, staged, bwrap=bwrap, descriptors=descriptors)
        return make_root_argv(spec.uid, inner, procs=procs, stage=stage, staged=staged)

    async def _read_log(self) -> None:
        process = self._process
        if process is None or process.stdout is None:
            return
        while chunk := await process.stdout.read(65536):
            self._log += chunk
            del self._log[: -self._log_bytes]
            if self._on_printed is not None:
                self._on_printed(chunk)

    def log(self) -> str:
        """Return the last bytes the command printed."""
        return self._log.decode("utf-8", "replace")

    def poll(self) -> ExitStatus | None:
        """Return how it ended, or ``None`` while it runs."""
        if self._exit is None and self._process and self._process.returncode is not None:
            self._exit = self._exit_status(self._process.returncode)
        return self._exit

    def _exit_status(self, returncode: int) -> ExitStatus:
        out_of_memory = bool(self._group and self._group.oom_kills())
        # bubblewrap reports a command killed by a signal as 128 + signal, like a shell.
        if returncode < 0:
            return ExitStatus(signal=-returncode, out_of_memory=out_of_memory)
        if returncode > 128:
            return ExitStatus(signal=returncode - 128, out_of_memory=out_of_memory)
        return ExitStatus(exit_code=returncode, out_of_memory=out_of_memory)

    def process_limit_hits(self) -> int:
        """Return how often it was refused another process or thread."""
        return self._group.pids_refused() if self._group else 0

    def oom_kills(self) -> int:
        """Return how many of its processes the OOM killer ended."""
        return self._group.oom_kills() if self._group else 0

    async def signal(self, signum: int) -> None:
        """Kill the process group on SIGKILL or SIGTERM; else send it *signum*."""
        if self._process and self._process.returncode is None:
            fatal = signum in (signal.SIGKILL, signal.SIGTERM)
            # The group, not the process: bubblewrap's child sets its parent-death signal
            # only a moment after the fork.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL if fatal else signum)

    async def wait(self) -> ExitStatus:
        """Wait for the end."""
        if self._process is None:
            return ExitStatus(exit_code=0)
        await self._process.wait()
        status = self.poll()
        if status is None:
            raise RuntimeError("a finished process has no exit status")
        return status

    async def aclose(self) -> None:
        """Kill what is left, wait for it, remove the control group."""
        if self._process is not None:
            await self.signal(signal.SIGKILL)
            await self.wait()
        if self._reader is not None:
            await self._reader
        if self._group is not None:
            await self._group.aremove()
