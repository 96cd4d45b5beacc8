"""Assess a cell of JavaScript or TypeScript: which globals, properties and modules it uses."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import tree_sitter_typescript
from tree_sitter import Language, Node

from agent.permission.risk.findings import Assessment, Finding
from agent.permission.risk.paths import is_url, leaves_workspace
from agent.permission.risk.syntax_tree import Tree, reasons, words

KIND = "script"
NAMES = frozenset({"identifier", "shorthand_property_identifier"})
PROPERTIES = frozenset(
    {"property_identifier", "private_property_identifier", "shorthand_property_identifier_pattern"}
)
FUNCTIONS = frozenset({"arrow_function", "function_expression", "function"})
TIMERS = frozenset({"setTimeout", "setInterval"})
GLOBALS = frozenset({"Deno", "eval", "Function", "globalThis"})
"""Names that are looked for as properties too: of the global object they are the real ones."""
GLOBAL_THIS = "may reach the global object, whose names this check can't follow"
REACHES = "reads a property by a computed name, which this check can't follow"


@functools.cache
def _language() -> Language:
    return Language(tree_sitter_typescript.language_typescript())


def assess_script(code: str) -> Assessment:
    """Return the findings in *code*, or why it can't be parsed."""
    tree = Tree(_language(), code)
    if tree.problem:
        return Assessment(syntax_error=tree.problem)
    counters = frozenset(_counters(tree))
    found = [f for node in tree.nodes for f in _findings(tree, node, counters)]
    if "<!--" in code:
        reason = "begins an HTML comment, which hides what follows from this check"
        found.append(tree.finding(tree.root, "high", "comment", reason, "<!--"))
    ordered = sorted(dict.fromkeys(found), key=lambda f: (f.line, f.column))
    imports = tuple(f.target for f in ordered if f.rule == "module")
    return Assessment(findings=tuple(ordered), imports=imports)


def _findings(tree: Tree, node: Node, counters: frozenset[str]) -> Iterator[Finding]:
    kind = node.type  # each look makes a new text
    if kind in NAMES:
        yield from _name(tree, node)
    elif kind in PROPERTIES:
        yield from _property(tree, node, tree.text(node))
    elif kind == "subscript_expression":
        index = node.child_by_field_name("index")
        if index is not None:
            yield from _index(tree, index, counters)
    elif kind == "computed_property_name":
        yield from (f for child in node.named_children for f in _index(tree, child, counters))
    elif kind in ("import_statement", "export_statement"):
        source = node.child_by_field_name("source")
        if source is not None:
            yield from _module(tree, node, _literal(tree, source))
    elif kind == "import" and node.parent and node.parent.type == "call_expression":
        yield from _module(tree, node.parent, _first_argument(tree, node.parent))
    elif kind == "meta_property" and tree.text(node).startswith("import"):
        yield tree.finding(node, "medium", "module", "asks where it runs", tree.text(node))
    elif kind == "import_require_clause":
        source = node.child_by_field_name("source")
        yield from _module(tree, node, _literal(tree, source) if source is not None else None)
    elif kind == "this" and not _in_class(node):
        yield tree.finding(node, "medium", "name", GLOBAL_THIS, "this")
    elif kind == "with_statement":
        yield tree.finding(node, "high", "name", "hides which names are meant", "with")


def _name(tree: Tree, node: Node) -> Iterator[Finding]:
    name = tree.text(node)
    if "\\" in name:
        yield tree.finding(node, "high", "name", "writes a name in escapes", name)
    elif reason := reasons(KIND, "high_names").get(name, ""):
        yield tree.finding(node, "high", "name", reason, name)
    elif reason := reasons(KIND, "medium_names").get(name, ""):
        rule = "network-library" if "network" in reason else "name"
        yield tree.finding(node, "medium", rule, reason, name, f"library:{name}")
    elif name == "Deno":
        yield from _deno(tree, node)
    elif name in TIMERS:
        yield from _timer(tree, node, name)


def _timer(tree: Tree, node: Node, name: str) -> Iterator[Finding]:
    """Yield what is wrong with a timer, which runs a string as code."""
    call = node.parent
    called = call is not None and call.child_by_field_name("function") == node
    given = call.child_by_field_name("arguments") if called and call is not None else None
    first = given.named_children[0] if given is not None and given.named_children else None
    if first is not None and first.type in FUNCTIONS:
        return
    if first is not None and first.type == "identifier" and _is_resolver(tree, first):
        return
    plain = first is not None and first.type in ("string", "template_string", "binary_expression")
    reason = f"gives {name} what may be a string, which it runs as code"
    yield tree.finding(node, "high" if plain else "medium", "timer", reason, name)


def _is_resolver(tree: Tree, node: Node) -> bool:
    """Whether *node* is a parameter of the function that is given to ``new Promise``."""
    function = node.parent
    while function is not None:
        if function.type in FUNCTIONS and _makes_promise(tree, function):
            parameters = function.child_by_field_name("parameter")
            parameters = parameters or function.child_by_field_name("parameters")
            named = re.findall(r"[\w$]+", tree.text(parameters)) if parameters is not None else []
            return tree.text(node) in named
        function = function.parent
    return False


def _makes_promise(tree: Tree, function: Node) -> bool:
    made = function.parent.parent if function.parent is not None else None
    maker = made.child_by_field_name("constructor") if made is not None else None
    return maker is not None and tree.text(maker) == "Promise"


