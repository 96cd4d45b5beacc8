"""Identifiers."""

from __future__ import annotations

import re
import secrets

MAIN_PATH = "main"
_ID = re.compile(r"^[a-z]{2,5}_[0-9a-f]{16}$")


def new_id(kind: str) -> str:
    """Return a fresh id such as ``conv_…``, ``turn_…``: 64 random bits."""
    return f"{kind}_{secrets.token_hex(8)}"


def is_id(text: str) -> bool:
    """Whether *text* has the form of an id; anything else is never looked up."""
    return bool(_ID.match(text))
