"""Whether a text names something outside the workspace."""

from __future__ import annotations

import posixpath
import re

from agent.risk.rules import ALLOWED_ROOTS

_URL = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*::)*[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_WINDOWS_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_HOME = re.compile(r"~[\w.-]*(?:/|$)")


def is_url(text: str) -> bool:
    """Return whether *text* is a URL, of fsspec's chained kind too (``simplecache::https://``)."""
    return _URL.match(text) is not None


def leaves_workspace(text: str) -> bool:
    """Return whether *text*, taken as a path, leads out of ``/workspace`` and ``/tmp``."""
    if _HOME.match(text) or _WINDOWS_DRIVE.match(text):
        return True
    path = posixpath.normpath(posixpath.join("/workspace", text))
    return not any(path == root or path.startswith(f"{root}/") for root in ALLOWED_ROOTS)
