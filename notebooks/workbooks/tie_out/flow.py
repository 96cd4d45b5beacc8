"""What lies, in the code, between the tables that were read and a file that was written.

The code is followed backwards from the call that writes, over the variables whose rows it
writes. What can't be followed is said (`Flow.found`): nothing is guessed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .spine import Known, Operation, Spine, is_mask, texts_of

WRITERS = frozenset("to_excel to_csv to_parquet to_json to_html".split())
_MUTATORS = frozenset("append extend insert update setdefault add".split())
_CONVERSIONS = frozenset(
    """to_numeric to_datetime astype strip title upper lower replace str to_period
    convert_dtypes infer_objects""".split()
)
_MAGIC = re.compile(r"^(\s*)[%!?].*$", re.MULTILINE)
_LOOPS = (ast.For, ast.While, ast.AsyncFor)
MOST_CODE, MOST_PASSES = 150_000, 30
"""Characters of code that are followed; of more, nothing is known."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An operation, with the cell it is in and whether a loop repeats it."""

    operation: Operation
    cell: int
    loop: int


@dataclass(slots=True)
class Flow:
    """What lies between reading and one call that writes.

    Attributes:
        found: Whether the call was found and its rows could be followed.
        reads: Cell, first and last line, and loop (0: none) of each call that reads.
        operations: The steps on rows.
        renamed: Column name → new name.
        assigned: Columns that the code gives other values.
        changes: Whether it may change values of any column.
        limited: Whether reading leaves rows out by an option.
    """

    found: bool = False
    reads: list[tuple[int, int, int, int]] = field(default_factory=list)
    operations: list[Placed] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    assigned: set[str] = field(default_factory=set)
    changes: bool = False
    limited: bool = False
    conditions: set[tuple[int, int]] = field(default_factory=set, repr=False)
    """Conditions in loops that are taken already: node's id, loop."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """A statement, or the head of a compound one."""

    cell: int
    node: ast.stmt
    loop: int
    nested: bool
    conditions: tuple[ast.expr, ...] = ()


class Program:
    """The code of a path's live cells, parsed once."""

    def __init__(self, sources: Sequence[str]) -> None:
        """Parse *sources*, the cells in order; a cell that can't be parsed counts as empty."""
        self._blocks: list[list[_Unit]] = []
        self._loops = 0
        kept, size = [], 0
        for source in reversed(sources):  # the last ones matter most
            size += len(source)
            kept.append(source if size <= MOST_CODE else "")
        for cell, source in enumerate(reversed(kept)):
            try:
                tree = ast.parse(_MAGIC.sub(r"\1pass", source))
                blocks = [list(self._units(cell, node, 0, nested=False)) for node in tree.body]
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            self._blocks += blocks
        self._known = self._facts()

    def flow(self, cell: int, line: int) -> Flow:
        """Follow the rows that the call at *line* of *cell* writes."""
        for number in range(len(self._blocks) - 1, -1, -1):
            for unit in self._blocks[number]:
                call = _writer_at(unit, cell, line)
                if call is not None:
                    try:
                        return self._follow(number, unit, call)
                    except RecursionError:
                        return Flow()
        return Flow()

    def _units(
        self,
        cell: int,
        node: ast.stmt,
        loop: int,
        *,
        nested: bool,
        conditions: tuple[ast.expr, ...] = (),
    ) -> Iterator[_Unit]:
        """Yield *node* and the statements in it; conditions count within loops only."""
        if isinstance(node, _LOOPS) and not loop:
            self._loops += 1
            loop = self._loops
        yield _Unit(cell, node, loop, nested, conditions)
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            return
        inner = conditions
        if isinstance(node, ast.If) and loop:
            inner = (*conditions, node.test)
        elif isinstance(node, _LOOPS):
            inner = (*conditions, *_skips(node))
        blocks = [getattr(node, name, ()) for name in ("body", "orelse", "finalbody")]
        blocks += [handler.body for handler in getattr(node, "handlers", ())]
        # The body of a loop and of ``with`` runs whenever what it writes is written.
        always = isinstance(node, (*_LOOPS, ast.With, ast.AsyncWith))
        for child in (child for block in blocks for child in block):
            within = nested or not always
            yield from self._units(cell, child, loop, nested=within, conditions=inner)

    def _facts(self) -> Known:
        """Collect constants, conditions and mappings that are assigned once, to plain names."""
        values: dict[str, list[ast.expr]] = {}
        for unit in (unit for block in self._blocks for unit in block):
            if isinstance(unit.node, ast.Assign) and isinstance(unit.node.targets[0], ast.Name):
                values.setdefault(unit.node.targets[0].id, []).append(unit.node.value)
        last = {name: given[-1] for name, given in values.items()}
        plain = (int, float, str)
        return Known(
            constants={
                name: value.value
                for name, value in last.items()
                if len(values[name]) == 1
                and isinstance(value, ast.Constant)
                and isinstance(value.value, plain)
            },
            definitions={
                name: value
                for name, value in last.items()
                if is_mask(value) or isinstance(value, ast.List | ast.Constant)
            },
            mappings={
                name: texts_of(given[0])
                for name, given in values.items()
                if isinstance(given[0], ast.Dict) or _is_call_of(given[0], "dict", "defaultdict")
            },
        )

    def _follow(self, number: int, unit: _Unit, call: ast.Call) -> Flow:
        flow, live = Flow(found=True), set[str]()
        function = call.func
        assert isinstance(function, ast.Attribute)  # noqa: S101 (`_writer_at` found it so)
        self._take(flow, function.value, unit, live)
        if isinstance(call.func, ast.Attribute) and isinstance(unit.node, ast.For):
            self._take(flow, unit.node.iter, unit, live)
        for at in range(number, -1, -1):
            block = self._blocks[at]
            inside = [each for each in block if at < number or not _follows(each, unit, block)]
            taken: set[int] = set()
            for _ in range(MOST_PASSES):
                if not self._pass(flow, inside, live, taken):
                    break
        return flow

    def _pass(self, flow: Flow, block: Sequence[_Unit], live: set[str], taken: set[int]) -> bool:
        """Take the statements of *block* that make live names; return whether there were any."""
        found = False
        for unit in reversed(block):
            if id(unit) in taken:
                continue
            bound, ends = _bound(unit.node)
            if not bound & live:
                continue
            taken.add(id(unit))
            found = True
            if ends and not unit.nested:
                live -= bound
            self._take_statement(flow, unit, live)
            if not isinstance(unit.node, _LOOPS):
                self._take_conditions(flow, unit)
        return found

    def _take_conditions(self, flow: Flow, unit: _Unit) -> None:
        """Take what a loop leaves out by ``if`` and ``continue`` as filters."""
        for condition in unit.conditions:
            if (id(condition), unit.loop) in flow.conditions:
                continue
            flow.conditions.add((id(condition), unit.loop))
            spine = Spine()
            spine.condition(condition, self._known)
            flow.operations.append(Placed(spine.operations[0], unit.cell, unit.loop))

    def _take_statement(self, flow: Flow, unit: _Unit, live: set[str]) -> None:
        node = unit.node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = set[str]()
            own = {argument.arg for argument in ast.walk(node) if isinstance(argument, ast.arg)}
            for inner in ast.walk(node):
                if isinstance(inner, ast.Assign | ast.Return) and inner.value is not None:
                    self._take(flow, inner.value, unit, inside)
                if isinstance(inner, ast.stmt) and inner is not node:
                    own |= _bound(inner)[0]
            live |= inside - own
        elif isinstance(node, ast.For | ast.AsyncFor):
            self._take(flow, node.iter, unit, live, split=_is_groupby(node.iter))
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                self._take(flow, item.context_expr, unit, live)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            self._take_assignment(flow, unit, node, live)
        elif isinstance(node, ast.Expr):
            self._take_call(flow, unit, node.value, live)

    def _take_assignment(
        self, flow: Flow, unit: _Unit, node: ast.Assign | ast.AnnAssign | ast.AugAssign,
        live: set[str],
    ) -> None:  # fmt: skip
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, ast.Name | ast.Tuple | ast.List | ast.Starred):
                self._take(flow, node.value, unit, live)
                flow.changes |= isinstance(node, ast.AugAssign)
            elif isinstance(target, ast.Attribute):
                flow.changes |= target.attr not in ("columns", "index", "name")
            elif isinstance(target, ast.Subscript):
                self._take_columns(flow, unit, target, node, live)

    def _take_columns(
        self, flow: Flow, unit: _Unit, target: ast.Subscript,
        node: ast.Assign | ast.AnnAssign | ast.AugAssign, live: set[str],
    ) -> None:  # fmt: skip
        """Take ``frame["Sales"] = …``: it gives values, and rows only to a dict of frames."""
        place = target.slice.elts[-1] if isinstance(target.slice, ast.Tuple) else target.slice
        if isinstance(node, ast.Assign) and _converts(node.value):
            return
        names = [place] if isinstance(place, ast.Constant) else getattr(place, "elts", None)
        if names and all(isinstance(name, ast.Constant) for name in names):
            flow.assigned |= {str(name.value) for name in names}
        else:
            flow.changes = True
        value = node.value
        spine = Spine()
        spine.add(value, self._known)
        collected = isinstance(target.value, ast.Name) and target.value.id in self._known.mappings
        if collected or spine.reads:  # frames[name] = pd.read_excel(…)
            self._take(flow, value, unit, live)

    def _take_call(self, flow: Flow, unit: _Unit, node: ast.expr, live: set[str]) -> None:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return
        if node.func.attr in _MUTATORS:
            for argument in node.args:
                self._take(flow, argument, unit, live)
        else:  # frame.dropna(inplace=True)
            self._take(flow, node, unit, live)

    def _take(
        self, flow: Flow, node: ast.AST | None, unit: _Unit, live: set[str], *, split: bool = False
    ) -> None:
        spine = Spine()
        spine.add(node, self._known)
        live |= spine.names
        flow.reads += [(unit.cell, first, last, unit.loop) for first, last in spine.reads]
        flow.operations += [
            Placed(operation, unit.cell, unit.loop)
            for operation in reversed(spine.operations)
            if not (split and operation.text == "groupby")
        ]
        flow.renamed |= spine.renamed
        flow.assigned |= spine.assigned
        flow.changes |= spine.changes
        flow.limited |= spine.limited


