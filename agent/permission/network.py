"""What a permission for the network covers: method, scheme, host, port and path.

A target is written ``GET https://host/path``, and ``GET https://host/path/*`` for all below a
path. The query string is not part of it. As the name of a capability it has `PREFIX` before it.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes, urlsplit

PREFIX = "network:"
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
PORTS = {"http": 80, "https": 443}
MOST_CHARACTERS = 8000
"""Of a URL."""
_PLAIN = re.compile(r"[!-~]+")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_OVERLONG = re.compile(rb"[\xc0\xc1]|\xe0[\x80-\x9f]|\xf0[\x80-\x8f]")
"""UTF-8 that is longer than it must be, which hides a character from a check."""
_CUT_OFF = re.compile(r"[\x00-\x20\x7f]+")
MOST_DECODED = 5
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")


class BadTarget(ValueError):
    """A URL or method that can't be called; the message says why."""


@dataclass(frozen=True, slots=True)
class Address:
    """A URL taken apart.

    Attributes:
        scheme: ``http`` or ``https``.
        host: In lower case; an IPv6 address has no brackets.
        port: The port, also where the URL names none.
        path: From the first slash, still percent-encoded.
        query: Behind the question mark, without it.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str = ""

    @property
    def origin(self) -> str:
        """Scheme, host and, if it is not the usual one, port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if PORTS[self.scheme] == self.port else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def url(self) -> str:
        """The whole URL."""
        return f"{self.origin}{self.path}{'?' if self.query else ''}{self.query}"


@dataclass(frozen=True, slots=True)
class Target:
    """What one permission covers.

    Attributes:
        method: The HTTP method; GET covers HEAD as well.
        address: The address; its query is ignored.
        below: Everything below the address's path, which ends with a slash, is covered.
    """

    method: str
    address: Address
    below: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.address.url}{'*' if self.below else ''}"

    @property
    def capability(self) -> str:
        """Its name among the capabilities of grants."""
        return f"{PREFIX}{self}"

    @property
    def widened(self) -> Target:
        """What a standing permission for it covers: all in the same directory of that host."""
        directory = self.address.path.rpartition("/")[0] + "/"
        there = Address(self.address.scheme, self.address.host, self.address.port, directory)
        return Target(self.method, there, below=True)

    def covers(self, method: str, address: Address) -> bool:
        """Whether *method* on *address* is allowed by it."""
        mine = self.address
        if (mine.scheme, mine.host, mine.port) != (address.scheme, address.host, address.port):
            return False
        if method != self.method and not (method == "HEAD" and self.method == "GET"):
            return False
        if self.below:
            return address.path.startswith(mine.path)
        return address.path == mine.path


def address_of(url: str) -> Address:
    """Take *url* apart.

    Raises:
        BadTarget: It is no plain http or https URL, or its path can be read in two ways.
    """
    if len(url) > MOST_CHARACTERS:
        raise BadTarget(f"the URL has {len(url):,} characters; {MOST_CHARACTERS:,} are the most")
    shown = url[:200]
    if not _PLAIN.fullmatch(url) or "\\" in url:
        raise BadTarget(f"{shown!r} holds blanks, control characters or letters to be encoded")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadTarget(f"{shown!r} is no URL ({error})") from None
    scheme = parts.scheme.lower()
    if scheme not in PORTS:
        raise BadTarget(f"{shown!r} is not an http or https URL")
    if "@" in parts.netloc:
        raise BadTarget(f"the URL for {parts.hostname!r} holds a user or password; send a header")
    host = (parts.hostname or "").lower().removesuffix(".")
    if not _is_host(host):
        raise BadTarget(f"{shown!r} names no valid host")
    path = parts.path or "/"
    if _goes_up(path):
        raise BadTarget(f"the path of {shown!r} has '.' or '..' in it; write it without them")
    if port == 0:
        raise BadTarget(f"{shown!r} names port 0, where nothing can be")
    port = PORTS[scheme] if port is None else port
    return Address(scheme, host, port, _normal(path), parts.query)


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return len(host) <= 253 and _HOST.fullmatch(host) is not None
    return "%" not in host


