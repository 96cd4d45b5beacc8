"""Assess a cell of Bash: what each command is, what it is given, and where output goes."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import tree_sitter_bash
from tree_sitter import Language, Node

from agent.permission.risk.findings import Assessment, Finding
from agent.permission.risk.paths import is_url, leaves_workspace
from agent.permission.risk.syntax_tree import Tree, reasons, rules_of, words

KIND = "bash"
PLAIN = frozenset({"word", "number", "raw_string", "string", "concatenation", "string_content"})
GROUPS = frozenset({"program", "list", "do_group", "compound_statement", "subshell"})
EXPANDED = frozenset(
    {"simple_expansion", "expansion", "command_substitution", "process_substitution"}
)
TEXT_ONLY = frozenset({"echo", "printf", "expr", "test", "[", "let", "seq"})
"""Commands whose arguments are text, not files."""
NEVER_EVALUATE = frozenset({"echo", "grep", "egrep", "fgrep", "sed", "awk", "jq", "tr", "cut"})
"""Commands that take no argument for an arithmetic expression or the name of a variable."""
_HIDDEN = re.compile(r"\[[^\]]*\\?(?:\$\(|`)")
"""A command in the index of an array, in quotes: it runs when the text is evaluated later."""
_ESCAPED = re.compile(r"\\[^nrt\\'\"]")
_OPTION_WITH_PATH = re.compile(r"-[A-Za-z]([/~.]\S*\w.*)", re.DOTALL)
PATTERN_FIRST = frozenset({"grep", "egrep", "fgrep", "tr", "jq", "cut"})
"""Commands whose first arguments are patterns, which may begin like a path."""


@functools.cache
def _language() -> Language:
    return Language(tree_sitter_bash.language())


def assess_bash(code: str) -> Assessment:
    """Return the findings in *code*, or why it can't be parsed."""
    tree = Tree(_language(), code)
    if tree.problem:
        return Assessment(syntax_error=tree.problem)
    own = _own_functions(tree)
    found = [*_patterns(code), *(f for node in tree.nodes for f in _findings(tree, node, own))]
    ordered = sorted(dict.fromkeys(found), key=lambda f: (f.line, f.column))
    return Assessment(findings=tuple(ordered))


def _patterns(code: str) -> Iterator[Finding]:
    for reason, pattern in rules_of(KIND)["patterns"].items():
        for match in re.finditer(pattern, code):
            before = code[: match.start()]
            yield Finding(
                line=before.count("\n") + 1,
                column=len(before) - before.rfind("\n"),
                tier="high",
                rule="shell-pattern",
                reason=reason,
                target=match[0].strip()[:60],
            )


def _findings(tree: Tree, node: Node, own: frozenset[str]) -> Iterator[Finding]:
    kind = node.type  # each look makes a new text
    if kind == "command":
        yield from _command(tree, node, own)
    elif kind in ("declaration_command", "unset_command"):
        yield from _declaration(tree, node)
    elif kind == "file_redirect":
        yield from _redirect(tree, node)
    elif kind == "variable_assignment":
        if (value := node.child_by_field_name("value")) is not None:
            yield from _held(tree, value)
    elif kind == "herestring_redirect":
        for text in node.named_children:
            yield from _held(tree, text)
    elif kind in ("raw_string", "string", "ansi_c_string"):
        yield from _hidden(tree, node)
    elif kind == "function_definition":
        yield from _function(tree, node)
    elif kind == "&" and not node.is_named and node.parent and node.parent.type in GROUPS:
        reason = "leaves a program running after its cell"
        yield tree.finding(node, "high", "background", reason, "&")
    elif kind == "expansion" and "@P" in tree.text(node):
        yield tree.finding(node, "high", "expansion", "runs a string as code", tree.text(node))
    elif node.is_named and kind not in words(KIND, "nodes"):
        reason = f"uses {kind.replace('_', ' ')}, which this check does not follow"
        yield tree.finding(node, "medium", "shell-syntax", reason, kind)


def _declaration(tree: Tree, node: Node) -> Iterator[Finding]:
    """Yield what is wrong with a declaration; its other parts are looked at by themselves."""
    for option in node.named_children:
        text = tree.text(option)
        if option.type == "word" and text[:1] == "-" and "n" in text:
            reason = "gives a variable another name, which this check can't follow"
            yield tree.finding(option, "high", "shell-declaration", reason, text)


def _held(tree: Tree, node: Node) -> Iterator[Finding]:
    """Yield what is wrong with a text that a variable takes: later it may be a path."""
    if node.type == "array":
        for child in node.named_children:
            yield from _held(tree, child)
    elif not any(part.type in EXPANDED for part in _below(node)):
        yield from _path(tree, node, _unquoted(tree.text(node)))


def _hidden(tree: Tree, node: Node) -> Iterator[Finding]:
    if not _HIDDEN.search(tree.text(node)):
        return
    command = node.parent
    while command is not None and command.type != "command":
        command = command.parent
    name = command.child_by_field_name("name") if command is not None else None
    if name is None or tree.text(name) not in NEVER_EVALUATE:
        reason = "hides a command in the index of an array"
        yield tree.finding(node, "high", "shell-index", reason, tree.text(node))


