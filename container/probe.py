"""What works on this host, and the reason for each "no"."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass

from container.cgroups import cgroup_version


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReport:
    """What this host offers a sandbox.

    Attributes:
        sandbox: Whether a kernel can be confined at all.
        reason: Why not, in one plain sentence; empty when it can.
        limits: What holds memory, cpu and process limits: ``cgroup v1``,
            ``cgroup v2`` or ``rlimits``.
        unprivileged: Kernels run as another user than the service.
    """

    sandbox: bool
    reason: str
    limits: str
    unprivileged: bool


def probe_host() -> HostReport:
    """Try the smallest sandbox this host should manage, and say what came of it."""
    version = cgroup_version()
    return HostReport(
        sandbox=not (reason := _sandbox_problem()),
        reason=reason,
        limits=f"cgroup v{version}" if version else "rlimits",
        unprivileged=os.geteuid() == 0,
    )


def _sandbox_problem() -> str:
    programs = ["bwrap"] + (["unshare", "setpriv"] if os.geteuid() == 0 else [])
    for program in programs:
        if shutil.which(program) is None:
            return f"{program} is not installed (apt-get install bubblewrap util-linux)"
    argv = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    if os.geteuid() == 0:
        argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *argv]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
    if done.returncode == 0:
        return ""
    said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return (
        f"user namespaces do not work here ({said}); allow them: "
        "sysctl kernel.unprivileged_userns_clone=1 or, on Ubuntu, an AppArmor profile for bwrap"
    )