def _goes_up(path: str) -> bool:
    r"""Whether a server may read *path* as one that has ``.`` or ``..`` among its parts.

    Servers differ: some decode twice, take ``\\`` for ``/``, cut parameters (``..;x``), blanks or a
    NUL off a part, accept overlong UTF-8, or fold wide characters.
    """
    raw = unquote_to_bytes(path)
    for _ in range(MOST_DECODED):
        if _OVERLONG.search(raw):
            return True
        text = unicodedata.normalize("NFKC", raw.decode("utf-8", "replace"))
        for part in re.split(r"[/\\]", text):
            bare = _CUT_OFF.sub("", part.partition(";")[0].partition("\0")[0])
            if bare in (".", ".."):
                return True
        decoded = unquote_to_bytes(raw)
        if decoded == raw:
            return False
        raw = decoded
    return True  # no honest path is encoded so often


def _normal(path: str) -> str:
    """Return *path* as clients write it: no needless escapes, the others in capitals.

    Source: RFC 3986, 6.2.2.
    """

    def written(escape: re.Match[str]) -> str:
        sign = chr(int(escape[1], 16))
        return sign if sign.isascii() and (sign.isalnum() or sign in "-._~") else escape[0].upper()

    # The target's own mark for "all below" is never a part of a path.
    return _ESCAPE.sub(written, path).replace("*", "%2A")


def method_of(method: str) -> str:
    """Return *method* in capitals.

    Raises:
        BadTarget: It is none of `METHODS`.
    """
    name = method.upper()
    if name not in METHODS:
        raise BadTarget(f"the method {method[:20]!r} is not supported; use {', '.join(METHODS)}")
    return name


def target_from(text: str) -> Target:
    """Return the target that ``str(target)`` gave, with or without `PREFIX`.

    Raises:
        BadTarget: It is none.
    """
    method, _, url = text.removeprefix(PREFIX).partition(" ")
    below = url.endswith("/*")
    address = address_of(url.removesuffix("*") if below else url)
    return Target(method_of(method), address, below=below)


def targets_among(capabilities: Iterable[str]) -> list[Target]:
    """Return the targets among *capabilities*; other ones, and those not valid, are left out."""
    found = []
    for name in capabilities:
        if name.startswith(PREFIX) and "://" in name:
            with contextlib.suppress(BadTarget):
                found.append(target_from(name))
    return found


def check_capability(name: str) -> None:
    """Raise `BadTarget` unless *name* is a capability that a permission can be given for."""
    kind, _, rest = name.partition(":")
    if not kind.replace("-", "").isalnum() or not rest.strip():
        raise BadTarget(f"{name[:80]!r} is no capability; write KIND:NAME, such as library:urllib")
    if name.startswith(PREFIX) and "://" in name:
        target_from(name)


def is_covered(capability: str, held: Iterable[str]) -> bool:
    """Return whether *capability* is among *held*, or lies within a target of it."""
    held = tuple(held)
    if capability in held:
        return True
    return any(_within(wanted, held) for wanted in targets_among([capability]))


def widened(capability: str) -> str:
    """Return the capability that a standing permission for *capability* holds."""
    targets = targets_among([capability])
    return targets[0].widened.capability if targets else capability


def what_always_covers(capability: str) -> str:
    """Return in plain words what a standing permission for *capability* covers."""
    targets = targets_among([capability])
    if targets:
        wide = targets[0].widened
        where = f"{wide.address.origin}{wide.address.path}"
        return f"every {wide.method} call to {where} and all addresses below it"
    kind, _, name = capability.partition(":")
    match kind:
        case "library":
            return f"every use of the library {name}; it allows no address of the network"
        case "network":
            return "code whose addresses are known only as it runs; it allows no address"
        case "path":
            return f"reading and writing the file {name}"
    return f"every use of {name or capability}"


def _within(wanted: Target, held: Iterable[str]) -> bool:
    for target in targets_among(held):
        if target.covers(wanted.method, wanted.address) and (target.below or not wanted.below):
            return True
    return False
