"""What the functions that a cell calls do to its variables.

A function's summary says which of its parameters, and which variables of the notebook, its body
changes in place, gives another value and uses (interprocedural mod-ref analysis: Banning 1979,
"An efficient way to find the side effects of procedure calls and the aliases of variables"). A
summary is of one definition alone; calls in it are followed when it is used, as what they call may
be defined later or anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from notebooks.lineage.effect_bodies import Body, Call, Function, is_parameter
from notebooks.lineage.effect_walk import body_of
from notebooks.lineage.names import Statement

MOST_DEEP = 12
"""Calls within calls that are followed."""
MOST_FOLLOWED = 300
"""Functions that are followed for one statement; what further calls get, they may change."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What the calls in a statement do to variables of the notebook.

    Attributes:
        reads: Variables whose values the called functions use.
        sets: Those that they give a new value, by ``global``.
        alters: Those that are surely changed in place.
        may: Those that may be changed in place: what is called can't be followed.
    """

    reads: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    alters: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()


NOTHING = Effect()


@dataclass(slots=True)
class _Found:
    """Effects on names; a parameter's name begins with a dot."""

    reads: set[str] = field(default_factory=set)
    sets: set[str] = field(default_factory=set)
    alters: set[str] = field(default_factory=set)
    may: set[str] = field(default_factory=set)


