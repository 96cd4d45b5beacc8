"""The environment, resource limits and paths that every kernel starts with."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import sys
from pathlib import Path

from container.host.runtime import RUNTIME_VARIABLE
from container.inside import patches
from container.limits import Limits

INSIDE = Path(__file__).resolve().parents[1] / "inside"
LIBRARY = "/opt/tallybook"
"""A kernel's directory of importable packages: ours, and those of `KERNEL_LIBRARIES`."""
KERNEL_LIBRARIES = "tallybook.kernel_libraries"
"""The entry-point group of further packages: the name in kernels = an importable package here."""
START_DIRECTORY = "/"
"""The initial working directory. It is read-only, so no program reads configuration that a
kernel wrote; a kernel enters the workspace after it has read its own configuration."""
SOCKETS_INSIDE = "/run/kernel"
NETWORK = "net"
"""Directory in that of the sockets: read-only inside, so that the service alone can put its
network broker's socket there."""
INPUTS = "inputs"
INPUTS_INSIDE = f"/workspace/{INPUTS}"
DEFAULT_IMAGE = "tallybook-kernel:latest"
PYTHON_IN_IMAGE = "/opt/kernel/bin/python"
CONNECTION_FILE = "connection.json"
# Added to RLIMIT_DATA, so that the control group is the effective limit, while one huge
# allocation still raises MemoryError.
CGROUP_HEADROOM_BYTES = 64 * 1024 * 1024
PENDING_SIGNALS = 256
"""Linux counts these also for the user that created the outermost user namespace, so for all
forked kernels together."""


@functools.cache
def kernel_packages() -> tuple[tuple[Path, str], ...]:
    """Return (directory on the host, directory inside) of each package in `LIBRARY`.

    Only these directories are shown to kernels, read-only, never the one that holds them. What
    they contain is not imported here.
    """
    packages = [(INSIDE, f"{LIBRARY}/inside")]
    for entry in sorted(importlib.metadata.entry_points(group=KERNEL_LIBRARIES)):
        found = importlib.util.find_spec(entry.value)
        if found is not None and found.submodule_search_locations:
            (directory, *_) = found.submodule_search_locations
            packages.append((Path(directory).resolve(), f"{LIBRARY}/{entry.name}"))
    return tuple(packages)


def kernel_rlimits(limits: Limits, *, cgroup: bool) -> dict[str, float]:
    """Return the rlimits to set inside, by name without ``RLIMIT_``.

    They replace missing control groups, and cover what those don't.

    Args:
        limits: What the kernel may use.
        cgroup: A control group enforces the memory limit.
    """
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
        arguments: Its command-line arguments.
    """
    # -P: never import from the working directory, whatever the environment says.
    return (python, "-P", "-m", f"inside.{module}", *arguments)


PROCESS_VARIABLES = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_RUNTIME_DIR",
    "VIRTUAL_ENV", "PYTHONPATH", RUNTIME_VARIABLE, "TALLYBOOK_SHIM_IDLE_SECONDS", "DOCKER_HOST",
)  # fmt: skip


def process_environment() -> dict[str, str]:
    """Return the environment of a process that the service starts: none of its secrets."""
    return {name: os.environ[name] for name in PROCESS_VARIABLES if name in os.environ}


def kernel_environment() -> dict[str, str]:
    """Return the kernel's whole environment: of the service's, only TZ and `patches.SWITCH`."""
    without = {patches.SWITCH: os.environ[patches.SWITCH]} if patches.SWITCH in os.environ else {}
    return {
        **without,
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": "/tmp",  # noqa: S108 (the sandbox's own tmpfs)
        "USER": "tallybook",
        "LANG": "C.UTF-8",
        "TZ": os.environ.get("TZ", "UTC"),
        "PYTHONPATH": LIBRARY,
        # Files in the workspace are data: keep the working directory off the module path, in
        # child processes too.
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
        # pandas loads pyarrow where it is installed. jemalloc would start a thread, and a
        # process with threads can't be forked safely. The default allocator would reserve a GiB
        # of addresses, more than a kernel is allowed.
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "MALLOC_ARENA_MAX": "2",
    }
