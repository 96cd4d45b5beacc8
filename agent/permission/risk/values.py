"""The possible values of a cell's names and expressions, by abstract interpretation.

It is flow-insensitive: a name has every value that the cell ever binds to it. An unknown
value is the empty set; `agent.permission.risk.walk` decides how to treat it.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from agent.permission.risk import rules
from agent.permission.risk.modules import CONVENTIONAL

ROUNDS = 6
"""How many assignments deep a value is followed."""
MOST_VALUES = 16
"""A name with this many values gets no further ones."""
MOST_STEPS = 100_000
"""How many expressions are evaluated; the values of further ones are unknown."""
FOLLOWED_BUILTINS = frozenset({"open", "getattr", "setattr"})
SQLITE = "sqlite3.Connection"
"""The path of a `Reference` to an SQLite connection."""
ANYTHING = "\ufffc"
"""Stands for an unknown part of a string."""
MOST_PARTS = 64
"""A string built from more parts than this is unknown."""
MOST_CHARACTERS = 1024


@dataclass(frozen=True, slots=True)
class Reference:
    """A module, or a chain of attributes from one: ``pandas.io.common``."""

    path: str


@dataclass(frozen=True, slots=True)
class Text:
    """A string or path, with `ANYTHING` for unknown parts.

    Attributes:
        text: Its text.
        is_path: It is a ``pathlib`` path, not a plain string.
    """

    text: str
    is_path: bool = False


@dataclass(frozen=True, slots=True)
class Dynamic:
    """A value looked up by a name that is unknown before the run; it may be anything.

    Attributes:
        held: The value itself is a container; its items were looked up so.
    """

    held: bool = False


Value = Reference | Text | Dynamic
Values = frozenset[Value]
UNKNOWN: Values = frozenset()
FOUND_BY_NAME: Values = frozenset({Dynamic()})
HOLDS_FOUND: Values = frozenset({Dynamic(held=True)})
KEEPING = frozenset({"append", "add", "extend", "insert", "update", "setdefault"})
"""Methods that store their arguments in the object."""


class Bindings:
    """The possible values of each name in a cell."""

    def __init__(self, tree: ast.Module) -> None:
        self.bound: set[str] = set()
        """Every name that the cell binds."""
        self.modules: set[str] = set(CONVENTIONAL.values())
        """Paths that are known to be modules."""
        self.starred = False
        """The cell has a ``from x import *``."""
        self._values: dict[str, Values] = {}
        self._functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda] = {}
        self._returns: dict[str, list[ast.expr]] = {}
        self._calling: set[str] = set()
        self._known: dict[int, Values] = {}
        self._steps = 0
        pairs = list(self._pairs(tree))
        for _ in range(ROUNDS):
            before = dict(self._values)
            for target, value in pairs:
                self._known.clear()
                self._bind(target, value)
            if self._values == before:
                break
        self._known.clear()
        self._steps = 0

    @property
    def gave_up(self) -> bool:
        """Whether the cell was too large to evaluate completely."""
        return self._steps > MOST_STEPS

    def of_name(self, name: str) -> Values:
        """Return the possible values of *name*."""
        if name in self.bound:
            return self._values.get(name, UNKNOWN)
        path = f"builtins.{name}" if name in FOLLOWED_BUILTINS else CONVENTIONAL.get(name)
        return frozenset({Reference(path)}) if path is not None else UNKNOWN

    # bindings

    def _pairs(self, tree: ast.AST) -> Iterator[tuple[ast.expr | str, ast.expr]]:
        """Yield each target of a binding with the expression it is bound to."""
        calls: list[ast.Call] = []
        for node in ast.walk(tree):
            match node:
                case ast.Import() | ast.ImportFrom():
                    self._import(node)
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        yield target, value
                    if isinstance(value, ast.Lambda) and isinstance(targets[0], ast.Name):
                        self._functions[targets[0].id] = value
                        self._returns[targets[0].id] = [value.body]
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    yield target, value
                case (
                    ast.AugAssign(target=target, value=value)
                    | ast.NamedExpr(target=target, value=value)
                ):
                    yield target, value
                case (
                    ast.For(target=target, iter=value)
                    | ast.AsyncFor(target=target, iter=value)
                    | ast.comprehension(target=target, iter=value)
                ):
                    yield target, ast.Subscript(value=value, slice=ast.Constant(value=0))
                case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                    yield target, value
                case ast.Match(subject=subject, cases=cases):
                    for name in _captured(cases):
                        yield name, subject
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    self.bound.add(name)
                    self._functions[name] = node
                    self._returns[name] = [
                        inner.value
                        for inner in ast.walk(node)
                        if isinstance(inner, ast.Return | ast.Yield) and inner.value is not None
                    ]
                    yield from self._defaults(node.args)
                case ast.Lambda(args=arguments):
                    yield from self._defaults(arguments)
                case ast.ClassDef(name=name) | ast.ExceptHandler(name=str() as name):
                    self.bound.add(name)
                case ast.Global(names=names) | ast.Nonlocal(names=names):
                    self.bound.update(names)
                case ast.Call():
                    calls.append(node)
                case _:
                    pass
        for call in calls:
            yield from self._arguments(call)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if isinstance(node, ast.Import):
                self.modules.add(alias.name)
                name = alias.asname or alias.name.split(".")[0]
                path = alias.name if alias.asname else name
                self.modules.add(path)
            elif alias.name == "*":
                self.starred = True
                continue
            else:
                name = alias.asname or alias.name
                path = f"{node.module or '.'}.{alias.name}"
            self._add(name, frozenset({Reference(path)}))

    def _defaults(self, arguments: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
        every = [*arguments.posonlyargs, *arguments.args]
        named = [*every, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        self.bound.update(argument.arg for argument in named if argument is not None)
        given = arguments.defaults
        for argument, default in zip(every[len(every) - len(given) :], given, strict=True):
            yield argument.arg, default
        for argument, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if value is not None:
                yield argument.arg, value

    def _arguments(self, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
        """Yield each parameter of a function in the cell with the argument of *call*.

        For ``names.append(x)`` yield ``names`` with a list of ``x``.
        """
        called = call.func
        if isinstance(called, ast.Attribute) and called.attr in KEEPING:
            if isinstance(called.value, ast.Name):
                for argument in call.args:
                    yield called.value.id, ast.List(elts=[argument])
            return
        function: ast.AST | None = called
        if isinstance(called, ast.Name):
            function = self._functions.get(called.id)
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return
        names = [a.arg for a in [*function.args.posonlyargs, *function.args.args]]
        yield from zip(names, call.args, strict=False)
        for keyword in call.keywords:
            if keyword.arg is not None:
                yield keyword.arg, keyword.value

    def _bind(self, target: ast.expr | str, value: ast.expr) -> None:
        match target:
            case str(name) | ast.Name(id=name):
                self._add(name, self.evaluate(value))
            case ast.Starred(value=inner):
                self._bind(inner, value)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                given = value.elts if isinstance(value, ast.Tuple | ast.List) else []
                if len(given) != len(parts):  # then each part may be any element of the value
                    given = [value] * len(parts)
                for part, element in zip(parts, given, strict=True):
                    self._bind(part, element)
            case _:
                pass  # an attribute or an item: not followed

    def _add(self, name: str, values: Values) -> None:
        self.bound.add(name)
        known = self._values.get(name, UNKNOWN)
        if len(known) < MOST_VALUES:
            self._values[name] = known | values

    # values of expressions

    def evaluate(self, node: ast.expr | None) -> Values:
        """Return the possible values of *node*; empty if unknown."""
        if node is None:
            return UNKNOWN
        known = self._known.get(id(node))
        if known is None:
            self._steps += 1
            known = UNKNOWN if self.gave_up else self._evaluate(node)
            self._known[id(node)] = known
        return known

    def _evaluate(self, node: ast.expr) -> Values:
        match node:
            case ast.Constant(value=str(text)):
                return frozenset({Text(text[:MOST_CHARACTERS])})
            case ast.Name(id=name):
                return self.of_name(name)
            case ast.Attribute(value=value, attr=attr):
                return self._attribute(self.evaluate(value), attr)
            case ast.NamedExpr(value=value) | ast.Await(value=value) | ast.Starred(value=value):
                return self.evaluate(value)
            case ast.IfExp(body=body, orelse=orelse):
                return self.evaluate(body) | self.evaluate(orelse)
            case ast.BoolOp(values=parts):
                return self._union(parts)
            case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
                return _kept(self._union(parts))
            case ast.Dict(values=parts):
                return _kept(self._union(parts))
            case ast.ListComp(elt=part) | ast.SetComp(elt=part) | ast.GeneratorExp(elt=part):
                return _kept(self.evaluate(part))
            case ast.DictComp(value=part):
                return _kept(self.evaluate(part))
            case ast.Lambda(body=body):
                return _kept(self.evaluate(body))
            case ast.Subscript(slice=ast.Slice()):
                return UNKNOWN
            case ast.Subscript(value=value):
                return self._subscript(value)
            case ast.BinOp():
                return self._operation(node)
            case ast.JoinedStr(values=parts):
                return _each([self._part(part) for part in parts], "".join)
            case ast.Call():
                return self._call(node)
            case _:
                return UNKNOWN

    def _union(self, parts: Iterable[ast.expr]) -> Values:
        found: set[Value] = set()
        for part in parts:
            found |= self.evaluate(part)
        return frozenset(found)

    def _attribute(self, base: Values, attr: str) -> Values:
        found: set[Value] = set()
        for value in base:
            match value:
                case Reference(path):
                    found.add(Reference(f"{path}.{attr}"))
                case Text(text, is_path=True) if attr == "parent":
                    found.add(Text(posixpath.join(text, ".."), is_path=True))
                case Dynamic(held=False) if attr not in rules.DATA_ATTRIBUTES:
                    found.add(value)
                case _:
                    pass
        return frozenset(found)

    def _subscript(self, value: ast.expr) -> Values:
        if is_call_of(value, rules.NAMESPACES):
            return FOUND_BY_NAME
        return _taken_out(self.evaluate(value))

    def _operation(self, node: ast.BinOp) -> Values:
        if isinstance(node.op, ast.Add):
            return self._sum(node)
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        if isinstance(node.op, ast.Div) and (texts_of(left) or texts_of(right)):
            return _each([texts_of(left), texts_of(right)], _join_path, is_path=True)
        if isinstance(node.op, ast.Mod) and texts_of(left):
            return frozenset(Text(t.split("%")[0] + ANYTHING) for t in texts_of(left))
        return UNKNOWN

    def _sum(self, node: ast.BinOp) -> Values:
        """Return the possible values of a sum; in a loop, as a long sum is a deep tree."""
        terms: list[list[str]] = []
        left: ast.expr = node
        while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
            if len(terms) > MOST_PARTS:
                return UNKNOWN
            terms.append(texts_of(self.evaluate(left.right)))
            left = left.left
        terms.append(texts_of(self.evaluate(left)))
        return _each(terms[::-1], "".join) if any(terms) else UNKNOWN

    def _part(self, part: ast.expr) -> list[str]:
        """Return the possible texts of one part of an f-string."""
        inner = part.value if isinstance(part, ast.FormattedValue) else part
        return texts_of(self.evaluate(inner)) if isinstance(inner, ast.expr) else []

    def _call(self, node: ast.Call) -> Values:
        name, arguments = self.name_called(node.func), node.args
        if name in rules.PATH_CLASSES or name == "joinpath":
            parts = [texts_of(self.evaluate(argument)) for argument in arguments]
            if name == "joinpath" and isinstance(node.func, ast.Attribute):
                parts.insert(0, texts_of(self.evaluate(node.func.value)))
            return _each(parts or [["."]], _join_path, is_path=True)
        if name == "home" and isinstance(node.func, ast.Attribute):
            return frozenset({Text("~", is_path=True)})
        if name == "cwd" and isinstance(node.func, ast.Attribute):
            return frozenset({Text(".", is_path=True)})
        if name in ("getattr", "attrgetter"):
            return self._by_name(node)
        if name == "str" and len(arguments) == 1:
            return frozenset(Text(t) for t in texts_of(self.evaluate(arguments[0])))
        if name == "connect" and Reference("sqlite3.connect") in self.evaluate(node.func):
            return frozenset({Reference(SQLITE)})
        if isinstance(node.func, ast.Name) and node.func.id in self._returns:
            return self._returned(node.func.id)
        if isinstance(node.func, ast.Attribute):
            return self._method(node.func, node)
        if isinstance(node.func, ast.Call) and called_name(node.func.func) == "attrgetter":
            return FOUND_BY_NAME
        return UNKNOWN

    def _returned(self, name: str) -> Values:
        """Return the possible return values of a function in the cell."""
        if name in self._calling:  # recursion
            return UNKNOWN
        self._calling.add(name)
        returned = self._union(self._returns[name])
        self._calling.discard(name)
        return returned

    def name_called(self, func: ast.expr) -> str:
        """Return the last part of the called function's name, with aliases resolved."""
        for value in self.evaluate(func):
            if isinstance(value, Reference):
                return value.path.rpartition(".")[2]
        return called_name(func)

    def _method(self, func: ast.Attribute, node: ast.Call) -> Values:
        base = texts_of(self.evaluate(func.value))
        if func.attr in ("resolve", "absolute", "expanduser", "with_suffix", "as_posix"):
            return frozenset(Text(text, is_path=True) for text in base)
        if func.attr == "format":
            return frozenset(Text(text.replace("{}", ANYTHING)) for text in base)
        if func.attr == "join" and len(node.args) == 1 and base:
            listed = node.args[0]
            if isinstance(listed, ast.List | ast.Tuple):
                parts = [texts_of(self.evaluate(element)) for element in listed.elts]
                return frozenset().union(*(_each(parts, separator.join) for separator in base))
            return frozenset({Text(ANYTHING)})
        if func.attr == "get" and is_call_of(func.value, rules.NAMESPACES):
            return FOUND_BY_NAME
        return UNKNOWN

    def _by_name(self, node: ast.Call) -> Values:
        """Return the possible values of ``getattr(base, name)``."""
        if self.name_called(node.func) == "attrgetter" or len(node.args) < 2:
            return UNKNOWN
        base, names = self.evaluate(node.args[0]), texts_of(self.evaluate(node.args[1]))
        if not names or any(ANYTHING in name for name in names):
            return FOUND_BY_NAME
        return frozenset().union(*(self._attribute(base, name) for name in names))