def _is_call_of(node: ast.AST, *names: str) -> bool:
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return called and node.func.id in names  # type: ignore[attr-defined]


def _skips(loop: ast.stmt) -> list[ast.expr]:
    """Return the conditions under which *loop* goes on to the next one."""
    return [
        ast.UnaryOp(ast.Not(), node.test, lineno=node.lineno, end_lineno=node.test.end_lineno)
        for node in getattr(loop, "body", ())
        if isinstance(node, ast.If) and any(isinstance(each, ast.Continue) for each in node.body)
    ]


def _writer_at(unit: _Unit, cell: int, line: int) -> ast.Call | None:
    node = unit.node
    if unit.cell != cell or not node.lineno <= line <= (node.end_lineno or node.lineno):
        return None
    if not isinstance(node, ast.Expr | ast.Assign):
        return None
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
            within = each.lineno <= line <= (each.end_lineno or each.lineno)
            if within and each.func.attr in WRITERS:
                return each
    return None


def _follows(unit: _Unit, written: _Unit, block: Sequence[_Unit]) -> bool:
    """Whether *unit* only runs after the call that writes."""
    return unit.node.lineno > written.node.lineno and unit.loop == 0


def _bound(node: ast.stmt) -> tuple[set[str], bool]:
    """Return the names that *node* gives a value or changes, and whether their old one ends."""
    if isinstance(node, ast.Assign):
        names = [_base(target) for target in node.targets]
        plain = all(isinstance(target, ast.Name | ast.Tuple) for target in node.targets)
        return {name for found in names for name in found}, plain
    if isinstance(node, ast.AnnAssign | ast.AugAssign):
        return _base(node.target), False
    if isinstance(node, ast.For | ast.AsyncFor):
        return _base(node.target), True
    if isinstance(node, ast.With | ast.AsyncWith):
        return {name for item in node.items for name in _base(item.optional_vars)}, False
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return {node.name}, False
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        function = node.value.func
        inplace = any(
            keyword.arg == "inplace"
            and isinstance(keyword.value, ast.Constant)
            and keyword.value.value is True
            for keyword in node.value.keywords
        )
        if isinstance(function, ast.Attribute) and (inplace or function.attr in _MUTATORS):
            return _base(function.value), False
    return set(), False


def _base(target: ast.AST | None) -> set[str]:
    if isinstance(target, ast.Name):
        return {target.id}
    if isinstance(target, ast.Tuple | ast.List):
        return {name for each in target.elts for name in _base(each)}
    if isinstance(target, ast.Subscript | ast.Attribute | ast.Starred):
        return _base(target.value)
    return set()


def _is_groupby(node: ast.AST) -> bool:
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return called and node.func.attr == "groupby"  # type: ignore[attr-defined]


def _converts(node: ast.AST, *, converted: bool = False) -> bool:
    """Whether *node* only gives the values of a column another type or notation."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in ("to_numeric", "to_datetime"):
            return True
        inner = node.func.attr in _CONVERSIONS
        return inner and _converts(node.func.value, converted=True)
    if isinstance(node, ast.Attribute):
        return node.attr == "str" or _converts(node.value, converted=converted)
    return converted and isinstance(node, ast.Subscript | ast.Name)
