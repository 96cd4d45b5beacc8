"""Imports the service fast, for a process that runs only the service."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from container.inside import heap
from kernel_gateway.settings import Settings

if TYPE_CHECKING:
    from kernel_gateway.wiring import Gateway

    OpenGateway = Callable[[Settings], AbstractAsyncContextManager[Gateway]]

UNUSED_FORMATS = ("rfc3987_syntax", "rfc3986_validator", "isoduration")
"""Optional modules that jsonschema (for nbformat) would import in 0.75 s, mostly for a parser of
international addresses. The notebook schema does not use these formats."""


def import_service() -> OpenGateway:
    """Import the service into contiguous memory that the garbage collector does not scan."""
    for module in UNUSED_FORMATS:
        sys.modules.setdefault(module, None)  # type: ignore[arg-type]
    gc.disable()  # during the import: next to nothing of it is garbage
    with heap.in_one_piece():
        from kernel_gateway.wiring import open_gateway

        gc.freeze()  # saves a collection of 0.1 s that would find little
    gc.enable()
    return open_gateway