def _in_class(node: Node) -> bool:
    """Whether *node* is in a class: only there is ``this`` never the global object."""
    above: Node | None = node
    while above is not None and above.type != "class_body":
        above = above.parent
    return above is not None


def _property(tree: Tree, node: Node, name: str) -> Iterator[Finding]:
    if "\\" in name:
        yield tree.finding(node, "high", "property", "writes a name in escapes", name)
    elif (reason := reasons(KIND, "high_properties").get(name, "")) and not _is_method(node):
        yield tree.finding(node, "high", "property", reason, name)
    elif name in GLOBALS:
        yield tree.finding(node, "high", "property", GLOBAL_THIS, name)


def _is_method(node: Node) -> bool:
    """Whether *node* names a method that a class defines, such as its ``constructor``."""
    return node.parent is not None and node.parent.type == "method_definition"


def _index(tree: Tree, index: Node, counters: frozenset[str]) -> Iterator[Finding]:
    if index.type == "string":
        yield from _property(tree, index, _literal(tree, index) or "\\")
    elif index.type != "number" and not _counts(tree, index, counters):
        yield tree.finding(
            index,
            "medium",
            "computed-property",
            REACHES,
            tree.text(index),
            "script:computed-property",
        )


def _counts(tree: Tree, index: Node, counters: frozenset[str]) -> bool:
    """Whether *index* is made of numbers and of the counters of ``for`` loops."""
    if index.type == "identifier":
        return tree.text(index) in counters
    if index.type == "member_expression":
        last = index.child_by_field_name("property")
        return last is not None and tree.text(last) == "length"
    if index.type in ("binary_expression", "parenthesized_expression", "update_expression"):
        return all(_counts(tree, child, counters) for child in index.named_children) and not any(
            tree.text(child) == "+" and not _has_counter(tree, index, counters)
            for child in index.children
        )
    return index.type == "number"


def _has_counter(tree: Tree, index: Node, counters: frozenset[str]) -> bool:
    return any(
        child.type == "number" or tree.text(child) in counters for child in index.named_children
    )


def _counters(tree: Tree) -> Iterator[str]:
    """Yield the names that are declared once, as a loop's counter that starts with a number."""
    declared: dict[str, int] = {}
    counting: set[str] = set()
    for node in tree.nodes:
        if node.type == "variable_declarator":
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            text = tree.text(name) if name is not None else ""
            declared[text] = declared.get(text, 0) + 1
            loop = node.parent.parent if node.parent is not None else None
            if loop is not None and loop.type == "for_statement":
                counting |= {text} if value is not None and value.type == "number" else set()
        elif node.type in ("assignment_expression", "augmented_assignment_expression"):
            left = node.child_by_field_name("left")
            right = node.child_by_field_name("right")
            if left is not None and (right is None or right.type != "number"):
                declared[tree.text(left)] = 2  # it may hold anything now
    yield from (name for name in counting if declared.get(name) == 1)


def _deno(tree: Tree, node: Node) -> Iterator[Finding]:
    member = node.parent
    inside = member is not None and member.type == "member_expression"
    last = member.child_by_field_name("property") if inside and member is not None else None
    if last is None or member is None or member.child_by_field_name("object") != node:
        reason = "hands out Deno as a whole, which this check can't follow"
        yield tree.finding(node, "high", "deno", reason, "Deno")
        return
    name = tree.text(last)
    if reason := reasons(KIND, "high_deno").get(name, ""):
        yield tree.finding(member, "high", "deno", reason, f"Deno.{name}")
    elif name in words(KIND, "files"):
        yield from _file(tree, member, name)
    elif name not in words(KIND, "deno_harmless"):
        target = f"Deno.{name}"
        yield tree.finding(member, "medium", "deno", f"uses {target}", target, f"library:{target}")


def _file(tree: Tree, member: Node, name: str) -> Iterator[Finding]:
    call = member.parent
    path = None
    if call is not None and call.type == "call_expression":
        path = _first_argument(tree, call)
    if path is None:
        reason = "uses a file whose path is computed"
        yield tree.finding(member, "medium", "path", reason, f"Deno.{name}", "script:computed-path")
    elif is_url(path) or leaves_workspace(path):
        reason = "uses a file outside the workspace"
        yield tree.finding(member, "medium", "path", reason, path, f"file:{path[:60]}")


def _module(tree: Tree, node: Node, module: str | None) -> Iterator[Finding]:
    if module is None:
        reason = "loads a module whose name is computed"
        yield tree.finding(node, "high", "module", reason, tree.text(node))
        return
    name = module.removeprefix("node:").partition("/")[0]
    if reason := reasons(KIND, "high_modules").get(name, ""):
        yield tree.finding(node, "high", "module", reason, module)
    else:
        reason = f"uses the module {module!r}"
        yield tree.finding(node, "medium", "module", reason, module, f"library:{module[:60]}")


def _first_argument(tree: Tree, call: Node) -> str | None:
    given = call.child_by_field_name("arguments")
    first = given.named_children[0] if given is not None and given.named_children else None
    return _literal(tree, first) if first is not None else None


def _literal(tree: Tree, node: Node) -> str | None:
    """Return the text of a plain string without escapes; ``None`` for anything else."""
    if node.type == "string" or (node.type == "template_string" and not node.named_children):
        text = tree.text(node)[1:-1]
        return text if "\\" not in text else None
    return None
