"""Import the service for a process that does nothing else: quickly, and into memory that stays."""

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
"""What jsonschema, which nbformat needs, imports where it is installed: 0.75 s, most of that for a
parser of international addresses. No notebook's schema is checked for these formats."""


def import_service() -> OpenGateway:
    """Import the service in one piece of memory, which the garbage collector leaves alone."""
    for module in UNUSED_FORMATS:
        sys.modules.setdefault(module, None)  # type: ignore[arg-type]
    gc.disable()  # until all is there: next to nothing of it is garbage
    with heap.in_one_piece():
        from kernel_gateway.wiring import open_gateway

        gc.freeze()  # so that nobody looks for that little garbage, which takes 0.1 s
    gc.enable()
    return open_gateway
