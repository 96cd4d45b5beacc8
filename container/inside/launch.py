"""Start IPython's kernel inside the sandbox: limits first, then the kernel, then defaults."""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import Any


def apply_limits(limits: dict[str, float]) -> None:
    """Set the resource limits this process and its children can never raise again.

    Args:
        limits: rlimit name without its prefix (``DATA``, ``NPROC``, …) → value.
    """
    for name, value in limits.items():
        number = getattr(resource, f"RLIMIT_{name}")
        _, hard = resource.getrlimit(number)
        wanted = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
        resource.setrlimit(number, (wanted, wanted))


def main() -> None:
    """Run a kernel: ``launch.py LIMITS_JSON CONNECTION_FILE``."""
    limits, connection_file = json.loads(sys.argv[1]), sys.argv[2]
    apply_limits(limits)
    os.makedirs(os.environ["MPLCONFIGDIR"], exist_ok=True)
    os.chdir("/workspace")

    from ipykernel.kernelapp import IPKernelApp

    class SandboxKernelApp(IPKernelApp):  # type: ignore[misc]
        """Queues outputs without a limit: past ZMQ's own, they would vanish unsaid.

        The queue is this process's memory, so the kernel's own limit bounds it.
        """

        def init_iopub(self, context: Any) -> None:
            context.sndhwm = 0
            super().init_iopub(context)

    app = SandboxKernelApp.instance()
    app.initialize(
        [
            "-f",
            connection_file,
            "--HistoryManager.enabled=False",
        ]
    )

    # "inside" is this package's name in the kernel.
    from inside import defaults, interrupts  # type: ignore[import-not-found]

    defaults.apply(app.shell)
    interrupts.InterruptGate(app.shell)
    app.start()


if __name__ == "__main__":
    main()