def called_name(func: ast.AST) -> str:
    """Return the last part of the called function's name; empty if it has none."""
    if isinstance(func, ast.Name):
        return func.id
    return func.attr if isinstance(func, ast.Attribute) else ""


def is_call_of(node: ast.AST, names: frozenset[str]) -> bool:
    """Return whether *node* calls one of *names* directly by name."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def texts_of(values: Values) -> list[str]:
    """Return the texts among *values*."""
    return [value.text for value in values if isinstance(value, Text)]


def _kept(values: Values) -> Values:
    """Return the values of a container that holds *values*."""
    if not any(isinstance(value, Dynamic) for value in values):
        return values
    return values - FOUND_BY_NAME | HOLDS_FOUND


def _taken_out(values: Values) -> Values:
    """Return the values of an item of a container that has *values*."""
    if not any(isinstance(value, Dynamic) for value in values):
        return values
    return values - HOLDS_FOUND | FOUND_BY_NAME


def _join_path(parts: Iterable[str]) -> str:
    return posixpath.join(*parts)


def _each(
    parts: list[list[str]], join: Callable[[Iterable[str]], str], *, is_path: bool = False
) -> Values:
    """Return *join* of every combination of one text per part; an empty part may be anything."""
    if len(parts) > MOST_PARTS:
        return frozenset({Text(ANYTHING, is_path=is_path)})
    joined: list[list[str]] = [[]]
    for choices in parts:
        longer = [[*before, text] for before in joined for text in (choices or [ANYTHING])]
        joined = longer[:MOST_VALUES]
    texts = (join(each)[:MOST_CHARACTERS] for each in joined)
    return frozenset(Text(text, is_path=is_path) for text in texts)


def _captured(cases: list[ast.match_case]) -> Iterator[str]:
    for case in cases:
        for node in ast.walk(case.pattern):
            match node:
                case ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name):
                    yield name
                case ast.MatchMapping(rest=str() as name):
                    yield name
                case _:
                    pass
