"""Which cells must run again before a snapshot of the variables is read.

A snapshot holds most variables. What it does not hold comes from running some cells again: those
that mention a variable it lacks, those that change something outside the variables, and, for
each, the ones before it that mention a name it uses. The snapshot is read after them, so for all
variables that it holds, its values stand.
"""

from __future__ import annotations

import ast
import builtins
import functools
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

OPTIONS = frozenset({"options", "rcParams"})
"""Parts of modules that a snapshot holds (`container.inside.snapshot_settings`)."""
OUTSIDE_CALLS = frozenset(
    "basicConfig setlocale setrecursionlimit settrace setprofile pandas register".split()
)
"""Calls that change a module or the interpreter, by their last name (``tqdm.pandas()``)."""
HELD_MODULES = frozenset(
    "decimal gc matplotlib numpy os pandas random seaborn shutil sys time warnings".split()
)
"""Modules whose functions change files, or what a snapshot holds, and nothing else that lasts."""
REGISTERS = "register_"
SETTING_ATTRIBUTES = frozenset({"setattr", "delattr"})
LATEST = frozenset({"Out", "In", "_", "__", "___", "_oh", "_ih", "_i", "_ii", "_iii"})
"""IPython's memory of cells and results, which only running them gives."""
BUILTINS = frozenset(vars(builtins))
_NUMBERED = re.compile(r"_i?[0-9]+")


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """What a cell's text shows.

    Attributes:
        names: All names that it mentions.
        imports: Those that it imports.
        read: Those that it reads and never sets.
        changed: Names of which it sets or deletes an attribute.
        modules: Name → top-level module that it imports.
        called: Names of which it calls a function for its effect alone.
        outside: It changes something outside the variables, or can't be read.
    """

    names: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    modules: Mapping[str, str] = field(default_factory=dict)
    called: frozenset[str] = frozenset()
    outside: bool = False


@functools.lru_cache(maxsize=4096)
def facts_of_code(source: str) -> CodeFacts:
    """Return what the text of *source*, a cell, shows."""
    from IPython.core.inputtransformer2 import TransformerManager  # late: it takes 0.2 s

    try:
        nodes = list(ast.walk(ast.parse(TransformerManager().transform_cell(source))))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return CodeFacts(outside=True)
    names, imports, changed, stored = set[str](), set[str](), set[str](), set[str]()
    modules, called = dict[str, str](), set[str]()
    for node in nodes:
        if isinstance(node, ast.Name):
            names.add(node.id)
            if not isinstance(node.ctx, ast.Load):
                stored.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import):
            modules |= {a.asname or _top(a.name): _top(a.name) for a in node.names}
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called |= _root_of(node.value.func)
        elif isinstance(node, ast.alias):
            imports.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.Attribute):
            changed |= _root_if_set(node)
        elif isinstance(node, ast.Call) and _called(node) in SETTING_ATTRIBUTES and node.args:
            changed |= {n.id for n in ast.walk(node.args[0]) if isinstance(n, ast.Name)}
    calls = {_called(node) for node in nodes if isinstance(node, ast.Call)}
    outside = "get_ipython" in names or not calls.isdisjoint(OUTSIDE_CALLS)
    outside |= any(name.startswith(REGISTERS) for name in calls)
    return CodeFacts(
        names=frozenset(names | imports),
        imports=frozenset(imports),
        read=frozenset(names - stored),
        changed=frozenset(changed),
        modules=modules,
        called=frozenset(called),
        outside=outside,
    )


def _top(module: str) -> str:
    return module.partition(".")[0]


def _root_of(function: ast.AST) -> set[str]:
    """Return the name before the first point of ``name.part.function``."""
    if not isinstance(function, ast.Attribute):
        return set()
    while isinstance(function, ast.Attribute):
        function = function.value
    return {function.id} if isinstance(function, ast.Name) else set()


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _root_if_set(attribute: ast.Attribute) -> set[str]:
    """Return the name of whose attribute *attribute* is, if that is set or deleted here."""
    if isinstance(attribute.ctx, ast.Load):
        return set()
    inner: ast.AST = attribute
    while isinstance(inner, ast.Attribute):
        if inner.attr in OPTIONS:
            return set()
        inner = inner.value
    return {inner.id} if isinstance(inner, ast.Name) else set()


def needed_cells(sources: Sequence[str], lacking: Collection[str]) -> list[int]:
    """Return the numbers of the cells that must run before a snapshot is read, in order.

    Args:
        sources: The cells that the snapshot covers.
        lacking: Names of variables that it does not hold.
    """
    facts = [facts_of_code(source) for source in sources]
    imported = frozenset().union(*(each.imports for each in facts))
    modules = {name: module for each in facts for name, module in each.modules.items()}
    unheld = {name for name, module in modules.items() if module not in HELD_MODULES}
    wanted, found = set(lacking), list[int]()
    for number in reversed(range(len(facts))):
        each = facts[number]
        # Of a module, only the cells that import it are needed: those that change it are anyway.
        sets = (each.names - imported) | each.imports
        outside = each.outside or each.changed & imported or each.called & unheld
        if outside or sets & wanted:
            found.append(number)
            wanted |= each.names - BUILTINS
    return found[::-1]


def uses_latest(sources: Sequence[str]) -> bool:
    """Whether any of *sources* uses what IPython remembers of earlier cells."""
    return any(
        name in LATEST or _NUMBERED.fullmatch(name)
        for source in sources
        for name in facts_of_code(source).read
    )
