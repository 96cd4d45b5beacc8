"""Find in a cell's code which addresses it would call, with which method, and what it sends.

The permission request names them. It is no wall: the broker checks each call itself
(`kernel_gateway.network`), so an address that is not found here is only refused there.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from agent.permission.network import (
    METHODS,
    Address,
    BadTarget,
    Target,
    address_of,
)
from agent.permission.risk.assess import parse_cell
from agent.permission.risk.values import ANYTHING, Bindings, Reference, texts_of

VERBS = {name.lower(): name for name in METHODS}
NAMED = frozenset({"request", "stream", "Request"})
"""Calls whose first argument, or ``method``, may be the method."""
OPENERS = frozenset({"urlopen", "Request", "urlretrieve"})
CLIENTS = ("requests", "httpx", "httpx2", "urllib.request", "urllib3")
BODIES = frozenset({"data", "json", "files", "content", "body", "params", "headers", "cookies"})
"""Keywords with what is sent along."""
ONLY_BODIES = frozenset({"data", "json", "files", "content", "body"})
MOST_CALLS = 50
_URL = re.compile(r"\s*https?://", re.IGNORECASE)
_AUTHORITY = re.compile(r"[^/?#]*")
_KEPT = "!#$%&'()*+,/:;=?@[]~"
"""Signs of a URL that stay as they are."""
_BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True, slots=True)
class NetworkCall:
    """A call of the network that the code holds.

    Attributes:
        line: Its line, from 1.
        method: The HTTP method.
        target: What it calls; ``None`` if only the running code knows.
        url: The URL as far as it is known.
        body: It sends a body.
        body_bytes: The body's size in bytes, if it is a text in the code.
        variables: Names of the variables whose values go into body, query or headers.
    """

    line: int
    method: str
    target: Target | None
    url: str
    body: bool = False
    body_bytes: int | None = None
    variables: tuple[str, ...] = ()


def network_calls(code: str) -> tuple[NetworkCall, ...]:
    """Return the calls of the network in *code*, in source order; at most `MOST_CALLS`."""
    try:
        tree = parse_cell(code)
        names = Bindings(tree)
    except (SyntaxError, ValueError, RuntimeError, MemoryError):
        return ()
    found: dict[NetworkCall, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for call in _calls(node, names):
                found[call] = None
    return tuple(sorted(found, key=lambda call: call.line))[:MOST_CALLS]


def call_to_json(call: NetworkCall) -> dict[str, Any]:
    """Render *call* as plain JSON values, with what a standing permission would cover."""
    target = call.target
    return {
        "method": call.method,
        "url": call.url,
        "host": target.address.host if target else "",
        "exact": target is not None and not target.below,
        "body": call.body,
        "body_bytes": call.body_bytes,
        "variables": list(call.variables),
        "always": str(target.widened) if target else "",
    }


def call_words(calls: Sequence[NetworkCall]) -> str:
    """Return in plain words whom the code would call, and what leaves with that."""
    if not calls:
        return "Which address it would call is known only as it runs, and is asked for then."
    told = []
    for call in calls:
        words = f"{call.method} {call.url}" if call.target else f"{call.method} of an unknown URL"
        if call.body:
            size = "" if call.body_bytes is None else f" of {call.body_bytes:,} bytes"
            words += f", with a body{size}"
        if call.variables:
            words += f", which holds values of {', '.join(call.variables)}"
        told.append(words)
    return f"It would call: {'; '.join(dict.fromkeys(told))}."


def _calls(node: ast.Call, names: Bindings) -> Iterator[NetworkCall]:
    name = names.name_called(node.func)
    reads = name.startswith("read_") and isinstance(node.func, ast.Attribute)
    if not (name in VERBS or name in NAMED or name in OPENERS or reads):
        return
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    urls = [text for each in given for text in texts_of(names.evaluate(each)) if _URL.match(text)]
    method = _method(node, name, names)
    sent = _sent(node, name)
    facts: dict[str, Any] = {
        "body": any(part for part, is_body in sent if is_body),
        "body_bytes": _size(sent, names),
        "variables": _variables(node, sent, names),
    }
    for url in dict.fromkeys(urls):
        target = _target(method, url.strip())
        shown = url.strip().replace(ANYTHING, "…")[:500]
        yield NetworkCall(node.lineno, method, target, shown, **facts)
    if not urls and _is_client(node.func, names):
        yield NetworkCall(node.lineno, method, None, "", **facts)


def _is_client(func: ast.expr, names: Bindings) -> bool:
    paths = [value.path for value in names.evaluate(func) if isinstance(value, Reference)]
    return any(path.startswith(f"{client}.") for path in paths for client in CLIENTS)


def _method(node: ast.Call, name: str, names: Bindings) -> str:
    if name in VERBS:
        return VERBS[name]
    keyword = next((k.value for k in node.keywords if k.arg == "method"), None)
    first = node.args[0] if name in ("request", "stream") and node.args else None
    for part in (keyword, first):
        for text in texts_of(names.evaluate(part)):
            if text.upper() in METHODS:
                return text.upper()
    has_data = any(is_body for _, is_body in _sent(node, name))
    return "POST" if has_data and name in OPENERS else "GET"


def _sent(node: ast.Call, name: str) -> list[tuple[ast.expr, bool]]:
    """Return what the call sends along: the expression, and whether it is the body."""
    sent = [(k.value, k.arg in ONLY_BODIES) for k in node.keywords if k.arg in BODIES]
    if name in ("post", "put", "patch", *OPENERS):
        sent += [(argument, True) for argument in node.args[1:2]]
    return [(part, body) for part, body in sent if not _is_none(part)]


def _is_none(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value is None


def _size(sent: list[tuple[ast.expr, bool]], names: Bindings) -> int | None:
    bodies = [part for part, is_body in sent if is_body]
    if len(bodies) != 1:
        return None
    if isinstance(bodies[0], ast.Constant) and isinstance(bodies[0].value, bytes):
        return len(bodies[0].value)
    texts = texts_of(names.evaluate(bodies[0]))
    return len(texts[0].encode()) if len(texts) == 1 and ANYTHING not in texts[0] else None


def _variables(
    node: ast.Call, sent: list[tuple[ast.expr, bool]], names: Bindings
) -> tuple[str, ...]:
    parts = [*node.args, *(k.value for k in node.keywords if k.arg == "url")]
    parts += [part for part, _ in sent]
    used = [
        inner.id
        for part in parts
        for inner in ast.walk(part)
        if isinstance(inner, ast.Name) and inner.id not in _BUILTINS
    ]
    modules = {
        name for name in used if any(isinstance(value, Reference) for value in names.of_name(name))
    }
    return tuple(name for name in dict.fromkeys(used) if name not in modules)[:20]


def _target(method: str, url: str) -> Target | None:
    """Return what *url*, with `ANYTHING` for unknown parts, covers; ``None`` if no host is sure."""
    known = _as_sent(url.partition(ANYTHING)[0].partition("#")[0])
    unknown = ANYTHING in url and "?" not in known
    try:
        if not unknown:
            return Target(method, address_of(known))
        scheme, _, after = known.partition("://")
        if "/" not in after:  # the unknown part may belong to the host
            return None
        address = address_of(f"{scheme}://{after}")
    except BadTarget:
        return None
    directory = address.path.rpartition("/")[0] + "/"
    there = Address(address.scheme, address.host, address.port, directory)
    return Target(method, there, below=True)


def _as_sent(url: str) -> str:
    """Return *url* as HTTP libraries send it: blanks and letters beyond ASCII encoded."""
    scheme, mark, rest = url.partition("://")
    host = _AUTHORITY.match(rest)
    if (url.isascii() and " " not in url) or host is None:
        return url
    try:
        named = host[0].encode("idna").decode("ascii")
    except UnicodeError:
        return url
    return f"{scheme}{mark}{named}{quote(rest[host.end() :], safe=_KEPT)}"
