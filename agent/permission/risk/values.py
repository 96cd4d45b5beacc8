"""What the names and expressions of a cell stand for, as far as the code itself says.

An abstract interpretation: flow-insensitive, so a name stands for everything that is ever
bound to it in the cell. What is not known is the empty set; deciding what that means is up
to `agent.permission.risk.assess`.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agent.permission.risk import rules
from agent.permission.risk.modules import CONVENTIONAL

ROUNDS = 6
"""How many assignments deep a value is followed."""
MOST_VALUES = 64
"""A name that stands for more than this is as good as unknown in what it adds."""
FOLLOWED_BUILTINS = frozenset({"open", "getattr", "setattr"})
ANYTHING = "\ufffc"
"""In a text, a part that only the run will know."""
MOST_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Reference:
    """A module, or what a chain of attributes from one leads to: ``pandas.io.common``."""

    path: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text, with `ANYTHING` for the parts that are not known.

    Attributes:
        text: The text.
        is_path: It is a ``pathlib`` path, not a plain string.
    """

    text: str
    is_path: bool = False


@dataclass(frozen=True, slots=True)
class Dynamic:
    """What was found by a name that only the run will know, so that it may be anything."""


Value = Reference | Text | Dynamic
Values = frozenset[Value]
UNKNOWN: Values = frozenset()
FOUND_BY_NAME: Values = frozenset({Dynamic()})


