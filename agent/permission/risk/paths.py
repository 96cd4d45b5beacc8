"""Find arguments that are paths, and paths outside the workspace."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Sequence

from agent.permission.risk import rules
from agent.permission.risk.values import Bindings, Reference, Text

_URL = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*::)*[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_WINDOWS_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_HOME = re.compile(r"~[\w.-]*(?:/|$)")


def is_url(text: str) -> bool:
    """Return whether *text* is a URL, including chained ones (``simplecache::https://``)."""
    return _URL.match(text) is not None


def leaves_workspace(text: str) -> bool:
    """Return whether *text*, as a path, is outside ``/workspace`` and ``/tmp``."""
    if _HOME.match(text) or _WINDOWS_DRIVE.match(text):
        return True
    path = posixpath.normpath(posixpath.join("/workspace", text))
    return not any(path == root or path.startswith(f"{root}/") for root in rules.ALLOWED_ROOTS)


def path_arguments(node: ast.Call, name: str, names: Bindings) -> Sequence[ast.expr]:
    """Return the arguments of a call that are paths or URLs.

    Args:
        node: The call.
        name: The last part of the called function's name.
        names: The values of the cell's names.
    """
    if name in rules.PATH_CLASSES or name == "joinpath":
        return [node]  # the path that the call builds
    base = node.func.value if isinstance(node.func, ast.Attribute) else None
    values = names.evaluate(base)
    named = [k.value for k in node.keywords if k.arg in rules.PATH_KEYWORDS]
    on_path = any(isinstance(value, Text) and value.is_path for value in values)
    if name in rules.TWO_PATH_CALLS:
        of_module = base is None or any(isinstance(value, Reference) for value in values)
        return [*node.args[:2], *named] if on_path or of_module else []
    reads = name.startswith(rules.READ_PREFIXES) and name not in rules.NO_PATHS
    if name in rules.FILE_CALLS or reads:
        receiver = [base] if on_path and base is not None else []
        return [*receiver, *node.args[:1], *named]
    return []