class Effects:
    """The functions and classes of a notebook, as they are defined cell by cell."""

    def __init__(self) -> None:
        self._functions: dict[str, Function] = {}
        self._classes: dict[str, Mapping[str, Function]] = {}
        self._bases: dict[str, tuple[str, ...]] = {}
        self._kinds: dict[str, str] = {}
        self._foreign: set[str] = set()
        self._aliases: dict[str, frozenset[str]] = {}
        self._known: dict[int, _Found] = {}
        """By function, what it does; of those that were followed to the end for a statement."""
        self._left, self._cut = MOST_FOLLOWED, 0

    def take(self, statement: Statement) -> Effect:
        """Return what *statement* does through calls, and keep what it defines.

        Args:
            statement: The statement that comes after all that were taken before.
        """
        body = body_of(statement.code)
        if body is None:
            return NOTHING
        self._known, self._left = {}, MOST_FOLLOWED
        found = self._followed(body, (), 0)
        self._learn(body, statement)
        named = {name: self._aliases.get(name, frozenset()) for name in found.alters | found.may}
        alters = found.alters | self._all(named, found.alters) | self._of(statement.alters)
        may = found.may | self._all(named, found.may)
        return Effect(
            reads=frozenset(found.reads),
            sets=frozenset(found.sets),
            alters=frozenset(n for n in alters if not is_parameter(n)),
            may=frozenset(n for n in may - alters if not is_parameter(n)),
        )

    def _all(self, named: Mapping[str, frozenset[str]], names: Iterable[str]) -> set[str]:
        return set().union(*(named[name] for name in names))

    def _of(self, names: Iterable[str]) -> set[str]:
        """Return other names of the same objects."""
        return set().union(*(self._aliases.get(name, frozenset()) for name in names))

    def _learn(self, body: Body, statement: Statement) -> None:
        for name in statement.sets:
            self._functions.pop(name, None)
            self._classes.pop(name, None)
            self._kinds.pop(name, None)
            self._foreign.discard(name)
            for other in self._aliases.pop(name, frozenset()):
                self._aliases[other] = self._aliases.get(other, frozenset()) - {name}
        self._functions |= body.functions
        for name, (bases, methods) in body.classes.items():
            self._classes[name], self._bases[name] = methods, bases
        self._kinds |= body.kinds
        self._foreign |= body.foreign
        for name, other in body.same.items():
            self._learn_same(name, other)

    def _learn_same(self, name: str, other: str) -> None:
        if other in self._functions:
            self._functions[name] = self._functions[other]
        if other in self._kinds:
            self._kinds[name] = self._kinds[other]
        group = {other, name} | self._aliases.get(other, frozenset())
        for each in group:
            self._aliases[each] = frozenset(group - {each})

    def _followed(self, body: Body, within: tuple[Function, ...], depth: int) -> _Found:
        found = _Found(set(body.reads), set(body.sets), set(body.alters), set(body.may))
        for call in body.calls:
            self._follow(call, found, within, depth)
        for name in body.reads:
            # A function that is passed on is used there: its variables are inputs too.
            if passed := self._functions.get(name):
                if depth >= MOST_DEEP or passed in within or not self._left:
                    self._cut += 1
                    continue
                inner = self._summary(passed, within, depth)
                found.reads |= {n for n in inner.reads if not is_parameter(n)}
                if name in body.passed:
                    found.sets |= inner.sets
                    found.alters |= {n for n in inner.alters if not is_parameter(n)}
                    found.may |= {n for n in inner.may if not is_parameter(n)}
        return found

    def _follow(self, call: Call, found: _Found, within: tuple[Function, ...], depth: int) -> None:
        target = self._target(call, within)
        if target is None:
            if self._may_change(call):
                found.may |= {n for _, names in call.arguments for n in names} | call.object
            return
        if target in within:
            self._cut += 1
            return
        if depth >= MOST_DEEP or not self._left:
            self._cut += 1
            found.may |= {n for _, names in call.arguments for n in names} | call.object
            return
        inner = self._summary(target, within, depth)
        bound = _bound(target, call)
        sure = found.alters if call.sure else found.may
        for names, into in ((inner.alters, sure), (inner.may, found.may)):
            for name in names:
                into |= bound.get(name, frozenset()) if is_parameter(name) else {name}
        found.sets |= inner.sets
        found.reads |= inner.reads

    def _summary(self, function: Function, within: tuple[Function, ...], depth: int) -> _Found:
        """Return what *function* does; a call back to a function that is being followed is cut."""
        if (known := self._known.get(id(function))) is not None:
            return known
        self._left = max(0, self._left - 1)
        cut = self._cut
        found = self._followed(function.body, (*within, function), depth + 1)
        if self._cut == cut:
            self._known[id(function)] = found
        return found

    def _target(self, call: Call, within: tuple[Function, ...]) -> Function | None:
        if not call.method:
            if call.name in self._classes:
                return self._method(call.name, "__init__")
            return self._functions.get(call.name)
        kinds = {self._kinds.get(name, "") for name in call.object} - {""}
        if call.kind:
            kinds = {call.kind}
        elif within and within[-1].owner and call.object == set(within[-1].parameters[:1]):
            kinds = {within[-1].owner}
        methods = [m for kind in sorted(kinds) if (m := self._method(kind, call.name))]
        return methods[0] if methods else None

    def _method(self, kind: str, name: str, depth: int = 0) -> Function | None:
        own = self._classes.get(kind, {}).get(name)
        if own is not None or depth > MOST_DEEP:
            return own
        bases = self._bases.get(kind, ())
        return next((m for base in bases if (m := self._method(base, name, depth + 1))), None)

    def _may_change(self, call: Call) -> bool:
        """Whether what *call* calls is known to nobody here, but may change what it gets."""
        if not call.method:
            return is_parameter(call.name) or call.name in self._foreign
        kinds = {self._kinds.get(name, "") for name in call.object} - {""}
        unseen = {base for kind in kinds for base in self._bases.get(kind, ())} - {"object"}
        inherited = bool(unseen - self._classes.keys()) and call.dropped
        of_a_module = bool(call.object & self._foreign) or bool(kinds & self._foreign)
        several = any(call.name in methods for methods in self._classes.values()) and not kinds
        return inherited or of_a_module or (several and self._changes_itself(call.name))

    def _changes_itself(self, method: str) -> bool:
        """Whether some class has a *method* that changes its object."""
        found = [m[method] for m in self._classes.values() if method in m]
        return any(set(m.parameters[:1]) & self._summary(m, (), 1).alters for m in found)


def _bound(target: Function, call: Call) -> dict[str, frozenset[str]]:
    """Return parameter → names of the objects that *call* gives it."""
    parameters = list(target.parameters)
    bound: dict[str, set[str]] = {}
    if target.owner and parameters:
        own = bound.setdefault(parameters.pop(0), set())
        own |= call.object if call.method else set()
    for place, names in call.arguments:
        if isinstance(place, int):
            to = [parameters[place]] if place < len(parameters) else [target.rest]
        elif place == "*":
            to = [*parameters, target.rest]
        else:
            to = [f".{place}" if f".{place}" in parameters else target.named]
        for each in to:
            bound.setdefault(each, set()).update(names)
    return {name: frozenset(names) for name, names in bound.items()}
