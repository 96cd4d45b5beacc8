"""Assess a cell's code before it runs. The first barrier, never the only one.

The code is first turned from IPython into Python (magics and ``!`` become calls),
then walked as a syntax tree. What can't be parsed never runs.
"""

from __future__ import annotations

import ast
import posixpath
import re
import warnings

from IPython.core.inputtransformer2 import TransformerManager

from agent.risk import rules
from agent.risk.findings import Assessment, Finding, Tier
from container.inside.cell_text import is_python

# What a parser warns of: an unknown escape in a string, a word right behind a number.
_MAY_WARN = re.compile(r"\\|\d\.?[A-Za-z_]")
_DUNDER = re.compile(r"__[a-z]+(?:_[a-z]+)*__")
# What stands behind a cell magic's name can be code too: timeit's set-up, an expression in {}.
_PLAIN_WORDS = re.compile(r"[\w\s-]*")
_QUERY_ESCAPE = re.compile(r"@\s*\w+\s*[.(\[]")


def assess(code: str) -> Assessment:
    """Return every finding in *code*, its imports, or why it can't be parsed."""
    try:
        tree = _parse(code)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        return Assessment(syntax_error=f"SyntaxError: {where}{error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        return Assessment(syntax_error=f"SyntaxError: {error or type(error).__name__}")
    walker = _Walker()
    try:
        walker.visit(tree)
    except RecursionError:
        return Assessment(syntax_error="SyntaxError: the code is nested too deeply")
    found = sorted(dict.fromkeys(walker.findings), key=lambda f: (f.line, f.column))
    return Assessment(findings=tuple(found), imports=tuple(dict.fromkeys(walker.imports)))


def _parse(code: str) -> ast.Module:
    if is_python(code) and _MAY_WARN.search(code) is None:
        return ast.parse(code)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the user's code, of no use in a log
        source: str = TransformerManager().transform_cell(code)
        return ast.parse(source)


class _Walker(ast.NodeVisitor):
    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.imports: list[str] = []
        self._modules: set[str] = set()
        self._strings: dict[str, str] = {}
        self._line_offset = 0

    def _add(
        self, node: ast.AST, tier: Tier, rule: str, target: str, reason: str, capability: str = ""
    ) -> None:
        line = getattr(node, "lineno", 1) + self._line_offset
        column = getattr(node, "col_offset", 0) + 1
        target = target if len(target) <= 200 else target[:199] + "…"
        self.findings.append(
            Finding(
                line=line, column=column, tier=tier, rule=rule,
                reason=reason, target=target, capability=capability,
            )
        )  # fmt: skip

    # imports

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._check_module(node, alias.name)
            self._modules.add((alias.asname or alias.name).split(".")[0])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or "."
        self._check_module(node, module)
        for alias in node.names:
            top = alias.name.split(".")[0]
            if top in rules.HIGH_MODULES:
                self._high_module(node, top)
            elif alias.name in rules.PICKLE_CALLS:
                self._pickle(node, alias.name)
            elif _DUNDER.fullmatch(alias.name) and module != "__future__":
                self._dunder(node, alias.name)

    def _check_module(self, node: ast.AST, name: str) -> None:
        parts = name.split(".")
        self.imports.append(parts[0])
        for part in parts:
            if part in rules.HIGH_MODULES:
                self._high_module(node, part)
                return
        top = parts[0]
        if top in rules.LOW_MODULES:
            return
        if top in rules.NETWORK_MODULES:
            rule, reason = "network-library", f"{top} talks to the network"
        elif top in rules.EXCEL_READERS:
            rule, reason = "excel-reader", f"{top} is a further Excel reader"
        else:
            rule, reason = "unknown-library", f"{top} is not a library known to be safe"
        self._add(node, "medium", rule, top, reason, f"library:{top}")

    def _high_module(self, node: ast.AST, name: str) -> None:
        self._add(node, "high", "forbidden-module", name, f"{name} {rules.HIGH_MODULES[name]}")

    # names and attributes

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in rules.HIGH_NAMES and isinstance(node.ctx, ast.Load):
            reason = f"{node.id} {rules.HIGH_NAMES[node.id]}"
            self._add(node, "high", "forbidden-name", node.id, reason)
        elif node.id in rules.MEDIUM_NAMES and isinstance(node.ctx, ast.Load):
            reason = f"{node.id} {rules.MEDIUM_NAMES[node.id]}"
            self._add(node, "medium", "dynamic-access", node.id, reason, f"name:{node.id}")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = node.attr
        if _DUNDER.fullmatch(name) and name not in rules.HARMLESS_DUNDERS:
            self._dunder(node, name)
        elif name in rules.ESCAPE_ATTRIBUTES:
            self._add(node, "high", "escape", name, f"{name} leads out of the user's own objects")
        elif name in rules.PICKLE_CALLS:
            self._pickle(node, name)
        elif name in rules.HIGH_MODULES and self._starts_at_module(node):
            self._high_module(node, name)
        self.generic_visit(node)

    def _dunder(self, node: ast.AST, name: str) -> None:
        self._add(node, "high", "escape", name, f"{name} leads out of the user's own objects")

    def _pickle(self, node: ast.AST, name: str) -> None:
        reason = f"{name} runs code hidden in data; use csv or xlsx"
        self._add(node, "high", "forbidden-call", name, reason)

    def _starts_at_module(self, node: ast.Attribute) -> bool:
        value: ast.AST = node.value
        while isinstance(value, ast.Attribute):
            value = value.value
        return isinstance(value, ast.Name) and value.id in self._modules

    # values and calls

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            for name in _DUNDER.findall(node.value):
                if name not in rules.HARMLESS_DUNDERS and name != "__main__":
                    self._dunder(node, name)

    def visit_Assign(self, node: ast.Assign) -> None:
        text = _leading_text(node.value, self._strings)
        for target in node.targets:
            if isinstance(target, ast.Name) and text is not None:
                self._strings[target.id] = text
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = _called_name(node.func)
        if _is_ipython(node.func):
            self._check_magic(node)
            return
        if name in ("getattr", "hasattr") and len(node.args) >= 2:
            self._check_getattr(node)
        if name in rules.READ_DATABASES:
            reason = f"{name} opens a database connection"
            self._add(node, "medium", "database", name, reason, f"call:{name}")
        if name == "load" and any(k.arg == "allow_pickle" for k in node.keywords):
            self._pickle(node, "allow_pickle")
        if name in ("query", "eval") and isinstance(node.func, ast.Attribute):
            self._check_query(node, name)
        if name in rules.FILE_CALLS or name.startswith(rules.READ_PREFIXES):
            self._check_targets(node, name)
        self.generic_visit(node)

    def _check_getattr(self, node: ast.Call) -> None:
        if not isinstance(node.args[1], ast.Constant):
            reason = "getattr reaches attributes by string, which this check can't follow"
            self._add(node, "medium", "dynamic-access", "getattr", reason, "name:getattr")
        elif str(node.args[1].value) in rules.ESCAPE_ATTRIBUTES | set(rules.HIGH_MODULES):
            target = str(node.args[1].value)
            reason = f"{target} leads out of the user's own objects"
            self._add(node, "high", "escape", target, reason)

    def _check_query(self, node: ast.Call, name: str) -> None:
        text = _leading_text(node.args[0], self._strings) if node.args else None
        if text is not None and _QUERY_ESCAPE.search(text):
            reason = f"the {name} string reaches into a variable's attributes or calls it"
            self._add(node, "high", "escape", text, reason)
        elif name == "eval":
            reason = "eval on a table evaluates a string, which this check can't follow"
            self._add(node, "medium", "dynamic-access", "eval", reason, "name:DataFrame.eval")

    def _check_targets(self, node: ast.Call, name: str) -> None:
        for value in [*node.args, *(keyword.value for keyword in node.keywords)]:
            text = _leading_text(value, self._strings)
            if text is None:
                continue
            if text.lower().startswith(rules.URL_PREFIXES):
                reason = f"{name} would read from or write to the network"
                self._add(node, "medium", "url", text, reason, "network:url")
            elif _leaves_workspace(text):
                reason = "the file is outside /workspace and /tmp"
                self._add(node, "medium", "path", text, reason, f"path:{text}")

    # magics, after IPython's own transformation

    def _check_magic(self, node: ast.Call) -> None:
        method = node.func.attr if isinstance(node.func, ast.Attribute) else "?"
        texts = [a.value for a in node.args if isinstance(a, ast.Constant)]
        words = [str(text) for text in texts]
        if method == "run_line_magic" and words[:1] == ["matplotlib"]:
            if words[1:2] != ["inline"]:
                self._magic(node, "%matplotlib")
        elif method == "run_line_magic" and words and words[0] in rules.HARMLESS_LINE_MAGICS:
            self._check_body(node, " ".join(words[1:]), offset=node.lineno - 1)
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
        self._add(node, "high", "magic", name, reason)

    def _check_body(self, node: ast.AST, body: str, *, offset: int) -> None:
        try:
            tree = _parse(body)
        except (SyntaxError, ValueError):
            self._magic(node, "a magic whose body can't be parsed")
            return
        before, self._line_offset = self._line_offset, self._line_offset + offset
        self.visit(tree)
        self._line_offset = before


def _called_name(func: ast.AST) -> str:
    if isinstance(func, ast.Name):
        return func.id
    return func.attr if isinstance(func, ast.Attribute) else ""


def _is_ipython(func: ast.AST) -> bool:
    return (
        isinstance(func, ast.Attribute)
        and isinstance(func.value, ast.Call)
        and _called_name(func.value.func) == "get_ipython"
    )


def _leading_text(node: ast.AST, strings: dict[str, str]) -> str | None:
    """Return the text *node* starts with, as far as it is written in the code."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return strings.get(node.id)
    if isinstance(node, ast.JoinedStr) and node.values:
        first = node.values[0]
        inner = first.value if isinstance(first, ast.FormattedValue) else first
        return _leading_text(inner, strings)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = (_leading_text(side, strings) for side in (node.left, node.right))
        return None if left is None else left + (right or "")
    return None


def _leaves_workspace(text: str) -> bool:
    if text.startswith("~") or re.match(r"[A-Za-z]:[\\/]", text):
        return True
    path = posixpath.normpath(posixpath.join("/workspace", text))
    looks_like_path = text.startswith(("/", ".."))
    inside = any(path == root or path.startswith(root + "/") for root in rules.ALLOWED_ROOTS)
    return (looks_like_path or "/../" in text) and not inside
