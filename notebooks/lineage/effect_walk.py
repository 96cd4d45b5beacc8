"""What one statement or function body does to objects that it does not own, and what it calls."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable

from notebooks.lineage.effect_bodies import (
    ELEMENTS,
    FIRST_ARGUMENT,
    IN_PLACE,
    KNOWN_MODULES,
    PARTS,
    TAKES_OUT,
    Body,
    Call,
    Function,
    is_parameter,
)

MOST_CODE = 150_000


@functools.lru_cache(maxsize=4000)
def body_of(code: str) -> Body | None:
    """Return what a statement at the top level does; ``None`` if it can't be parsed."""
    if len(code) > MOST_CODE:
        return None
    try:
        walk = _Walk(Body(), {}, top=True)
        for node in ast.parse(code).body:
            walk.visit(node)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return walk.body


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, owner: str) -> Function:
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    names = [each.arg for each in plain]
    rest, named = (f".{each.arg}" if each else "" for each in (arguments.vararg, arguments.kwarg))
    own = {name: frozenset({f".{name}"}) for name in names}
    own |= {each[1:]: frozenset({each}) for each in (rest, named) if each}
    code = [ast.Expr(node.body)] if isinstance(node, ast.Lambda) else node.body
    walk = _Walk(Body(), own, top=False)
    walk.shared = {n for each in code for sub in ast.walk(each)
                   if isinstance(sub, ast.Global) for n in sub.names}  # fmt: skip
    for each in code:
        for sub in ast.walk(each):
            if isinstance(sub, ast.Name) and isinstance(sub.ctx, ast.Store):
                if sub.id not in walk.shared:
                    own.setdefault(sub.id, frozenset())
            elif isinstance(sub, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                own.setdefault(sub.name, frozenset())
    for each in code:
        walk.visit(each)
    return Function(tuple(f".{name}" for name in names), rest, named, walk.body, owner)


class _Walk(ast.NodeVisitor):
    """Collects what code does, statement by statement.

    `_objects` says, for each name that the code owns, which objects from outside it may be.
    """

    def __init__(self, body: Body, own: dict[str, frozenset[str]], *, top: bool) -> None:
        self.body, self._objects, self._top = body, own, top
        self.shared: set[str] = set()

    def objects(self, node: ast.AST | None) -> frozenset[str]:
        """Return the objects that the value of *node* is, or is a part of."""
        if isinstance(node, ast.Name):
            return self._objects.get(node.id, frozenset({node.id}))
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Starred | ast.NamedExpr):
            return self.objects(node.value)
        if isinstance(node, ast.IfExp):
            return self.objects(node.body) | self.objects(node.orelse)
        if isinstance(node, ast.BoolOp):
            return frozenset().union(*map(self.objects, node.values))
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            return frozenset().union(*map(self.objects, node.elts))
        if isinstance(node, ast.Dict):
            return frozenset().union(*map(self.objects, node.values))
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in ELEMENTS:
                return frozenset().union(*map(self.objects, node.args))
            if isinstance(node.func, ast.Attribute) and node.func.attr in PARTS:
                return self.objects(node.func)
        return frozenset()

    def _alter(self, node: ast.AST | None, *, sure: bool = True) -> None:
        (self.body.alters if sure else self.body.may).update(self.objects(node))

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and node.id not in self._objects:
            self.body.reads.add(node.id)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            root = alias.name.partition(".")[0]
            if root not in KNOWN_MODULES:
                self.body.foreign.add(alias.asname or root)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if (node.module or "").partition(".")[0] not in KNOWN_MODULES:
            self.body.foreign |= {alias.asname or alias.name for alias in node.names}

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for each in (
            *node.decorator_list,
            *node.args.defaults,
            *filter(None, node.args.kw_defaults),
        ):
            self.visit(each)
        if self._top:
            self.body.functions[node.name] = _function(node, "")
        else:  # one within a function, which calls it
            inner = _function(node, "").body
            self._take_in(inner)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 (as `ast.NodeVisitor` names it)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._take_in(_function(node, "").body)

    def _take_in(self, inner: Body) -> None:
        """Count what a function within does as done here, to names that it does not own."""

        def outer(names: Iterable[str]) -> frozenset[str]:
            known = [n for n in names if not is_parameter(n)]
            return frozenset().union(*(self._objects.get(n, frozenset({n})) for n in known))

        self.body.reads |= {n for n in inner.reads if n not in self._objects}
        self.body.sets |= inner.sets
        self.body.alters |= outer(inner.alters)
        self.body.may |= outer(inner.may)
        for call in inner.calls:
            if not is_parameter(call.name):
                given = tuple((place, outer(names)) for place, names in call.arguments)
                self.body.calls.append(
                    Call(call.name, outer(call.object), call.kind, given, call.method, call.dropped)
                )

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        methods = {}
        for each in node.body:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                methods[each.name] = _function(each, node.name)
        bases = tuple(ast.unparse(base) for base in node.bases)
        self.body.classes[node.name] = bases, methods

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._bind(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self._bind(node.target, node.value)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self._bind(node.target, node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        if not isinstance(node.target, ast.Name):
            self.visit(node.target)
            self._alter(node.target)
        elif node.target.id in self.shared:
            self.body.sets.add(node.target.id)
            self.body.reads.add(node.target.id)
        elif not self._top:
            # It changes a list in place, and gives a number another value.
            self._alter(node.target, sure=isinstance(node.value, ast.List | ast.ListComp))

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if not isinstance(target, ast.Name):
                self._alter(target)

    def _bind(self, target: ast.AST, value: ast.AST | None) -> None:
        if isinstance(target, ast.Name):
            self._bind_name(target.id, value)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, value)
        elif isinstance(target, ast.Tuple | ast.List):
            given = value.elts if isinstance(value, ast.Tuple | ast.List) else []
            several = len(given) == len(target.elts)
            for at, each in enumerate(target.elts):
                whole = None if self._top else value
                self._bind(each, given[at] if several else whole)
        else:
            self.visit(target)
            self._alter(target)

    def _bind_name(self, name: str, value: ast.AST | None) -> None:
        made = (
            value.func.id
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Name)
            else ""
        )
        if self._top:
            if isinstance(value, ast.Name):
                self.body.same[name] = value.id
            elif isinstance(value, ast.Lambda):
                self.body.functions[name] = _function(value, "")
            elif made:
                self.body.kinds[name] = made
        elif name in self.shared:
            self.body.sets.add(name)
        else:
            self._objects[name] = self.objects(value) if _keeps(value) else frozenset()

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self._bind_each(node.target, node.iter)
        for child in (*node.body, *node.orelse):
            self.visit(child)

    visit_AsyncFor = visit_For  # noqa: N815

    def _bind_each(self, target: ast.AST, over: ast.AST) -> None:
        names = [n.id for n in ast.walk(target) if isinstance(n, ast.Name)]
        for name in names:
            if name not in self.shared:
                self._objects[name] = self.objects(over)

    def _comprehension(self, node: ast.AST) -> None:
        for generator in node.generators:  # type: ignore[attr-defined]
            self.visit(generator.iter)
            self._bind_each(generator.target, generator.iter)
            for test in generator.ifs:
                self.visit(test)
        for part in (getattr(node, name, None) for name in ("elt", "key", "value")):
            if part is not None:
                self.visit(part)

    visit_ListComp = _comprehension  # noqa: N815
    visit_SetComp = _comprehension  # noqa: N815
    visit_DictComp = _comprehension  # noqa: N815
    visit_GeneratorExp = _comprehension  # noqa: N815

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        before = dict(self._objects)
        for child in node.body:
            self.visit(child)
        after = self._objects
        self._objects = before
        for child in node.orelse:
            self.visit(child)
        for name, objects in after.items():
            self._objects[name] = self._objects.get(name, frozenset()) | objects

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self._bind(item.optional_vars, None)
        for child in node.body:
            self.visit(child)

    visit_AsyncWith = visit_With  # noqa: N815

    def visit_Expr(self, node: ast.Expr) -> None:
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(value, ast.Call):
            self._call(value, dropped=True)
        else:
            self.visit(value)

    def visit_Call(self, node: ast.Call) -> None:
        self._call(node, dropped=False)

    def _call(self, node: ast.Call, *, dropped: bool) -> None:
        function = node.func
        owner = function.value if isinstance(function, ast.Attribute) else None
        name = getattr(function, "attr", None) or getattr(function, "id", "")
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        for child in (owner or function, *given):
            self.visit(child)
        self.body.passed |= {each.id for each in given if isinstance(each, ast.Name)}
        if owner is not None:
            if name in TAKES_OUT or (dropped and name in IN_PLACE):
                self._alter(owner)
            self._inplace(node, owner)
        if name in FIRST_ARGUMENT and node.args:
            self._alter(node.args[0])
        self._out(node)
        if name:
            self._note(node, name, method=owner is not None, dropped=dropped)

    def _inplace(self, node: ast.Call, changed: ast.AST) -> None:
        for keyword in node.keywords:
            if keyword.arg == "inplace":
                constant = isinstance(keyword.value, ast.Constant)
                if not constant or keyword.value.value:  # type: ignore[attr-defined]
                    self._alter(changed, sure=constant)

    def _out(self, node: ast.Call) -> None:
        for keyword in node.keywords:
            if keyword.arg == "out" and isinstance(keyword.value, ast.Name):
                self._alter(keyword.value)

    def _note(self, node: ast.Call, name: str, *, method: bool, dropped: bool) -> None:
        """Keep the call; ``frame.pipe(clean)`` and ``map(clean, frames)`` are calls of `clean`."""
        given: list[tuple[int | str, frozenset[str]]] = []
        for place, each in enumerate(node.args):
            given.append(("*" if isinstance(each, ast.Starred) else place, self.objects(each)))
        given += [(keyword.arg or "*", self.objects(keyword.value)) for keyword in node.keywords]
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Name) and name in ("pipe", "map", "filter"):
            taken = [(0, self.objects(node.func))] if method else []
            rest = [(at - (not method), names) for at, names in given[1:] if isinstance(at, int)]
            called = self._called(first.id)
            arguments = (*taken, *rest) if name == "pipe" or not method else ()
            self.body.calls.append(
                Call(called, frozenset(), "", arguments, method=False, dropped=dropped)
            )
        function = node.func
        kind, objects = "", frozenset[str]()
        if isinstance(function, ast.Attribute):
            objects = self.objects(function.value)
            if isinstance(function.value, ast.Call) and isinstance(function.value.func, ast.Name):
                kind = function.value.func.id
        called = name if method else self._called(name)
        self.body.calls.append(Call(called, objects, kind, tuple(given), method, dropped))

    def _called(self, name: str) -> str:
        return f".{name}" if f".{name}" in self._objects.get(name, ()) else name


def _keeps(value: ast.AST | None) -> bool:
    """Whether *value* is an object that was there before, or a part of one, and no copy."""
    if isinstance(value, ast.Subscript):  # ``book["Data"]``, and not ``frame[frame.Sales > 0]``
        return isinstance(value.slice, ast.Constant | ast.Name) and _keeps(value.value)
    if isinstance(value, ast.Attribute):
        return _keeps(value.value)
    return isinstance(value, ast.Name | ast.Tuple | ast.List | ast.Dict | ast.IfExp | ast.BoolOp)