def _function(tree: Tree, node: Node) -> Iterator[Finding]:
    name = node.child_by_field_name("name")
    called = tree.text(name) if name is not None else ""
    known = {*words(KIND, "harmless"), *words(KIND, "declaring")}
    if called in known:  # later calls of the command would run the function
        reason = f"gives the command {called!r} another meaning"
        yield tree.finding(node, "high", "shell-function", reason, called)
    body = node.child_by_field_name("body")
    inside = tree.text(body) if body is not None else ""
    if called and re.search(rf"(?<![\w-]){re.escape(called)}(?![\w-])", inside):
        reason = "calls itself, and may never stop making processes"
        yield tree.finding(node, "high", "shell-function", reason, called)


def _own_functions(tree: Tree) -> frozenset[str]:
    named = (n.child_by_field_name("name") for n in tree.nodes if n.type == "function_definition")
    return frozenset(tree.text(name) for name in named if name is not None)


def _command(tree: Tree, node: Node, own: frozenset[str]) -> Iterator[Finding]:
    head = node.child_by_field_name("name")
    if head is None:
        return
    written = tree.text(head)
    if any(part.type in EXPANDED for part in _below(head)) or not _is_plain(written):
        reason = "runs a command whose name is computed, which this check can't follow"
        yield tree.finding(node, "high", "shell-command", reason, written)
        return
    name = written.rpartition("/")[2]
    if reason := reasons(KIND, "high").get(name, ""):
        yield tree.finding(node, "high", "shell-command", reason, name)
    elif reason := reasons(KIND, "medium").get(name, ""):
        rule = "network-library" if "network" in reason else "shell-command"
        yield tree.finding(node, "medium", rule, reason, name, f"command:{name}")
    elif "/" in written:
        reason = "runs a program by its path, which this check can't read"
        yield tree.finding(node, "high", "shell-command", reason, written)
    elif name in own:
        pass  # its body is looked at by itself
    elif name not in words(KIND, "harmless"):
        reason = f"runs the command {name!r}"
        yield tree.finding(node, "medium", "shell-command", reason, name, f"command:{name}")
    yield from _arguments(tree, node, name)


def _is_plain(written: str) -> bool:
    return re.fullmatch(r"[\w./+:\[-]+", written) is not None


def _below(node: Node) -> list[Node]:
    """Return *node* and the nodes below it; most arguments have none."""
    found, waiting = [node], list(node.children)
    while waiting:
        child = waiting.pop()
        found.append(child)
        waiting += child.children
    return found


def _arguments(tree: Tree, node: Node, name: str) -> Iterator[Finding]:
    arguments = node.children_by_field_name("argument")
    unsafe = rules_of(KIND)["unsafe_options"].get(name, ())
    for number, argument in enumerate(arguments):
        text = _unquoted(tree.text(argument))
        if any(_is_option(text, option) for option in unsafe):
            reason = f"gives {name} an option that runs a program or writes elsewhere"
            yield tree.finding(argument, "medium", "shell-option", reason, text)
        if name == "printf" and text == "-v":  # the rest becomes a variable's value
            for each in arguments[number + 1 :]:
                yield from _held(tree, each)
        if name in TEXT_ONLY or (name in PATTERN_FIRST and not number):
            continue
        yield from _path(tree, argument, _path_in(text))


def _is_option(text: str, option: str) -> bool:
    """Whether *text* is *option*, perhaps with a value; long ones may be cut short."""
    given = text.partition("=")[0]
    if option.startswith("--"):
        return len(given) > 3 and option.startswith(given)
    return given == option


def _path_in(text: str) -> str:
    """Return the part of an argument that may be a path: of an option, its value."""
    if text[:2] == "--":
        return text.partition("=")[2]
    if text[:1] == "-":
        joined = _OPTION_WITH_PATH.fullmatch(text)
        return joined[1] if joined else text.partition("=")[2]
    return text


def _redirect(tree: Tree, node: Node) -> Iterator[Finding]:
    for target in node.children_by_field_name("destination"):
        if target.type != "number":
            yield from _path(tree, target, _unquoted(tree.text(target)))


def _path(tree: Tree, node: Node, text: str) -> Iterator[Finding]:
    """Yield what is wrong with *text* as a path: outside of the workspace, or not known."""
    if is_url(text):
        reason = "names an address on the network"
        yield tree.finding(node, "medium", "url", reason, text)
    elif any(
        part.type == "ansi_c_string" and _ESCAPED.search(tree.text(part)) for part in _below(node)
    ):
        reason = "writes a path in escapes, which this check doesn't read"
        yield tree.finding(node, "medium", "path", reason, text)
    elif any(part.type in EXPANDED for part in _below(node)):
        if text[:1] in "/~" or ".." in text or re.match(r"\$\{?(?:HOME|OLDPWD|ROOT)\b", text):
            reason = "uses a path that is computed and may be outside the workspace"
            yield tree.finding(node, "medium", "path", reason, text)
    elif text and leaves_workspace(text):
        reason = "uses a file outside the workspace"
        yield tree.finding(node, "medium", "path", reason, text, f"file:{text[:60]}")


def _unquoted(text: str) -> str:
    return text.replace('"', "").replace("'", "").replace("\\", "")
