"""The kernelspecs of the kernels that this machine can run, as Jupyter's clients read them."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from container.kernel.languages import KERNELS, install_hint
from kernel_gateway.errors import BadRequest
from kernel_gateway.jupyter.handler import KERNEL_NAME

PREFIX = "tallybook-"


def kernelspecs(backend: str) -> dict[str, Any]:
    """Return Jupyter's model of the kernelspecs; *backend* starts the kernels."""
    names = [f"{PREFIX}{kernel}" for kernel in KERNELS if not install_hint(kernel, backend)]
    return {"default": KERNEL_NAME, "kernelspecs": {name: _model(name) for name in names}}


def _model(name: str) -> dict[str, Any]:
    file = resources.files("container") / "kernelspecs" / name / "kernel.json"
    spec = json.loads(file.read_text(encoding="utf-8"))
    shown = {
        "argv": [],  # a client can't start it by itself
        "env": {},
        "display_name": spec["display_name"],
        "language": spec["language"],
        "interrupt_mode": "message",
        "metadata": {},
    }
    return {"name": name, "spec": shown, "resources": {}}


def check_kernel_name(name: str | None) -> None:
    """Raise `BadRequest` unless clients may start a kernel *name*; ``python3`` counts as ours.

    A path's kernels for other languages run beside its Python kernel and have no channels.
    """
    if name in (None, "", KERNEL_NAME, "python3"):
        return
    if str(name).removeprefix(PREFIX) in KERNELS:
        raise BadRequest(
            f"Jupyter's clients get the kernel {KERNEL_NAME}. Code for {name} is sent to "
            "POST /api/v1/execute with its language."
        )
    raise BadRequest(f"There is no kernelspec {str(name)[:60]!r}; there is {KERNEL_NAME}.")
