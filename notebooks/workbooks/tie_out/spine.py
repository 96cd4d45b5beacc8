"""Where the rows of an expression come from, and what left some of them out on the way."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "filter", "blanks", "duplicates", "chosen", "dropped", "join", "aggregation", "reshaped"
]
LEAVES_OUT: frozenset[str] = frozenset({"filter", "blanks", "duplicates", "chosen", "dropped"})
MOST_TEXT, MOST_DEPTH, MOST_NODES, MOST_QUERY = 80, 3, 60, 2000
_METHODS: Mapping[str, Kind] = {
    **dict.fromkeys(["query", "filter", "isin", "between_time", "select_rows"], "filter"),
    "dropna": "blanks",
    "drop_duplicates": "duplicates",
    **dict.fromkeys("head tail nlargest nsmallest sample truncate first last".split(), "chosen"),
    "drop": "dropped",
    **dict.fromkeys("merge join merge_asof merge_ordered".split(), "join"),
    **dict.fromkeys(
        """groupby pivot_table pivot crosstab value_counts resample agg aggregate sum mean median
        count size min max std var nunique describe prod cut qcut rolling expanding""".split(),
        "aggregation",
    ),
    **dict.fromkeys(
        """melt stack unstack explode transpose reindex asfreq repeat combine combine_first
        json_normalize""".split(),
        "reshaped",
    ),
}
_TAKES_ROWS = frozenset("merge join merge_asof merge_ordered append concat pipe".split())
_CHANGES = frozenset(
    """fillna replace clip abs where mask round apply map transform ffill bfill interpolate diff
    cumsum shift pct_change mul div add sub update combine_first multiply divide eval""".split()
)
_LIMITS = frozenset(
    """nrows skipfooter chunksize iterator on_bad_lines comment usecols_rows max_row min_row
    columns_rows filters""".split()
)
_MODULES = frozenset("pd pandas np numpy".split())


@dataclass(frozen=True, slots=True)
class Operation:
    """One step between a table that was read and a file that was written.

    Attributes:
        kind: What it does to rows.
        text: Its condition or its name, as the code has it.
        first: Its first line in the cell.
        last: Its last line.
        sure: False if only the kernel can say whether it filters: ``frame[chosen]``.
    """

    kind: Kind
    text: str
    first: int
    last: int
    sure: bool = True


@dataclass(slots=True)
class Spine:
    """Where an expression's rows come from.

    Attributes:
        names: Variables and functions.
        reads: First and last line of each call that reads a file.
        operations: What changes which rows there are.
        renamed: Column name → new name.
        assigned: Columns that get other values.
        changes: Whether values of columns that are not named may change.
        limited: Whether reading leaves rows out by an option (``nrows=``).
    """

    names: set[str] = field(default_factory=set)
    reads: list[tuple[int, int]] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    assigned: set[str] = field(default_factory=set)
    changes: bool = False
    limited: bool = False

    def add(self, node: ast.AST | None, known: Known) -> None:
        """Follow the rows of *node*."""
        if isinstance(node, ast.Name):
            self.names.add(node.id)
        elif isinstance(node, ast.Subscript):
            self._subscript(node, known)
        elif isinstance(node, ast.Attribute):
            if node.attr == "T":
                self._operation("reshaped", "T", node)
            self.add(node.value, known)
        elif isinstance(node, ast.Call):
            self._call(node, known)
        elif isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp):
            self._comprehension(node.elt, node.generators, known)
        elif isinstance(node, ast.DictComp):
            self._comprehension(node.value, node.generators, known)
        elif isinstance(node, ast.BinOp | ast.UnaryOp):
            self.changes = True
            self._children(node, known)
        elif not isinstance(node, ast.Lambda | ast.Constant | ast.Compare | ast.JoinedStr):
            self._children(node, known)

    def condition(self, test: ast.expr, known: Known) -> None:
        """Take *test* as a filter."""
        self._operation("filter", _shown(test, known), test)

    def _children(self, node: ast.AST | None, known: Known) -> None:
        for child in ast.iter_child_nodes(node) if node is not None else ():
            self.add(child, known)

    def _comprehension(
        self, element: ast.expr, generators: list[ast.comprehension], known: Known
    ) -> None:
        before = set(self.names)
        self.add(element, known)
        own = {n.id for g in generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
        self.names -= own - before
        for each in generators:
            self.add(each.iter, known)
            for condition in each.ifs:
                self._operation("filter", _shown(condition, known), condition)

    def _operation(self, kind: Kind, text: str, node: Any, *, sure: bool = True) -> None:
        last = node.end_lineno or node.lineno
        self.operations.append(Operation(kind, text, node.lineno, last, sure))

    def _subscript(self, node: ast.Subscript, known: Known) -> None:
        place = node.slice
        value = node.value
        accessor = value.attr if isinstance(value, ast.Attribute) else ""
        if isinstance(place, ast.Tuple) and accessor in ("loc", "iloc"):
            place = place.elts[0] if place.elts else place
        if isinstance(place, ast.Name) and place.id in known.definitions:
            place = known.definitions[place.id]
        if is_mask(place):
            self._operation("filter", _shown(place, known), node)
        elif isinstance(place, ast.Slice):
            if place.lower is not None or place.upper is not None or place.step is not None:
                self._operation("chosen", _place(node.slice), node)
        elif accessor == "iloc" or (accessor == "loc" and not isinstance(place, ast.Name)):
            self._operation("chosen", _place(node.slice), node)
        elif isinstance(place, ast.Name):
            self._operation("filter", place.id, node, sure=False)
        self.add(value, known)

    def _call(self, node: ast.Call, known: Known) -> None:
        function = node.func
        if isinstance(function, ast.Name):
            self.names.add(function.id)
            if function.id in ("load_workbook", "ExcelFile") or function.id.startswith("read_"):
                self._read(node)
                return
            self._arguments(node, known)
            return
        if not isinstance(function, ast.Attribute):
            self._children(node, known)
            return
        method, base = function.attr, function.value
        module = isinstance(base, ast.Name) and base.id in _MODULES
        if method.startswith("read_") or method in ("parse", "load_workbook", "ExcelFile"):
            self._read(node)
            if not module:
                self.add(base, known)
            return
        self._method(method, node, known)
        if module or method in _TAKES_ROWS:
            self._arguments(node, known)
        if not module:
            self.add(base, known)

    def _arguments(self, node: ast.Call, known: Known) -> None:
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            self.add(argument, known)

    def _read(self, node: ast.Call) -> None:
        self.reads.append((node.lineno, node.end_lineno or node.lineno))
        self.limited |= any(keyword.arg in (None, *_LIMITS) for keyword in node.keywords)

    def _method(self, method: str, node: ast.Call, known: Known) -> None:
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        if method == "rename":
            self.renamed |= known.texts(keywords.get("columns"))
        elif method == "set_axis":
            self.changes = True
        elif method == "assign":
            self.assigned |= {name for name in keywords if name}
        elif method in _CHANGES:
            self.changes = True
        kind = _METHODS.get(method)
        if kind is None:
            return
        if method == "drop" and ("columns" in keywords or _axis(node) in (1, "columns")):
            return
        if method in ("filter", "describe") and "items" in keywords:
            return
        text = method
        if method == "query" and node.args:
            text = _query(node.args[0], known)
        elif method == "dropna" and "subset" in keywords:
            text = f"dropna of {ast.unparse(keywords['subset'])}"[:MOST_TEXT]
        self._operation(kind, text, node)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of variables: constants, masks, and texts by text."""

    constants: Mapping[str, Any]
    definitions: Mapping[str, ast.expr]
    mappings: Mapping[str, dict[str, str]]
    shown: dict[int, str] = field(default_factory=dict)
    """The text of each condition met so far, by its node's id: rendering one is slow."""

    def texts(self, node: ast.AST | None) -> dict[str, str]:
        """Return a mapping of texts that *node* is or names."""
        if isinstance(node, ast.Name):
            return dict(self.mappings.get(node.id, {}))
        return texts_of(node)


