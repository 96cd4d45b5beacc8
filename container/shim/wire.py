"""The protocol between the shim and its clients: one JSON object per line, on a unix socket.

A connection's first line has an ``op``: ``start`` or ``adopt`` make the connection the *lease*
of one kernel; ``list``, ``pool``, ``ping`` and ``stop`` get an answer. On a lease the client
sends ``signal``, ``counters``, ``follow`` and ``close``; the shim sends ``exit``, ``breach``,
``counters``, ``record`` and ``record_end``. When a lease's connection breaks, its kernel ends,
after ``keep_seconds`` if the request has them.
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
"""Exit code of a shim that can't use host users (sysexits.h, EX_UNAVAILABLE)."""
LINE_BYTES = 64 * 1024 * 1024
"""The longest line; a ``record`` holds one kernel message, in base64."""


def encode(message: dict[str, Any]) -> bytes:
    """Return *message* as one line."""
    return json.dumps(message).encode() + b"\n"


def error_to_json(error: errors.ContainerError) -> dict[str, Any]:
    """Render *error* so that `error_from_json` rebuilds it."""
    return {"type": type(error).__name__, "args": list(error.args)}


def error_from_json(value: dict[str, Any]) -> errors.ContainerError:
    """Rebuild an error of this package; any other becomes a plain `ContainerError`."""
    kind = getattr(errors, str(value.get("type")), None)
    if isinstance(kind, type) and issubclass(kind, errors.ContainerError):
        rebuilt: errors.ContainerError = kind(*value.get("args", ()))
        return rebuilt
    return errors.ContainerError(str(value))


def socket_path(*, own_users: bool) -> Path:
    """Return the socket's path of this installation's shim.

    The name changes with Python, the packages and this code, so that an upgraded service
    starts a new shim; the old one stops once its kernels have ended.

    Args:
        own_users: The shim with host users, not the one whose kernels run as the
            service's user.
    """
    return runtime_directory() / f"{_prefix(own_users=own_users)}-{_installation()}.sock"


def socket_pattern() -> str:
    """Return the glob pattern of the shims whose kernels this process may adopt."""
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
