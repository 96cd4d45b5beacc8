"""Libraries that code imports and its kernel does not have: nobody is asked about these."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence

from agent.permission.risk.assess import parse_cell
from agent.permission.risk.findings import Assessment
from agent.permission.risk.modules import LOW_MODULES
from container.errors import ContainerError
from container.kernel.session import KernelSession

LIBRARY_RULES = frozenset({"unknown-library", "network-library", "excel-reader"})
_IMPORT_ERRORS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_PARTS = frozenset("dateutil et_xmlfile mpl_toolkits tzdata typing_extensions workbooks".split())
"""What nobody works with directly."""
_OTHERS = tuple(sorted(LOW_MODULES - sys.stdlib_module_names - _PARTS))


async def why_absent(code: str, assessment: Assessment, session: KernelSession) -> str:
    """Return why *code* can't run: it imports libraries that the kernel does not have.

    Args:
        code: Python code.
        assessment: Its findings.
        session: The kernel, which is asked.

    Returns:
        One or two sentences with what is installed instead; empty if there is no such library,
        or the code goes on without it (``except ImportError``).
    """
    wanted = {f.target for f in assessment.findings if f.rule in LIBRARY_RULES and f.target}
    needed = sorted(wanted & set(_needed(code)))
    if not needed:
        return ""
    try:
        absent = await session.absent_modules([*needed, *_OTHERS])
    except ContainerError:  # the cell itself will say so
        return ""
    missing = [name for name in needed if name in absent]
    if not missing:
        return ""
    have = ", ".join(name for name in _OTHERS if name not in absent)
    names = " and ".join(missing)
    verb, it = ("is", "it") if len(missing) == 1 else ("are", "they")
    return (
        f"ModuleNotFoundError: {names} {verb} not installed here, and {it} can't be: kernels have "
        f"no package index. Write it with what is installed: the standard library, {have}."
    )


def _needed(code: str) -> Iterator[str]:
    """Yield the top-level modules that *code* imports without a way out."""
    try:
        tree = parse_cell(code)
    except (SyntaxError, ValueError, RuntimeError, MemoryError):
        return
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.Try) and _catches_imports(node.handlers):
            waiting += [*node.handlers, *node.orelse, *node.finalbody]
            continue
        elif isinstance(node, ast.With | ast.AsyncWith) and _suppresses_imports(node):
            continue
        waiting += ast.iter_child_nodes(node)


def _suppresses_imports(node: ast.With | ast.AsyncWith) -> bool:
    """Whether *node* is ``with suppress(ImportError)``."""
    given = [_names_in(item.context_expr) for item in node.items]
    return any("suppress" in names and names & _IMPORT_ERRORS for names in given)


def _names_in(node: ast.AST) -> set[str]:
    found = (getattr(each, "id", getattr(each, "attr", "")) for each in ast.walk(node))
    return set(found)


def _catches_imports(handlers: Sequence[ast.ExceptHandler]) -> bool:
    names = {
        getattr(name, "id", "")
        for handler in handlers
        for name in ast.walk(handler.type or ast.Name("Exception"))
    }
    return bool(names & _IMPORT_ERRORS)