def texts_of(node: ast.AST | None) -> dict[str, str]:
    """Return the pairs of a dict display that are constants, as texts."""
    if not isinstance(node, ast.Dict):
        return {}
    return {
        str(key.value): str(value.value)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(value, ast.Constant)
    }


_CONDITIONS = frozenset(
    """isin notna isna notnull isnull between contains startswith endswith match fullmatch
    duplicated eq ne gt lt ge le isdigit isnumeric""".split()
)


def is_mask(node: ast.AST) -> bool:
    """Whether *node* surely is a condition on rows."""
    if isinstance(node, ast.Compare | ast.BoolOp):
        return True
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Invert | ast.Not)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.BitAnd | ast.BitOr | ast.BitXor)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in _CONDITIONS
    return False


def _axis(node: ast.Call) -> Any:
    places = [keyword.value for keyword in node.keywords if keyword.arg == "axis"] + node.args[1:2]
    return places[0].value if places and isinstance(places[0], ast.Constant) else None


class _Plain(ast.NodeTransformer):
    """Writes ``frame["Sales"]`` and ``frame.Sales`` as ``Sales``, and constants by their value."""

    def __init__(self, known: Known) -> None:
        self.known, self.depth = known, 0

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Constant):
            return ast.Name(str(node.slice.value), ast.Load())
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        is_column = node.attr not in ("str", "dt", "cat", "index", "values", "columns")
        if isinstance(node.value, ast.Name) and is_column and node.value.id not in _MODULES:
            return ast.Name(node.attr, ast.Load())
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Attribute):  # a method of a variable is no column
            node.func.value = self.visit(node.func.value)
        node.args = [self.visit(argument) for argument in node.args]
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        defined = self.known.definitions.get(node.id)
        if defined is not None and self._is_inserted(defined):
            self.depth += 1
            shown: ast.AST = self.visit(ast.parse(ast.unparse(defined), mode="eval").body)
            return shown
        value = self.known.constants.get(node.id)
        return node if value is None else ast.Constant(value)

    def _is_inserted(self, defined: ast.AST) -> bool:
        few = sum(1 for _ in itertools.islice(ast.walk(defined), MOST_NODES + 1)) <= MOST_NODES
        return self.depth < MOST_DEPTH and is_mask(defined) and few


def _shown(node: ast.AST, known: Known) -> str:
    if (text := known.shown.get(id(node))) is None:
        copied = ast.parse(ast.unparse(node), mode="eval").body
        shown = ast.unparse(ast.fix_missing_locations(_Plain(known).visit(copied)))
        text = known.shown[id(node)] = " ".join(shown.split())[:MOST_TEXT]
    return text


def _place(node: ast.AST) -> str:
    return f"choosing rows [{ast.unparse(node)[:MOST_TEXT]}]"


def _query(node: ast.AST, known: Known) -> str:
    text = str(node.value) if isinstance(node, ast.Constant) else ast.unparse(node)

    def value(found: re.Match[str]) -> str:
        constant = known.constants.get(found[1])
        return found[0] if constant is None else repr(constant)[:MOST_TEXT]

    text = re.sub(r"@(\w+)", value, text[:MOST_QUERY])
    return " ".join(text.split())[:MOST_TEXT]
