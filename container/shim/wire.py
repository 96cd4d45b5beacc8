"""What the shim and its clients say to each other: one JSON object a line, over a unix socket.

A connection's first line says what it is for (`op`): ``start`` or ``adopt`` make it the
*lease* of one kernel, ``list``, ``pool``, ``ping`` and ``stop`` are answered as they are.
On a lease the client sends ``signal``, ``follow`` and ``close``; the shim sends ``exit``,
``breach`` and ``record``. A lease that breaks ends its kernel, unless it was started to be
kept for some seconds.
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from container import errors
from container.backends.zygote.process import packages_fingerprint
from container.host.host_users import host_users
from container.host.runtime import runtime_directory

PROTOCOL = 1
NO_HOST_USERS = 69
"""How a shim ends that was to hand out host users and can't (sysexits.h, EX_UNAVAILABLE)."""
LINE_BYTES = 64 * 1024 * 1024
"""A record line holds one kernel message, in base64."""


def encode(message: dict[str, Any]) -> bytes:
    """Return *message* as one line."""
    return json.dumps(message).encode() + b"\n"


def error_to_json(error: errors.ContainerError) -> dict[str, Any]:
    """Render *error* so that `error_from_json` rebuilds it."""
    return {"type": type(error).__name__, "args": list(error.args)}


def error_from_json(value: dict[str, Any]) -> errors.ContainerError:
    """Rebuild an error this package defines; any other is a plain `ContainerError`."""
    kind = getattr(errors, str(value.get("type")), None)
    if isinstance(kind, type) and issubclass(kind, errors.ContainerError):
        rebuilt: errors.ContainerError = kind(*value.get("args", ()))
        return rebuilt
    return errors.ContainerError(str(value))


def socket_path(*, own_users: bool) -> Path:
    """Return where the shim of this installation listens.

    The name changes with the Python, the packages and this code, so that an upgraded
    service never talks to a shim of before; that one ends when its kernels have.

    Args:
        own_users: Of the one that hands out host users, not of that whose kernels run as
            the service's user.
    """
    return runtime_directory() / f"{_prefix(own_users=own_users)}-{_installation()}.sock"


def socket_pattern() -> str:
    """Return what the names of shims match whose kernels this process may take over."""
    return f"{_prefix(own_users=host_users() is not None)}-*.sock"


def _prefix(*, own_users: bool) -> str:
    return f"shim-{PROTOCOL}{'u' if own_users else 's'}"


@functools.cache
def _installation() -> str:
    """Return a digest of the installation this process started from."""
    code = sorted(Path(__file__).resolve().parents[1].rglob("*.py"))
    parts = (
        sys.executable,
        sys.prefix,
        *packages_fingerprint(),
        *(f"{path}:{path.stat().st_mtime_ns}" for path in code),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
