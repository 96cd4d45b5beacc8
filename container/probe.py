"""Check whether this host can confine kernels, and if not, why."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from container.backends.docker_engine import check_engine
from container.errors import SandboxUnavailable
from container.host.cgroups import group_parent
from container.host.environment import DEFAULT_IMAGE
from container.host.host_users import ZYGOTE_USER, check_host_users
from container.host.runtime import runtime_directory
from container.host.seccomp import seccomp_program
from container.limits import MIB

FREE_BYTES = 64 * MIB
NO_GROUPS = (
    "no control group can be written, so a kernel's share of the processors is not held and its "
    "memory is limited process by process; delegate one to the service (systemd: Delegate=yes)"
)
ONE_USER = "all kernels run as the service's user, and share what Linux counts for each user"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReport:
    """What this host provides for sandboxes.

    Attributes:
        backend: The backend checked.
        sandbox: Whether it can confine a kernel.
        reason: Why not, in one plain sentence; empty when it can.
        way_out: What to install or set in that case.
        limits: What enforces memory, cpu and process limits: ``cgroup v1``, ``cgroup v2``,
            ``rlimits`` or ``docker``.
        quota: What enforces a workspace's size: ``watcher``, which stops the writing cell.
        own_users: The kernels of each workspace run as a host user of their own.
        warnings: Protections that are weaker here than they could be, each with its remedy.
    """

    backend: str
    sandbox: bool
    reason: str
    way_out: str
    limits: str
    quota: str
    own_users: bool
    warnings: tuple[str, ...]

    def summary(self) -> str:
        """Return a one-line summary of what confines kernels here."""
        if not self.sandbox:
            return f"NONE: {self.reason}. {self.way_out}"
        return f"{self.backend}, limits held by {self.limits}, workspace size by a {self.quota}"


def probe_host(
    backend: str = "zygote",
    *,
    image: str = DEFAULT_IMAGE,
    runtime: str = "",
    data_directory: Path | None = None,
) -> HostReport:
    """Try a minimal sandbox on this host and report the result.

    Args:
        backend: ``zygote``, ``bubblewrap`` or ``docker``.
        image: The image of the docker backend.
        runtime: The OCI runtime for Docker; empty for its default.
        data_directory: Where workspaces are kept; must exist.
    """
    problem: SandboxUnavailable | None = None
    try:
        check_host(backend, image=image, runtime=runtime, data_directory=data_directory)
    except SandboxUnavailable as error:
        problem = error
    parent = group_parent()
    limits = f"cgroup v{parent.version}" if parent else "rlimits"
    return HostReport(
        backend=backend,
        sandbox=problem is None,
        reason=problem.reason if problem else "",
        way_out=problem.way_out if problem else "",
        limits="docker" if backend == "docker" else limits,
        quota="watcher",
        own_users=os.geteuid() == 0,
        warnings=_warnings(backend, data_directory, grouped=parent is not None),
    )


def _warnings(backend: str, data_directory: Path | None, *, grouped: bool) -> tuple[str, ...]:
    warnings = [NO_GROUPS] if not grouped and backend != "docker" else []
    if os.geteuid() != 0:
        try:
            check_host_users(data_directory)
        except SandboxUnavailable as error:
            warnings.append(f"{ONE_USER}: {error.reason}. {error.way_out}")
    return tuple(warnings)


def check_host(
    backend: str, *, image: str, runtime: str, data_directory: Path | None = None
) -> None:
    """Check that *backend* can confine a kernel here; arguments as `probe_host`.

    Raises:
        SandboxUnavailable: It can't; the error says what to install or set.
    """
    for directory in (runtime_directory(), *filter(None, [data_directory])):
        _check_space(directory)
    if backend == "docker":
        check_engine(image, runtime)
        return
    seccomp_program()
    _check_namespaces()


def _check_space(directory: Path) -> None:
    free = shutil.disk_usage(directory).free
    if free < FREE_BYTES:
        raise SandboxUnavailable(
            f"the disk of {directory} is full ({free // MIB} MB free)",
            f"Free at least {FREE_BYTES // MIB} MB there, or set another directory.",
        )


def _check_namespaces() -> None:
    programs = ["bwrap"] + (["unshare", "setpriv"] if os.geteuid() == 0 else [])
    for program in programs:
        if shutil.which(program) is None:
            raise SandboxUnavailable(
                f"{program} is not installed", "Install it: apt-get install bubblewrap util-linux."
            )
    argv = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    if os.geteuid() == 0:
        user = f"--reuid={ZYGOTE_USER}", f"--regid={ZYGOTE_USER}"
        argv = ["setpriv", *user, "--clear-groups", *argv]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SandboxUnavailable(
            f"user namespaces do not work for unprivileged users ({said})", _namespaces_way_out()
        )


def _namespaces_way_out() -> str:
    """Return how to allow user namespaces: the sysctl that is off on this host."""
    for switch, off, on in (
        ("user.max_user_namespaces", "0", "15000"),
        ("kernel.unprivileged_userns_clone", "0", "1"),
        ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
    ):
        with contextlib.suppress(OSError):
            value = Path("/proc/sys", switch.replace(".", "/")).read_text().strip()
            if value == off:
                return f"Allow them: sysctl -w {switch}={on}; or set TALLYBOOK_BACKEND=docker."
    return "Allow them to bwrap; or set TALLYBOOK_BACKEND=docker."
