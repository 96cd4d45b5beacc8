"""The languages that kernels speak, and how each one's kernel is started."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field

from container.host.environment import inside_command, kernel_environment
from container.kernel.print_queue import DEFINE_PRINT

PYTHON = "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelCommand:
    """How a kernel is started.

    Attributes:
        argv: Its command; `container.shim.kernels` fills in the names in braces. Empty
            for Python, whose kernel is forked or launched by our own code.
        env: Variables added to the usual environment.
        loopback: The kernel supports TCP only.
        print_queue: It may publish text after ``idle`` (see `container.kernel.print_queue`).
        programs: Programs that must be on a kernel's ``PATH``.
        modules: Python packages that it needs.
        install: How to install what it needs.
    """

    argv: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    loopback: bool = False
    print_queue: bool = False
    programs: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    install: str = ""


ENTER_BY_DENO = f"Deno.chdir('/workspace'); {DEFINE_PRINT}"
DENO = ("deno", "jupyter", "--kernel", "--conn", "{tcp_connection_file}")
KERNELS: Mapping[str, KernelCommand] = {
    PYTHON: KernelCommand(),
    "bash": KernelCommand(
        argv=inside_command("{python}", "bash", "{connection_file}"),
        programs=("bash",),
        modules=("bash_kernel",),
        install="pip install bash_kernel; Bash itself is a package of every Linux distribution",
    ),
    "deno": KernelCommand(
        argv=inside_command("{python}", "bridge", "{connection_file}", ENTER_BY_DENO, *DENO),
        env={"DENO_DIR": "/tmp/.deno", "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"},  # noqa: S108
        loopback=True,
        print_queue=True,
        programs=("deno",),
        install="pip install deno, in the environment of the service",
    ),
}
KERNEL_OF: Mapping[str, str] = {
    PYTHON: PYTHON,
    "javascript": "deno",
    "typescript": "deno",
    "bash": "bash",
}
"""A cell's language → the kernel that runs it. Deno runs JavaScript as TypeScript."""
IN_IMAGE = frozenset({PYTHON, "bash"})
"""The kernels that `container.image` has."""


def install_hint(kernel: str, backend: str = "") -> str:
    """Return how to install what *kernel* needs and this machine lacks; else ``""``.

    Args:
        kernel: One of `KERNELS`.
        backend: What starts it; with ``docker`` it is the image that has it or not.
    """
    command = KERNELS[kernel]
    if backend == "docker":
        return "" if kernel in IN_IMAGE else "the image of the docker backend does not have it"
    path = kernel_environment()["PATH"]
    there = all(shutil.which(name, path=path) for name in command.programs)
    there = there and all(importlib.util.find_spec(name) for name in command.modules)
    return "" if there else command.install
