"""Identifiers."""

from __future__ import annotations

import re
import secrets
from typing import NamedTuple

MAIN_PATH = "main"
_ID = re.compile(r"[a-z]{2,5}_[0-9a-f]{16}")
_PATH_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class PathKey(NamedTuple):
    """A path: the unit that has a context, a workspace, a notebook and an event log."""

    tenant: str
    conversation: str
    path: str


def new_id(kind: str) -> str:
    """Return a new id such as ``conv_…`` or ``turn_…`` with 64 random bits."""
    return f"{kind}_{secrets.token_hex(8)}"


def is_id(text: str) -> bool:
    """Whether *text* has the form of an id; anything else is never looked up."""
    return bool(_ID.fullmatch(text))


def is_path_name(text: str) -> bool:
    """Whether *text* can name a path; anything else is never looked up."""
    return bool(_PATH_NAME.fullmatch(text))


def path_name(title: str) -> str:
    """Turn a branch's title into a name for addresses; empty if it has no letter or digit."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:36].strip("-")
