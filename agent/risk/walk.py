"""Walk a cell's syntax tree and find what is more than low risk."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable

from agent.risk import rules
from agent.risk.findings import Finding, Tier
from agent.risk.modules import (
    ASKING_MEMBERS,
    EXCEL_READERS,
    FORBIDDEN_ATTRIBUTES,
    FORBIDDEN_CALLS,
    FORBIDDEN_MEMBERS,
    HARMLESS_MEMBERS,
    HELD_BACK,
    HIGH_MODULES,
    LOW_MODULES,
    NAMESAKES,
    NETWORK_MODULES,
    UNMISTAKABLE,
)
from agent.risk.paths import is_url, leaves_workspace
from agent.risk.queries import query_as_python
from agent.risk.syntax import KNOWN_SYNTAX
from agent.risk.values import (
    ANYTHING,
    Bindings,
    Dynamic,
    Reference,
    called_name,
    is_call_of,
    texts_of,
)

_DUNDER = re.compile(r"__[a-z]+(?:_[a-z]+)*__")
# What stands behind a cell magic's name can be code too: timeit's set-up, an expression in {}.
_PLAIN_WORDS = re.compile(r"[\w\s-]*")
_DOTTED_NAMES = re.compile(r"[\w\s.-]*")
_TIMING_OPTIONS = re.compile(r"\s*(?:-[nrtcpqo]\s*\d*\s+)*")
_MANGLED = re.compile(r"_[A-Za-z]\w*?__\w+")
_OUT = "leads out of the user's own objects"
_TARGET_CHARACTERS = 200


class Walker(ast.NodeVisitor):
    """Collects the findings of one cell.

    Attributes:
        findings: What was found so far.
        imports: Top-level names of imported modules.
    """

    def __init__(self, tree: ast.Module, parse: Callable[[str], ast.Module]) -> None:
        """Prepare to walk *tree*; *parse* reads the body of a magic as a cell is read."""
        self.findings: list[Finding] = []
        self.imports: list[str] = []
        self._names = Bindings(tree)
        self._parse = parse
        self._line_offset = 0
        self._called: set[int] = set()
        """Nodes, by id, that are called where they stand."""
        self._expected: set[int] = set()
        """Nodes, by id, that may be a module, or name a namespace, where they stand."""

    def visit(self, node: ast.AST) -> None:
        """Visit *node*; a kind of syntax that is not known never runs."""
        if type(node) not in KNOWN_SYNTAX:
            name = type(node).__name__
            self._high(node, "unknown-syntax", name, "this check does not know such syntax")
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.NamedExpr):
            self._check_value(node)
        super().visit(node)

    def _add(
        self, node: ast.AST, tier: Tier, rule: str, target: str, reason: str, capability: str = ""
    ) -> None:
        line = getattr(node, "lineno", 1) + self._line_offset
        column = getattr(node, "col_offset", 0) + 1
        shown = target if len(target) <= _TARGET_CHARACTERS else target[:199] + "…"
        self.findings.append(
            Finding(
                line=line, column=column, tier=tier, rule=rule,
                reason=reason, target=shown, capability=capability,
            )
        )  # fmt: skip

    def _high(self, node: ast.AST, rule: str, target: str, reason: str) -> None:
        self._add(node, "high", rule, target, reason)

    # imports

    def visit_Import(self, node: ast.Import) -> None:
        """Check each module that is imported."""
        for alias in node.names:
            self.imports.append(alias.name.split(".")[0])
            self._check_import(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Check the module, and what is taken from it."""
        module = node.module or "."
        self.imports.append(module.split(".")[0])
        names = [alias.name for alias in node.names]
        if module != "__future__":
            paths = [f"{module}.{name}" for name in names]
            if all(_harmless_member(path) for path in paths):
                return
        self._check_import(node, module)
        for name in names if module not in ("__future__", "__main__") else ():
            if name != "*":
                self._check_member(node, f"{module}.{name}")

    def _check_import(self, node: ast.AST, name: str) -> None:
        if _harmless_member(name):
            return
        parts = name.split(".")
        top = parts[0]
        if top in LOW_MODULES:
            for length in range(2, len(parts) + 1):
                if not self._check_member(node, ".".join(parts[:length])):
                    return
            return
        for part in parts:
            if (reason := HIGH_MODULES.get(part.strip("_") or part)) is not None:
                self._high(node, "forbidden-module", part, f"{part} {reason}")
                return
        if top in NETWORK_MODULES:
            rule, reason = "network-library", f"{top} talks to the network"
        elif top in EXCEL_READERS:
            rule, reason = "excel-reader", f"{top} is a further Excel reader"
        else:
            rule, reason = "unknown-library", f"{top} is not a library known to be safe"
        self._add(node, "medium", rule, top, reason, f"library:{top}")

    def _check_member(self, node: ast.AST, path: str) -> bool:
        """Check what *path*, which begins at a module, leads to; return whether it is harmless."""
        name = path.rpartition(".")[2]
        plain = name.strip("_")
        if path in NAMESAKES or _harmless_member(path):
            return True
        top = path.split(".")[0]
        if (reason := HELD_BACK.get(path) or FORBIDDEN_MEMBERS.get(path)) is not None:
            self._high(node, "forbidden-call", path, f"{path} {reason}")
        elif (reason := HIGH_MODULES.get(plain)) is not None:
            self._high(node, "forbidden-module", name, f"{name} {reason}")
        elif (reason := HIGH_MODULES.get(top)) is not None:
            self._high(node, "forbidden-module", path, f"{top} {reason}")
        elif (reason := FORBIDDEN_ATTRIBUTES.get(name)) is not None:
            self._high(node, "forbidden-call", name, f"{name} {reason}")
        elif _DUNDER.fullmatch(name):
            if name not in rules.HARMLESS_DUNDERS and not path.startswith("__future__."):
                self._high(node, "escape", name, f"{name} {_OUT}")
        elif name.startswith("_") and not name.startswith("__") and top in LOW_MODULES:
            reason = f"{path} is a private part of a library, which this check can't follow"
            self._high(node, "private-member", path, reason)
        elif (asking := ASKING_MEMBERS.get(path)) is not None:
            self._add(node, "medium", asking[0], path, f"{path} {asking[1]}", f"member:{path}")
        elif plain in NETWORK_MODULES and top in LOW_MODULES:
            reason = f"{path} talks to the network"
            self._add(node, "medium", "network-library", path, reason, f"library:{plain}")
        else:
            return True
        return False

    # names and values

    def visit_Name(self, node: ast.Name) -> None:
        """Check a name that is read."""
        if not isinstance(node.ctx, ast.Load):
            return
        name = node.id
        if name in rules.HIGH_NAMES:
            self._high(node, "forbidden-name", name, f"{name} {rules.HIGH_NAMES[name]}")
        elif name in self._names.bound:
            return
        elif name in rules.MEDIUM_NAMES:
            reason = f"{name} {rules.MEDIUM_NAMES[name]}"
            self._add(node, "medium", "dynamic-access", name, reason, f"name:{name}")
        elif name in rules.NAMESPACES | rules.BY_STRING and id(node) not in self._expected:
            reason = f"{name} reaches names by string, which this check can't follow"
            self._add(node, "medium", "dynamic-access", name, reason, f"name:{name}")
        elif name in UNMISTAKABLE or (self._names.starred and name.strip("_") in HIGH_MODULES):
            self._high(node, "forbidden-module", name, f"{name} {HIGH_MODULES[name.strip('_')]}")

    def _check_value(self, node: ast.expr) -> None:
        """Refuse a module to go where it can't be followed."""
        if id(node) in self._expected or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            return
        for value in self._names.evaluate(node):
            if isinstance(value, Reference) and value.path in self._names.modules:
                reason = f"the module {value.path} is handed on, where this check can't follow it"
                self._add(node, "medium", "dynamic-access", value.path, reason, "name:module")

    def _check_found(self, node: ast.expr) -> None:
        """Refuse a value found by name where it is called, or handed to what may call it."""
        if Dynamic() in self._names.evaluate(node):
            reason = "a value found by name is used in a way that this check can't follow"
            self._add(node, "medium", "dynamic-access", ast.unparse(node), reason, "name:getattr")

    def _expect(self, *nodes: ast.expr | None) -> None:
        """Let each of *nodes* be a module."""
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
        """Check an attribute by what it is one of, and by its name."""
        name, base = node.attr, self._names.evaluate(node.value)
        paths = [value.path for value in base if isinstance(value, Reference)]
        self._expect(node.value)
        if name not in rules.DATA_ATTRIBUTES | rules.SAFE_SINKS:
            self._check_found(node.value)
        if is_call_of(node.value, rules.NAMESPACES) and name in ("get", "keys"):
            self._expect_namespace(node.value)
        if paths:
            for path in paths:
                if isinstance(node.ctx, ast.Load):
                    self._check_member(node, f"{path}.{name}")
                else:
                    self._check_change(node, f"{path}.{name}")
        else:
            self._check_attribute(node, name)
        self.generic_visit(node)

    def _check_attribute(self, node: ast.expr, name: str) -> None:
        """Check an attribute of something that is not known."""
        if _DUNDER.fullmatch(name):
            if name == "__dict__":
                reason = f"{name} reaches attributes by string, which this check can't follow"
                self._add(node, "medium", "dynamic-access", name, reason, f"name:{name}")
            elif name not in rules.HARMLESS_DUNDERS:
                self._high(node, "escape", name, f"{name} {_OUT}")
        elif name in rules.ESCAPE_ATTRIBUTES or _MANGLED.fullmatch(name):
            self._high(node, "escape", name, f"{name} {_OUT}")
        elif name in rules.QUERY_CALLS and id(node) not in self._called:
            reason = f"{name} on a table evaluates a string, which this check can't follow"
            self._add(node, "medium", "dynamic-access", name, reason, f"name:DataFrame.{name}")
        elif name in FORBIDDEN_ATTRIBUTES:
            self._high(node, "forbidden-call", name, f"{name} {FORBIDDEN_ATTRIBUTES[name]}")
        elif name in UNMISTAKABLE:
            reason = f"{name} {HIGH_MODULES[name.strip('_')]}, if it is the module of that name"
            self._add(node, "medium", "dynamic-access", name, reason, f"name:{name}")

    def _check_change(self, node: ast.AST, path: str) -> None:
        if not path.startswith(("pandas.options.", "warnings.")):
            reason = f"{path} is changed for everything that uses it"
            self._add(node, "medium", "changed-library", path, reason, f"name:{path}")

    def visit_Constant(self, node: ast.Constant) -> None:
        """Check a text for names that only hidden code needs."""
        self._check_text(node, node.value)

    def _check_text(self, node: ast.AST, text: object) -> None:
        if not isinstance(text, str):
            return
        for name in _DUNDER.findall(text):
            if name in rules.ESCAPE_DUNDERS:
                self._high(node, "escape", name, f"{name} {_OUT}")
        if text == "allow_pickle":
            self._pickle(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Check the text that two texts make."""
        for text in texts_of(self._names.evaluate(node)):
            self._check_text(node, text)
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """As `visit_BinOp`."""
        for text in texts_of(self._names.evaluate(node)):
            self._check_text(node, text)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """Comparing leads nowhere; nor does asking whether a name is there."""
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
        """A name may stand for a module; an attribute or an item may not."""
        if all(_is_names(target) for target in node.targets):
            self._expect(node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """As an assignment; what stands in an annotation as text is code."""
        if _is_names(node.target):
            self._expect(node.value)
        self._check_annotation(node.annotation)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """As an assignment."""
        self._expect(node.value)
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        """A value that is only shown leads nowhere."""
        self._expect(node.value)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        """What goes through a list that is written out is followed."""
        self._expect_listed(node.iter)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        """As `visit_For`."""
        self._expect_listed(node.iter)
        self.generic_visit(node)

    def _expect_listed(self, node: ast.expr) -> None:
        if isinstance(node, ast.List | ast.Tuple):
            self._expect(node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> None:
        """As `visit_Expr`."""
        self._expect(node.value)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """An item of a namespace, found by a name that is written out, is that name."""
        if is_call_of(node.value, rules.NAMESPACES):
            self._expect_namespace(node.value)
            self._check_named_item(node)
        self.generic_visit(node)

    def _check_named_item(self, node: ast.Subscript) -> None:
        for text in texts_of(self._names.evaluate(node.slice)):
            if text in rules.HIGH_NAMES or _DUNDER.fullmatch(text) or text in UNMISTAKABLE:
                self._high(node, "escape", text, f"{text} {_OUT}")

    def visit_arg(self, node: ast.arg) -> None:
        """What stands in an annotation as text is code."""
        self._check_annotation(node.annotation)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """As `visit_arg`, for what is returned."""
        self._check_annotation(node.returns)
        self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """As `visit_arg`, for what is returned."""
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
        """Visit code that stands in a text; what is found is said of *place*."""
        for inner in ast.walk(tree):
            if hasattr(inner, "lineno"):
                ast.copy_location(inner, place)
        self._expect(tree if isinstance(tree, ast.expr) else None)
        self.visit(tree)

    def visit_MatchClass(self, node: ast.MatchClass) -> None:
        """A class pattern reads attributes."""
        for name in node.kwd_attrs:
            stand_in = ast.copy_location(ast.Constant(value=None), node)
            self._check_attribute(stand_in, name)
            if name.strip("_") in HIGH_MODULES:
                self._high(node, "forbidden-module", name, f"{name} {_OUT}")
        self.generic_visit(node)

    # calls

    def visit_Call(self, node: ast.Call) -> None:
        """Check what is called, and with what."""
        if _is_ipython(node.func):
            self._check_magic(node)
            return
        name = self._names.name_called(node.func)
        self._called.add(id(node.func))
        self._expect_arguments(node, name)
        if name in rules.BY_STRING:
            self._check_by_string(node, name)
        elif name in ("attrgetter", "methodcaller"):
            self._check_getter(node, name)
        elif name in rules.READ_DATABASES:
            reason = f"{name} opens a database connection"
            self._add(node, "medium", "database", name, reason, f"call:{name}")
        elif name in FORBIDDEN_CALLS and isinstance(node.func, ast.Attribute):
            self._high(node, "forbidden-call", name, f"{name} starts other programs")
        self._check_pickle(node, name)
        if name in rules.QUERY_CALLS:
            self._check_query(node, name)
        self._check_paths(node, name)
        self.generic_visit(node)

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
                self._check_member(node, f"{path}.{text}")
            if not paths:
                self._check_attribute(node, text)
        if len(known) < max(len(names), 1) and (paths or name == "setattr"):
            reason = f"{name} reaches attributes by string, which this check can't follow"
            self._add(node, "medium", "dynamic-access", name, reason, f"name:{name}")

    def _check_getter(self, node: ast.Call, name: str) -> None:
        for argument in node.args:
            texts = texts_of(self._names.evaluate(argument))
            for part in (part for text in texts for part in text.split(".")):
                self._check_attribute(node, part)
                if part.strip("_") in HIGH_MODULES or part in FORBIDDEN_CALLS:
                    self._high(node, "escape", part, f"{part} {_OUT}")
            if not texts and name == "attrgetter":
                reason = f"{name} reaches attributes by string, which this check can't follow"
                self._add(node, "medium", "dynamic-access", name, reason, f"name:{name}")

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
        self._high(node, "forbidden-call", "allow_pickle", reason)

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
                self._add(node, "medium", "dynamic-access", text, reason, f"name:{name}")
            else:
                self._visit_elsewhere(tree, node)
        if not texts:
            reason = f"{name} on a table evaluates a string, which this check can't follow"
            self._add(node, "medium", "dynamic-access", name, reason, f"name:DataFrame.{name}")

    # paths

    def _check_paths(self, node: ast.Call, name: str) -> None:
        for value in self._path_arguments(node, name):
            for text in texts_of(self._names.evaluate(value)):
                if is_url(text):
                    reason = f"{name} would read from or write to the network"
                    self._add(node, "medium", "url", text, reason, "network:url")
                elif leaves_workspace(text):
                    reason = "the file is outside /workspace and /tmp"
                    self._add(node, "medium", "path", text, reason, f"path:{text}")

    def _path_arguments(self, node: ast.Call, name: str) -> Iterable[ast.expr]:
        base = node.func.value if isinstance(node.func, ast.Attribute) else None
        if name in rules.PATH_CLASSES or name == "joinpath":
            return [node]  # what it makes, whole
        named = [k.value for k in node.keywords if k.arg in rules.PATH_KEYWORDS]
        on_path = base is not None and any(
            getattr(value, "is_path", False) for value in self._names.evaluate(base)
        )
        if name in rules.TWO_PATH_CALLS:
            of_shutil = base is None or any(
                isinstance(value, Reference) for value in self._names.evaluate(base)
            )
            return [*node.args[:2], *named] if on_path or of_shutil else []
        reads = name.startswith(rules.READ_PREFIXES) and name not in rules.NO_PATHS
        if name in rules.FILE_CALLS or reads:
            receiver = [base] if on_path and base is not None else []
            return [*receiver, *node.args[:1], *named]
        return []

    # magics, after IPython's own transformation

    def _check_magic(self, node: ast.Call) -> None:
        method = node.func.attr if isinstance(node.func, ast.Attribute) else "?"
        if not all(_is_text(argument) for argument in node.args) or node.keywords:
            self._magic(node, "a magic whose words only the run will know")
            return
        words = [str(a.value) for a in node.args if isinstance(a, ast.Constant)]
        if method == "run_line_magic" and words[:1] == ["matplotlib"]:
            if words[1:2] != ["inline"]:
                self._magic(node, "%matplotlib")
        elif (
            method == "run_line_magic"
            and words
            and words[0] in rules.LISTING_LINE_MAGICS
            and _DOTTED_NAMES.fullmatch(" ".join(words[1:]))
        ):
            return
        elif (
            method == "run_line_magic"
            and words[:1] == ["config"]
            and words[1].startswith(rules.DRAWING_OPTIONS)
        ):
            self._check_body(node, words[1], offset=node.lineno - 1)
        elif method == "run_line_magic" and words and words[0] in rules.HARMLESS_LINE_MAGICS:
            body = " ".join(words[1:])
            body = body[_TIMING_OPTIONS.match(body).end() :]  # type: ignore[union-attr]
            self._check_body(node, body, offset=node.lineno - 1)
        elif (
            method == "run_cell_magic"
            and len(words) == 3
            and words[0] in rules.HARMLESS_CELL_MAGICS
            and _PLAIN_WORDS.fullmatch(words[1])
        ):
            self._check_body(node, words[2], offset=node.lineno)
        else:
            shown = {"system": "!", "getoutput": "!!"}.get(method)
            self._magic(node, shown or f"%{words[0] if words else method}")

    def _magic(self, node: ast.AST, name: str) -> None:
        reason = "shell commands and magics run outside Python's own rules"
        self._high(node, "magic", name, reason)

    def _check_body(self, node: ast.AST, body: str, *, offset: int) -> None:
        try:
            tree = self._parse(body)
        except (SyntaxError, ValueError):
            self._magic(node, "a magic whose body can't be parsed")
            return
        inner = Walker(tree, self._parse)
        inner._line_offset = self._line_offset + offset
        inner.visit(tree)
        self.findings += inner.findings
        self.imports += inner.imports


def _harmless_member(path: str) -> bool:
    return any(path == known or path.startswith(f"{known}.") for known in HARMLESS_MEMBERS) and (
        not any(part.startswith("_") for part in path.split("."))
    )


def _is_names(target: ast.expr) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return all(_is_names(part) for part in target.elts)
    return isinstance(target, ast.Name)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_ipython(func: ast.AST) -> bool:
    return (
        isinstance(func, ast.Attribute)
        and isinstance(func.value, ast.Call)
        and called_name(func.value.func) == "get_ipython"
    )
