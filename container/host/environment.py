"""What every kernel is started with: environment, resource limits, our code inside."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from container.limits import Limits

INSIDE = Path(__file__).resolve().parents[1] / "inside"
LIBRARY = "/opt/tallybook"
START_DIRECTORY = "/"
"""Where commands begin. Nobody can write there, so no program finds configuration of a kernel's
making in its working directory; a kernel enters the workspace once it has read its own."""
SOCKETS_INSIDE = "/run/kernel"
INPUTS = "inputs"
INPUTS_INSIDE = f"/workspace/{INPUTS}"
DEFAULT_IMAGE = "tallybook-kernel:latest"
PYTHON_IN_IMAGE = "/opt/kernel/bin/python"
CONNECTION_FILE = "connection.json"
# Room for what the interpreter itself maps, so that the control group stays the
# limit that counts and one huge allocation still ends in MemoryError.
CGROUP_HEADROOM_BYTES = 64 * 1024 * 1024
PENDING_SIGNALS = 256
"""Counted for the user that began the outermost user namespace too, as all forked kernels are."""


def kernel_rlimits(limits: Limits, *, cgroup: bool) -> dict[str, float]:
    """Return the rlimits set inside: the fallback for cgroups, and what those don't cover."""
    headroom = CGROUP_HEADROOM_BYTES if cgroup else 0
    return {
        "DATA": limits.memory_bytes + headroom,
        "NPROC": limits.pids,
        "FSIZE": limits.file_bytes,
        "NOFILE": limits.open_files,
        "CORE": 0,
        "MEMLOCK": 64 * 1024,
        "MSGQUEUE": 0,
        "SIGPENDING": PENDING_SIGNALS,
    }


def inside_command(python: str, module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs *module* of the package ``inside`` in a sandbox.

    Args:
        python: The interpreter, as the sandbox sees it.
        module: Its name, without the package.
        arguments: What it is given.
    """
    # -P: never the working directory's modules, whatever the environment says.
    return (python, "-P", "-m", f"inside.{module}", *arguments)


def kernel_environment() -> dict[str, str]:
    """Return the kernel's whole environment: nothing of the service's is passed on."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": "/tmp",  # noqa: S108 (the sandbox's own tmpfs)
        "USER": "tallybook",
        "LANG": "C.UTF-8",
        "TZ": os.environ.get("TZ", "UTC"),
        "PYTHONPATH": LIBRARY,
        # What a kernel, or an upload, left in the workspace is data: the working directory is on
        # no module path, in the processes that code in a kernel starts neither.
        "PYTHONSAFEPATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "IPYTHONDIR": "/tmp/.ipython",  # noqa: S108
        "JUPYTER_RUNTIME_DIR": "/tmp/.jupyter",  # noqa: S108
        "MPLCONFIGDIR": "/tmp/.matplotlib",  # noqa: S108
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        # pandas loads pyarrow where it is installed. One of its allocators would start a thread,
        # and a process with threads can't be forked safely; its default one would take a whole
        # GiB of addresses, more than a kernel is allowed.
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "MALLOC_ARENA_MAX": "2",
    }
