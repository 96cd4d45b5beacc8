"""Syntax trees of languages other than Python, and the rules for them.

Source: tree-sitter's documentation, "Using Parsers", and the grammars' ``node-types.json``.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tree_sitter import Language, Node, Parser

from agent.permission.risk.findings import Finding, Tier

RULES = Path(__file__).with_name("language_rules.toml")
SIGNS = frozenset({"&"})
"""Nodes without a name that a rule is about."""
DEEPEST = 400
TARGET_CHARACTERS = 200


class TooDeep(ValueError):
    """The code is nested deeper than a check follows."""


class Tree:
    """A parsed cell.

    Attributes:
        root: Its root node.
        nodes: Its named nodes, and those of `SIGNS`, parents first.
        problem: Where it can't be parsed, in words; else empty.
    """

    def __init__(self, language: Language, code: str) -> None:
        """Parse *code*; raise `TooDeep` if it is nested deeper than `DEEPEST`."""
        self._source = code.encode("utf-8", "surrogatepass")
        self.root = Parser(language).parse(self._source).root_node
        self.nodes = _nodes_below(self.root)
        self.problem = ""
        if self.root.has_error:
            everything = _nodes_below(self.root, named=False)
            broken = [n.start_point[0] for n in everything if n.is_error or n.is_missing]
            line = min(broken, default=0) + 1
            self.problem = f"SyntaxError: line {line}: the risk check can't read this"

    def text(self, node: Node) -> str:
        """Return the source of *node*."""
        return self._source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def finding(
        self, node: Node, tier: Tier, rule: str, reason: str, target: str, capability: str = ""
    ) -> Finding:
        """Return a finding at *node*; a medium one gets a capability of its rule."""
        line, column = node.start_point
        return Finding(
            line=line + 1,
            column=column + 1,
            tier=tier,
            rule=rule,
            reason=reason,
            target=target[:TARGET_CHARACTERS],
            capability=capability or (f"{rule}:{target[:60]}" if tier == "medium" else ""),
        )


def _nodes_below(root: Node, *, named: bool = True) -> list[Node]:
    """Return *root* and the nodes below it, parents first; raise `TooDeep`.

    Args:
        root: The node.
        named: Leave out signs and keywords, half of all nodes, but for `SIGNS`.
    """
    found: list[Node] = []
    level = [root]
    for _ in range(DEEPEST + 1):
        found += [n for n in level if not named or n.is_named or n.type in SIGNS]
        level = [child for node in level if node.child_count for child in node.children]
        if not level:
            return found
    raise TooDeep


@functools.cache
def rules_of(kind: str) -> Mapping[str, Any]:
    """Return the rules of *kind*, ``bash`` or ``script``, with word lists as they are written."""
    with RULES.open("rb") as file:
        return tomllib.load(file)[kind]  # type: ignore[no-any-return]


@functools.cache
def words(kind: str, name: str) -> frozenset[str]:
    """Return one word list of the rules."""
    return frozenset(rules_of(kind)[name].split())


@functools.cache
def reasons(kind: str, name: str) -> Mapping[str, str]:
    """Return word → reason, of a table that has reason → words."""
    table: Mapping[str, str] = rules_of(kind)[name]
    return {word: reason for reason, listed in table.items() for word in listed.split()}
