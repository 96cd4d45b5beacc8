"""Which names the statements of a cell read and give values to."""

from __future__ import annotations

import ast
import builtins
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST_CODE = 150_000
"""Characters of one cell; of a longer one nothing is known."""
_MAGIC = re.compile(r"^(\s*)[%!?].*$", re.MULTILINE)
_BUILTINS = frozenset(dir(builtins)) | {"display", "get_ipython", "In", "Out", "_"}
PASSIVE = frozenset(
    """print display show head tail info describe plot savefig to_excel to_csv to_json to_html
    to_parquet to_string to_markdown""".split()
)
"""Functions whose arguments, and methods whose object, stay as they are."""
_MUTATORS = frozenset(
    """add append clear discard extend insert pop popitem remove reverse setdefault sort
    update""".split()
)
"""Methods that change their object."""
_PARTS = (ast.Attribute, ast.Subscript, ast.Call, ast.Name)
_GIVES_PART = frozenset(
    """create_sheet cell iter_rows iter_cols add_worksheet add_chartsheet add_format
    get_worksheet_by_name get_sheet_by_name get setdefault items values keys sheet_by_name
    sheet_by_index book""".split()
)
"""Methods whose value is a part of their object; that of others is a new one."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement at the top level of a cell.

    Attributes:
        line: Its first line, from 1.
        code: Its source.
        reads: Names whose values it uses.
        sets: Names that it gives a new value.
        changes: Names whose value it may change in place.
        alters: Those that it surely changes in place: ``frame["Tax"] = …``, ``rows.append(1)``.
        calls: Names of the functions and methods that it calls.
        texts: Texts in it: files, sheets, columns.
        imports: Whether it imports modules.
        defines: Whether it defines a function or class, which does nothing yet.
    """

    line: int
    code: str
    reads: frozenset[str]
    sets: frozenset[str]
    changes: frozenset[str]
    calls: frozenset[str]
    texts: frozenset[str]
    alters: frozenset[str] = frozenset()
    imports: bool = False
    defines: bool = False


@functools.lru_cache(maxsize=2000)
def statements_of(source: str) -> tuple[Statement, ...]:
    """Return the statements of a cell; none if it can't be parsed.

    Args:
        source: The cell's code; magics and shell lines count as nothing.
    """
    if len(source) > MOST_CODE:
        return ()
    plain = _MAGIC.sub(r"\1pass", source)
    try:
        body = ast.parse(plain).body
        lines = plain.splitlines(keepends=True)
        return tuple(_statement(node, lines) for node in body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def _statement(node: ast.stmt, lines: list[str]) -> Statement:
    names = _Names()
    names.visit(node)
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(d.lineno for d in decorators)])
    code = "".join(lines[first - 1 : node.end_lineno])
    last = lines[(node.end_lineno or 1) - 1].rstrip()
    if node.col_offset or (node.end_col_offset or 0) < len(last.encode()):
        code = ast.unparse(node)  # several statements on a line
    return Statement(
        line=first,
        code=code.rstrip("\n"),
        reads=frozenset(names.reads - _BUILTINS),
        sets=frozenset(names.sets),
        changes=frozenset(names.changes - names.own - _BUILTINS),
        calls=frozenset(names.calls),
        texts=frozenset(names.texts),
        alters=frozenset(names.alters - names.own - _BUILTINS),
        imports=isinstance(node, ast.Import | ast.ImportFrom),
        defines=isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef),
    )


