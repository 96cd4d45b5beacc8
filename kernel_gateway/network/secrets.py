"""Secrets of the operator, which the broker adds to calls as headers; kernels never get them."""

from __future__ import annotations

import base64
import contextlib
import functools
import html
import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from agent.permission.network import Address, BadTarget, address_of
from kernel_gateway.settings import SettingsInvalid

HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\x20-\x7e]+")
SHORTEST = 6
"""Characters: the broker takes secrets out of responses, and shorter ones stand in any text."""


@dataclass(frozen=True)
class Secret:
    """One secret.

    Attributes:
        name: How the operator calls it; shown to users.
        address: It is sent to this host, scheme and port only, at or below this path.
        header: The header it is sent as.
        value: The header's value.
    """

    name: str
    address: Address
    header: str
    value: str = field(repr=False)

    def is_for(self, address: Address) -> bool:
        """Whether a call of *address* gets it."""
        mine = self.address
        if (mine.scheme, mine.host, mine.port) != (address.scheme, address.host, address.port):
            return False
        below = mine.path if mine.path.endswith("/") else f"{mine.path}/"
        return address.path == mine.path or address.path.startswith(below)

    @functools.cached_property
    def texts(self) -> tuple[bytes, ...]:
        """What is taken out of responses, longest first: its parts as servers may write them."""
        last = self.value.rpartition(" ")[2]
        parts = {self.value, last, *_decoded_parts(self.value)}
        known = {form for part in parts if len(part) >= SHORTEST for form in _forms(part)}
        return tuple(sorted(known, key=len, reverse=True))


def _decoded_parts(value: str) -> Iterator[str]:
    """Yield what ``Basic`` credentials hold: user and password, and the password alone."""
    scheme, _, encoded = value.partition(" ")
    if scheme.lower() == "basic":
        with contextlib.suppress(ValueError):
            decoded = base64.b64decode(encoded, validate=True).decode("utf-8")
            yield from (decoded, decoded.partition(":")[2])


def _forms(part: str) -> Iterator[bytes]:
    """Yield *part* as a server may send it back: in JSON, HTML, a URL, base64, another encoding."""
    escaped = json.dumps(part)[1:-1]
    texts = {part, part.lower(), part.upper(), escaped, escaped.replace("/", "\\/")}
    texts |= {html.escape(part), html.escape(part, quote=False), repr(part)[1:-1]}
    texts |= {quote(part), quote(part, safe=""), quote_plus(part)}
    texts |= {re.sub("%..", lambda each: each[0].lower(), text) for text in list(texts)}
    texts |= {"".join(f"\\u{ord(sign):04{kind}}" for sign in part) for kind in "xX"}
    raw = part.encode()
    yield from (text.encode() for text in texts)
    yield from (raw.hex().encode(), raw.hex().upper().encode())
    yield from (part.encode("utf-16-le"), part.encode("utf-16-be"))
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        # It may begin at any of three places of a longer text; its ends mix with what is around.
        for shift in range(3):
            coded = encode(b"\0" * shift + raw).rstrip(b"=")
            whole = coded[(0, 2, 3)[shift] : len(coded) - (1 if (shift + len(raw)) % 3 else 0)]
            if len(whole) >= SHORTEST:
                yield whole


def read_secrets(file: Path | None) -> tuple[Secret, ...]:
    """Read the operator's *file*: TOML with a table for each secret: ``url, header, value``.

    Raises:
        SettingsInvalid: It can't be read, others may read it, or an entry is wrong. The message
            names the entry, never its value.
    """
    if file is None:
        return ()
    try:
        if file.stat().st_mode & 0o077:
            raise SettingsInvalid(
                f"Setting network_secrets_file: others may read {file}. Run: chmod 600 {file}"
            )
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsInvalid(
            f"Setting network_secrets_file: {file} can't be read ({error.strerror})."
        ) from None
    except ValueError:
        raise SettingsInvalid(f"Setting network_secrets_file: {file} is not TOML.") from None
    return tuple(_secret(name, table) for name, table in tables.items())


def _secret(name: str, table: Any) -> Secret:
    wrong = f"Setting network_secrets_file: the secret {name[:60]!r} "
    if not isinstance(table, dict) or set(table) != {"url", "header", "value"}:
        raise SettingsInvalid(f"{wrong}needs exactly url, header and value.")
    url, header, value = (str(table[key]) for key in ("url", "header", "value"))
    try:
        address = address_of(url)
    except BadTarget as error:
        raise SettingsInvalid(f"{wrong}has a url that can't be used: {error}.") from None
    if not HEADER_NAME.fullmatch(header):
        raise SettingsInvalid(f"{wrong}has no valid header name.")
    if not _VALUE.fullmatch(value) or len(value.rpartition(" ")[2]) < SHORTEST:
        raise SettingsInvalid(f"{wrong}has a value with control characters, or too short a one.")
    return Secret(name, address, header, value)


def without_secrets(content: bytes, secrets: Sequence[Secret]) -> bytes:
    """Return *content* with each secret, however it is written, replaced by as many stars."""
    for secret in secrets:
        for text in secret.texts:
            content = content.replace(text, b"*" * len(text))
    return content
