"""Who is calling: one local user with a token that is generated at the first start."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

COOKIE = "tallybook_token"
TOKEN_FILE = "token"  # noqa: S105 (a file's name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The caller."""

    tenant: str
    user: str


LOCAL = Identity(tenant="local", user="local")


def load_or_create_token(data_dir: Path) -> str:
    """Return the token kept in *data_dir*, made on the first start, readable by its owner only."""
    file = data_dir / TOKEN_FILE
    if file.exists():
        token = file.read_text(encoding="ascii").strip()
        if token:
            return token
    token = secrets.token_urlsafe(32)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as out:
        out.write(token)
    return token


def token_matches(given: str, expected: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """Return the token of an ``Authorization: Bearer`` (or Jupyter's ``token``) header."""
    scheme, _, value = headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() in ("bearer", "token") and value.strip() else None


def same_origin(headers: Mapping[str, str]) -> bool:
    """Whether the browser page that sent this came from the service itself.

    Browsers send ``Origin`` with every websocket and every request that changes
    something; a missing one therefore means that no foreign page is behind it.
    """
    origin = headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == headers.get("Host", "")