class _Names(ast.NodeVisitor):
    """Collects the names of one statement. Those local to functions in it don't count."""

    def __init__(self) -> None:
        self.reads: set[str] = set()
        self.sets: set[str] = set()
        self.changes: set[str] = set()
        self.alters: set[str] = set()
        self.own: set[str] = set()
        self.calls: set[str] = set()
        self.texts: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            if node.id not in self.sets or node.id in self.reads:
                self.reads.add(node.id)
        else:
            self.sets.add(node.id)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.texts.add(node.value[:1000])

    def visit_Import(self, node: ast.Import) -> None:
        self.sets |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.sets |= {alias.asname or alias.name for alias in node.names}

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._target(target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        if isinstance(node.target, ast.Name):
            self.reads.add(node.target.id)
        self._target(node.target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self._target(node.target)

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        self._target(node.target)
        for child in (*node.body, *node.orelse):
            self.visit(child)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self._target(item.optional_vars)
        for child in node.body:
            self.visit(child)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._target(target)

    def _target(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name):
            self.sets.add(node.id)
        elif isinstance(node, ast.Tuple | ast.List):
            for each in node.elts:
                self._target(each)
        elif isinstance(node, ast.Starred):
            self._target(node.value)
        else:  # frame["Sales"] = …, cell.value = …
            self.visit(node)
            if (base := base_of(node)) is not None:
                self.reads.add(base)
                self.changes.add(base)
                self.alters.add(base)

    def visit_Expr(self, node: ast.Expr) -> None:
        self.visit(node.value)
        call = node.value
        if not isinstance(call, ast.Call):
            return
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        name = call.func.id if isinstance(call.func, ast.Name) else method
        if method and name not in PASSIVE and (base := base_of(call.func)) is not None:
            self.changes.add(base)  # frames.append(…), sheet.append(…)
            if method in _MUTATORS:
                self.alters.add(base)
        if name in PASSIVE and name not in ("to_excel", "to_csv"):
            return
        for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
            if isinstance(argument, ast.Name):
                self.changes.add(argument.id)  # fill(sheet), frame.to_excel(writer)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Attribute):
            self.calls.add(function.attr)
        elif isinstance(function, ast.Name):
            self.calls.add(function.id)
        inplace = any(
            keyword.arg == "inplace"
            and isinstance(keyword.value, ast.Constant)
            and keyword.value.value is True
            for keyword in node.keywords
        )
        if inplace and (base := base_of(function)) is not None:
            self.changes.add(base)
            self.alters.add(base)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.sets.add(node.name)
        inner = _Names()
        arguments = node.args
        for each in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs,
                     *filter(None, [arguments.vararg, arguments.kwarg])]:  # fmt: skip
            inner.sets.add(each.arg)
        for default in [*arguments.defaults, *filter(None, arguments.kw_defaults)]:
            self.visit(default)
        for child in node.body:
            inner.visit(child)
        self.reads |= inner.reads - inner.sets
        self.calls |= inner.calls
        self.texts |= inner.texts

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 (as `ast.NodeVisitor` names it)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        inner = _Names()
        for each in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(each)
        for child in node.body:
            inner.visit(child)
        self.sets.add(node.name)
        self.reads |= inner.reads - inner.sets
        self.calls |= inner.calls
        self.texts |= inner.texts

    def visit_Lambda(self, node: ast.Lambda) -> None:
        inner = _Names()
        inner.sets |= {each.arg for each in (*node.args.args, *node.args.kwonlyargs)}
        inner.visit(node.body)
        self.reads |= inner.reads - inner.sets
        self.calls |= inner.calls
        self.texts |= inner.texts

    def _comprehension(self, node: ast.AST) -> None:
        inner = _Names()
        for generator in node.generators:  # type: ignore[attr-defined]
            inner.visit(generator.iter)
            inner._target(generator.target)
            for test in generator.ifs:
                inner.visit(test)
        parts = ("elt", "key", "value")
        for part in (getattr(node, name, None) for name in parts):
            if part is not None:
                inner.visit(part)
        self.reads |= inner.reads - inner.sets
        self.calls |= inner.calls
        self.texts |= inner.texts

    visit_ListComp = _comprehension  # noqa: N815
    visit_SetComp = _comprehension  # noqa: N815
    visit_DictComp = _comprehension  # noqa: N815
    visit_GeneratorExp = _comprehension  # noqa: N815


def base_of(node: ast.AST) -> str | None:
    """Return the name that an attribute, subscript or call chain starts from."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def bases_of(statement: Statement) -> tuple[tuple[str, str], ...]:
    """Return pairs of a name and the name that its value is a part of: ``sheet = book["Data"]``."""
    return _bases_of(statement.code)


@functools.lru_cache(maxsize=10_000)
def _bases_of(code: str) -> tuple[tuple[str, str], ...]:
    return tuple(_bases(code))


def _bases(code: str) -> Iterator[tuple[str, str]]:
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError):
        return
    for node in (node for each in body for node in ast.walk(each)):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Name):
            name, value = node.target.id, node.iter
        else:
            continue
        if _is_part(value) and (base := base_of(value)) is not None:
            yield name, base


def _is_part(node: ast.AST) -> bool:
    """Whether the value of *node* is an object that another one has, or that object itself."""
    while isinstance(node, _PARTS) and not isinstance(node, ast.Name):
        if not isinstance(node, ast.Call):
            node = node.value
        elif isinstance(node.func, ast.Attribute) and node.func.attr in _GIVES_PART:
            node = node.func.value
        else:
            return False
    return isinstance(node, ast.Name)
