"""Walk a cell's syntax tree and find code of medium or high risk."""

from __future__ import annotations

import ast
from collections.abc import Callable

from agent.permission.risk import rules
from agent.permission.risk.findings import Finding
from agent.permission.risk.magics import is_magic, read_magic
from agent.permission.risk.members import (
    BY_STRING,
    DUNDER,
    EVALUATES,
    Verdict,
    dynamic,
    escape,
    is_harmless_member,
    judge_attribute,
    judge_change,
    judge_import,
    judge_member,
    judge_name,
    judge_name_in_text,
)
from agent.permission.risk.modules import FORBIDDEN_CALLS, UNMISTAKABLE
from agent.permission.risk.paths import is_url, leaves_workspace, path_arguments
from agent.permission.risk.queries import query_as_python
from agent.permission.risk.syntax import KNOWN_SYNTAX
from agent.permission.risk.values import (
    ANYTHING,
    SQLITE,
    Bindings,
    Dynamic,
    Reference,
    is_call_of,
    texts_of,
)

_TARGET_CHARACTERS = 200


class Walker(ast.NodeVisitor):
    """Collects the findings of one cell.

    Attributes:
        findings: The findings so far.
        imports: Top-level names of imported modules.
    """

    def __init__(self, tree: ast.Module, parse: Callable[[str], ast.Module]) -> None:
        """Prepare to walk *tree*.

        Args:
            tree: The cell.
            parse: Parses the body of a magic as a cell.
        """
        self.findings: list[Finding] = []
        self.imports: list[str] = []
        self._names = Bindings(tree)
        self._parse = parse
        self._line_offset = 0
        self._called: set[int] = set()
        """Nodes, by id, that are called directly."""
        self._expected: set[int] = set()
        """Nodes, by id, that may be a module or a namespace function where they appear."""

    def visit(self, node: ast.AST) -> None:
        """Visit *node*; unknown syntax never runs."""
        if type(node) not in KNOWN_SYNTAX:
            name = type(node).__name__
            reason = "this check does not know such syntax"
            self._add(node, Verdict("high", "unknown-syntax", name, reason))
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.NamedExpr):
            self._check_value(node)
        super().visit(node)

    def finish(self, tree: ast.Module) -> None:
        """Add a finding if the cell was too large to evaluate completely."""
        if self._names.gave_up:
            reason = "the cell is too involved for this check to follow it to its end"
            self._add(tree, dynamic("cell", reason))

    def _add(self, node: ast.AST, verdict: Verdict | None) -> None:
        if verdict is None:
            return
        target = verdict.target
        self.findings.append(
            Finding(
                line=getattr(node, "lineno", 1) + self._line_offset,
                column=getattr(node, "col_offset", 0) + 1,
                tier=verdict.tier,
                rule=verdict.rule,
                reason=verdict.reason,
                target=target if len(target) <= _TARGET_CHARACTERS else target[:199] + "…",
                capability=verdict.capability,
            )
        )

    # imports

    def visit_Import(self, node: ast.Import) -> None:
        """Check each imported module."""
        for alias in node.names:
            self.imports.append(alias.name.split(".")[0])
            self._add(node, judge_import(alias.name))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Check the module and each imported member."""
        module = node.module or "."
        self.imports.append(module.split(".")[0])
        if module in ("__future__", "__main__"):
            return
        names = [alias.name for alias in node.names]
        if all(is_harmless_member(f"{module}.{name}") for name in names):
            return
        self._add(node, judge_import(module))
        for name in names:
            if name != "*":
                self._add(node, judge_member(f"{module}.{name}"))

    # names and values

    def visit_Name(self, node: ast.Name) -> None:
        """Check a name that is read."""
        if not isinstance(node.ctx, ast.Load):
            return
        name = node.id
        if name in rules.HIGH_NAMES:
            reason = f"{name} {rules.HIGH_NAMES[name]}"
            self._add(node, Verdict("high", "forbidden-name", name, reason))
        elif name in self._names.bound:
            return
        elif name in rules.NAMESPACES | rules.BY_STRING and id(node) not in self._expected:
            self._add(node, dynamic(name, f"{name} {BY_STRING}"))
        else:
            self._add(node, judge_name(name, starred=self._names.starred))

    def _check_value(self, node: ast.expr) -> None:
        """Require permission for a module in a place where it can't be followed."""
        if id(node) in self._expected or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            return
        for value in self._names.evaluate(node):
            if isinstance(value, Reference) and value.path in self._names.modules:
                reason = f"the module {value.path} is handed on, where this check can't follow it"
                self._add(node, dynamic(value.path, reason, "name:module"))

    def _check_found(self, node: ast.expr) -> None:
        """Require permission to use a value that was looked up by an unknown name."""
        if Dynamic() in self._names.evaluate(node):
            reason = "a value found by name is used in a way that this check can't follow"
            self._add(node, dynamic(ast.unparse(node), reason, "name:getattr"))

    def _expect(self, *nodes: ast.expr | None) -> None:
        """Allow each of *nodes* to be a module."""
        for node in nodes:
            if node is None:
                continue
            self._expected.add(id(node))
            match node:
                case ast.IfExp(body=body, orelse=orelse):
                    self._expect(body, orelse)
                case ast.BoolOp(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts):
                    self._expect(*parts)
                case ast.Dict(values=parts):
                    self._expect(*parts)
                case ast.NamedExpr(value=inner) | ast.Await(value=inner):
                    self._expect(inner)
                case _:
                    pass

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Check an attribute by the value it belongs to, and by its name."""
        name, base = node.attr, self._names.evaluate(node.value)
        paths = [value.path for value in base if isinstance(value, Reference)]
        self._expect(node.value)
        if name not in rules.DATA_ATTRIBUTES | rules.SAFE_SINKS:
            self._check_found(node.value)
        if is_call_of(node.value, rules.NAMESPACES) and name in ("get", "keys"):
            self._expect_namespace(node.value)
        judge = judge_member if isinstance(node.ctx, ast.Load) else judge_change
        for path in paths:
            self._add(node, judge(f"{path}.{name}"))
        if not paths:
            self._add(node, judge_attribute(name, called=id(node) in self._called))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Check a string for names that only hidden code needs."""
        self._check_text(node, node.value)

    def _check_text(self, node: ast.AST, text: object) -> None:
        if not isinstance(text, str):
            return
        for name in DUNDER.findall(text):
            if name in rules.ESCAPE_DUNDERS:
                self._add(node, escape(name))
        if text == "allow_pickle":
            self._pickle(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Check concatenated strings; a loop over the left sides, as a long sum is a deep tree."""
        left: ast.expr = node
        while isinstance(left, ast.BinOp):
            for text in texts_of(self._names.evaluate(left)):
                self._check_text(left, text)
            self.visit(left.right)
            left = left.left
        self.visit(left)

    def visit_If(self, node: ast.If) -> None:
        """Visit the branches in a loop: each ``elif`` is an ``if`` nested in the one before."""
        branch: ast.If | None = node
        while branch is not None:
            self.visit(branch.test)
            for statement in branch.body:
                self.visit(statement)
            following = branch.orelse
            branch = None
            if len(following) == 1 and isinstance(following[0], ast.If):
                branch = following[0]
            else:
                for statement in following:
                    self.visit(statement)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Check the strings that an f-string may give."""
        for text in texts_of(self._names.evaluate(node)):
            self._check_text(node, text)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """Allow modules in a comparison, and a namespace in a test for a name."""
        self._expect(node.left, *node.comparators)
        for side in node.comparators:
            if is_call_of(side, rules.NAMESPACES):
                self._expect_namespace(side)
        self.generic_visit(node)

    def _expect_namespace(self, call: ast.expr) -> None:
        if isinstance(call, ast.Call):
            self._expected.add(id(call.func))

    # statements that may hold a module

    def visit_Assign(self, node: ast.Assign) -> None:
        """Allow a module to be assigned to a name, but not to an attribute or item."""
        if all(_is_names(target) for target in node.targets):
            self._expect(node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """As `visit_Assign`; and check the annotation, where a string is code."""
        if _is_names(node.target):
            self._expect(node.value)
        self._check_annotation(node.annotation)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """As `visit_Assign`."""
        self._expect(node.value)
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        """Allow a module that is only displayed."""
        self._expect(node.value)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        """Allow modules in a loop's iterable, which is followed."""
        self._expect(node.iter)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        """As `visit_For`."""
        self._expect(node.iter)
        self.generic_visit(node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> None:
        """As `visit_Expr`."""
        self._expect(node.value)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """Check ``globals()["name"]`` with a known name as that name."""
        if is_call_of(node.value, rules.NAMESPACES):
            self._expect_namespace(node.value)
            self._check_named_item(node)
        self.generic_visit(node)

    def _check_named_item(self, node: ast.Subscript) -> None:
        for text in texts_of(self._names.evaluate(node.slice)):
            if text in rules.HIGH_NAMES or DUNDER.fullmatch(text) or text in UNMISTAKABLE:
                self._add(node, escape(text))

    def visit_arg(self, node: ast.arg) -> None:
        """Check a parameter's annotation, where a string is code."""
        self._check_annotation(node.annotation)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Check the annotation of the return value, as `visit_arg`."""
        self._check_annotation(node.returns)
        self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """As `visit_FunctionDef`."""
        self._check_annotation(node.returns)
        self.generic_visit(node)

    def _check_annotation(self, node: ast.expr | None) -> None:
        for part in ast.walk(node) if node is not None else ():
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                try:
                    tree = ast.parse(part.value, mode="eval")
                except (SyntaxError, ValueError):
                    continue
                self._visit_elsewhere(tree.body, part)

    def _visit_elsewhere(self, tree: ast.AST, place: ast.AST) -> None:
        """Visit code from a string; findings get the position of *place*."""
        for inner in ast.walk(tree):
            if hasattr(inner, "lineno"):
                ast.copy_location(inner, place)
        self._expect(tree if isinstance(tree, ast.expr) else None)
        self.visit(tree)

    def visit_MatchClass(self, node: ast.MatchClass) -> None:
        """Check the attributes that a class pattern reads."""
        for name in node.kwd_attrs:
            self._add(node, judge_name_in_text(name))
        self.generic_visit(node)

    # calls

    def visit_Call(self, node: ast.Call) -> None:
        """Check the called function and its arguments."""
        if is_magic(node.func):
            self._check_magic(node)
            return
        name = self._names.name_called(node.func)
        self._called.add(id(node.func))
        self._expect_arguments(node, name)
        if name in rules.BY_STRING:
            self._check_by_string(node, name)
        elif name in ("attrgetter", "methodcaller"):
            self._check_getter(node, name)
        elif name in rules.READ_DATABASES and not self._has_sqlite(node):
            reason = f"{name} opens a database connection"
            self._add(node, Verdict("medium", "database", name, reason, f"call:{name}"))
        elif name in FORBIDDEN_CALLS and isinstance(node.func, ast.Attribute):
            reason = f"{name} starts other programs"
            self._add(node, Verdict("high", "forbidden-call", name, reason))
        self._check_pickle(node, name)
        if name in rules.QUERY_CALLS:
            self._check_query(node, name)
        self._check_paths(node, name)
        self.generic_visit(node)

    def _has_sqlite(self, node: ast.Call) -> bool:
        """Return whether an argument is an SQLite connection, whose file is checked as a path."""
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        return any(Reference(SQLITE) in self._names.evaluate(value) for value in given)

    def _expect_arguments(self, node: ast.Call, name: str) -> None:
        self._check_found(node.func)
        if isinstance(node.func, ast.Name) and name not in self._names.bound:
            if name in rules.MODULE_SINKS | rules.BY_STRING:
                self._expect(*node.args)
            if name in rules.BY_STRING:
                self._expected.add(id(node.func))
        for argument in node.args:
            if name not in rules.SAFE_SINKS:
                self._check_found(argument)
            elif is_call_of(argument, rules.NAMESPACES):
                self._expect_namespace(argument)
        for keyword in node.keywords:
            self._check_found(keyword.value)

    def _check_by_string(self, node: ast.Call, name: str) -> None:
        if len(node.args) < 2:
            return
        base = self._names.evaluate(node.args[0])
        paths = [value.path for value in base if isinstance(value, Reference)]
        names = texts_of(self._names.evaluate(node.args[1]))
        known = [text for text in names if ANYTHING not in text]
        for text in known:
            for path in paths:
                self._add(node, judge_member(f"{path}.{text}"))
            if not paths:
                self._add(node, judge_attribute(text))
        if len(known) < max(len(names), 1) and (paths or name == "setattr"):
            self._add(node, dynamic(name, f"{name} {BY_STRING}"))

    def _check_getter(self, node: ast.Call, name: str) -> None:
        for argument in node.args:
            texts = texts_of(self._names.evaluate(argument))
            for part in (part for text in texts for part in text.split(".")):
                self._add(node, judge_name_in_text(part))
            if not texts and name == "attrgetter":
                self._add(node, dynamic(name, f"{name} {BY_STRING}"))

    def _check_pickle(self, node: ast.Call, name: str) -> None:
        for keyword in node.keywords:
            off = isinstance(keyword.value, ast.Constant) and not keyword.value.value
            if keyword.arg == "allow_pickle" and not off:
                self._pickle(node)
        third = node.args[2] if name == "load" and len(node.args) > 2 else None
        if third is not None and not (isinstance(third, ast.Constant) and not third.value):
            self._pickle(node)

    def _pickle(self, node: ast.AST) -> None:
        reason = "allow_pickle runs code hidden in data; use json, csv or xlsx"
        self._add(node, Verdict("high", "forbidden-call", "allow_pickle", reason))

    def _check_query(self, node: ast.Call, name: str) -> None:
        if isinstance(node.func, ast.Name) and node.func.id == name:
            return  # Python's own eval, or a function of the cell
        given = [k.value for k in node.keywords if k.arg == rules.QUERY_CALLS[name]]
        given = given or list(node.args[:1])
        texts = texts_of(self._names.evaluate(given[0])) if given else []
        for text in texts:
            tree = query_as_python(text.replace(ANYTHING, "_unknown"))
            if tree is None:
                reason = f"the {name} string can't be read by this check"
                self._add(node, dynamic(text, reason, f"name:{name}"))
            else:
                self._visit_elsewhere(tree, node)
        if not texts:
            self._add(node, dynamic(name, f"{name} {EVALUATES}", f"name:DataFrame.{name}"))

    def _check_paths(self, node: ast.Call, name: str) -> None:
        for value in path_arguments(node, name, self._names):
            for text in texts_of(self._names.evaluate(value)):
                if is_url(text):
                    reason = f"{name} would read from or write to the network"
                    self._add(node, Verdict("medium", "url", text, reason, "network:url"))
                elif leaves_workspace(text):
                    reason = "the file is outside /workspace and /tmp"
                    self._add(node, Verdict("medium", "path", text, reason, f"path:{text}"))

    # magics, after IPython's own transformation

    def _check_magic(self, node: ast.Call) -> None:
        magic = read_magic(node)
        if magic.refused:
            self._refuse_magic(node, magic.refused)
        if magic.body is None:
            return
        try:
            tree = self._parse(magic.body)
        except (SyntaxError, ValueError, RuntimeError):
            self._refuse_magic(node, "a magic whose body can't be parsed")
            return
        inner = Walker(tree, self._parse)
        inner._line_offset = self._line_offset + node.lineno - 1 + magic.lines_before
        inner.visit(tree)
        self.findings += inner.findings
        self.imports += inner.imports

    def _refuse_magic(self, node: ast.AST, name: str) -> None:
        reason = "shell commands and magics run outside Python's own rules"
        self._add(node, Verdict("high", "magic", name, reason))


def _is_names(target: ast.expr) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return all(_is_names(part) for part in target.elts)
    return isinstance(target, ast.Name)