class Bindings:
    """What each name of a cell stands for."""

    def __init__(self, tree: ast.Module) -> None:
        self.bound: set[str] = set()
        """Every name the cell binds itself."""
        self.modules: set[str] = set(CONVENTIONAL.values())
        """Paths that are known to be modules."""
        self.starred = False
        """The cell imports names that can't be seen (``from x import *``)."""
        self._values: dict[str, Values] = {}
        self._functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda] = {}
        pairs = list(self._pairs(tree))
        for _ in range(ROUNDS):
            before = dict(self._values)
            for target, value in pairs:
                self._bind(target, value)
            if self._values == before:
                break

    def of_name(self, name: str) -> Values:
        """Return what *name* stands for."""
        if name in self.bound:
            return self._values.get(name, UNKNOWN)
        path = f"builtins.{name}" if name in FOLLOWED_BUILTINS else CONVENTIONAL.get(name)
        return frozenset({Reference(path)}) if path is not None else UNKNOWN

    # what is bound where

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
                    yield target, value
                case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                    yield target, value
                case ast.Match(subject=subject, cases=cases):
                    for name in _captured(cases):
                        yield name, subject
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    self.bound.add(name)
                    self._functions[name] = node
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
        """Yield the parameters of a function of the cell with what a call gives them."""
        called = call.func
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
                if len(given) != len(parts):  # then each may be any of the value's elements
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

    # what an expression stands for

    def evaluate(self, node: ast.expr | None) -> Values:
        """Return what *node* may stand for; nothing when that is not known."""
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
            case ast.BoolOp(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts):
                return self._union(parts)
            case ast.Set(elts=parts) | ast.Dict(values=parts):
                return self._union(parts)
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
                case Dynamic():
                    found.add(value)
                case _:
                    pass
        return frozenset(found)

    def _subscript(self, value: ast.expr) -> Values:
        if is_call_of(value, rules.NAMESPACES):
            return FOUND_BY_NAME
        return self.evaluate(value)

    def _operation(self, node: ast.BinOp) -> Values:
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        if isinstance(node.op, ast.Add):
            if not _texts(left) and not _texts(right):
                return UNKNOWN
            return _each([_texts(left), _texts(right)], "".join)
        if isinstance(node.op, ast.Div) and (_texts(left) or _texts(right)):
            return _each([_texts(left), _texts(right)], _join_path, is_path=True)
        if isinstance(node.op, ast.Mod) and _texts(left):
            return frozenset(Text(t.split("%")[0] + ANYTHING) for t in _texts(left))
        return UNKNOWN

    def _part(self, part: ast.expr) -> list[str]:
        """Return what a part of an f-string may read."""
        inner = part.value if isinstance(part, ast.FormattedValue) else part
        return _texts(self.evaluate(inner)) if isinstance(inner, ast.expr) else []

    def _call(self, node: ast.Call) -> Values:
        name, arguments = self.name_called(node.func), node.args
        if name in rules.PATH_CLASSES or name == "joinpath":
            parts = [_texts(self.evaluate(argument)) for argument in arguments]
            if name == "joinpath" and isinstance(node.func, ast.Attribute):
                parts.insert(0, _texts(self.evaluate(node.func.value)))
            return _each(parts or [["."]], _join_path, is_path=True)
        if name == "home" and isinstance(node.func, ast.Attribute):
            return frozenset({Text("~", is_path=True)})
        if name == "cwd" and isinstance(node.func, ast.Attribute):
            return frozenset({Text(".", is_path=True)})
        if name in ("getattr", "attrgetter"):
            return self._by_name(node)
        if name == "str" and len(arguments) == 1:
            return frozenset(Text(t) for t in _texts(self.evaluate(arguments[0])))
        if isinstance(node.func, ast.Attribute):
            return self._method(node.func, node)
        if isinstance(node.func, ast.Call) and called_name(node.func.func) == "attrgetter":
            return FOUND_BY_NAME
        return UNKNOWN

    def name_called(self, func: ast.expr) -> str:
        """Return the last name of what is called, whatever the cell calls it."""
        for value in self.evaluate(func):
            if isinstance(value, Reference):
                return value.path.rpartition(".")[2]
        return called_name(func)

    def _method(self, func: ast.Attribute, node: ast.Call) -> Values:
        base = _texts(self.evaluate(func.value))
        if func.attr in ("resolve", "absolute", "expanduser", "with_suffix", "as_posix"):
            return frozenset(Text(text, is_path=True) for text in base)
        if func.attr == "format":
            return frozenset(Text(text.replace("{}", ANYTHING)) for text in base)
        if func.attr == "join" and len(node.args) == 1 and base:
            listed = node.args[0]
            if isinstance(listed, ast.List | ast.Tuple):
                parts = [_texts(self.evaluate(element)) for element in listed.elts]
                return frozenset().union(*(_each(parts, separator.join) for separator in base))
        if func.attr == "get" and is_call_of(func.value, rules.NAMESPACES):
            return FOUND_BY_NAME
        return UNKNOWN

    def _by_name(self, node: ast.Call) -> Values:
        """Return what ``getattr(base, name)`` may stand for."""
        if self.name_called(node.func) == "attrgetter" or len(node.args) < 2:
            return UNKNOWN
        base, names = self.evaluate(node.args[0]), _texts(self.evaluate(node.args[1]))
        if not names or any(ANYTHING in name for name in names):
            return FOUND_BY_NAME
        return frozenset().union(*(self._attribute(base, name) for name in names))


def called_name(func: ast.AST) -> str:
    """Return the last name of what is called; empty when it has none."""
    if isinstance(func, ast.Name):
        return func.id
    return func.attr if isinstance(func, ast.Attribute) else ""


def is_call_of(node: ast.AST, names: frozenset[str]) -> bool:
    """Return whether *node* is a call of one of the plain *names*."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def texts_of(values: Values) -> list[str]:
    """Return the texts among *values*."""
    return _texts(values)


def _texts(values: Values) -> list[str]:
    return [value.text for value in values if isinstance(value, Text)]


def _join_path(parts: Iterable[str]) -> str:
    return posixpath.join(*parts)


def _each(parts: list[list[str]], join: object, *, is_path: bool = False) -> Values:
    """Return *join* of every choice of one text a part; a part without any may be anything."""
    joined: list[list[str]] = [[]]
    for choices in parts:
        longer = [[*before, text] for before in joined for text in (choices or [ANYTHING])]
        joined = longer[:MOST_VALUES]
    texts = (join(each)[:MOST_CHARACTERS] for each in joined)  # type: ignore[operator]
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
