"""Text on its way out: what a policy forbids is taken out, across the borders of chunks too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.egress.lookalikes import Plain
from agent.egress.policy import Action
from agent.egress.rules import Kind
from agent.egress.scan import Found, scan

NAMES: Mapping[Kind, str] = {
    "secret": "secret", "card": "payment card", "iban": "bank account",
    "national-id": "identity number", "email": "e-mail address", "phone": "telephone number",
}  # fmt: skip
HELD = 64 * 1024
"""Most bytes held back for the rest of a table or a key; longer ones are judged in parts."""
LONGEST = 4 * 1024
"""A line longer than that is cut: what is searched for is shorter, but for keys."""


@dataclass(slots=True)
class Guarded:
    """What became of a text.

    Attributes:
        text: What goes out.
        counts: How often each (kind, rule, action) was found; never a value.
    """

    text: str
    counts: Counter[tuple[Kind, str, Action]] = field(default_factory=Counter)

    def facts(self) -> list[dict[str, Any]]:
        """Return the findings as an event has them."""
        return [
            {"kind": kind, "rule": rule, "action": action, "count": count}
            for (kind, rule, action), count in sorted(self.counts.items())
        ]


def guarded(text: str, actions: Mapping[str, Action]) -> Guarded:
    """Return *text* as it may go out.

    Args:
        text: The text.
        actions: Kind → action. ``redact`` puts a mark with a number in place of each value, the
            same for the same value; ``block`` withholds all of the text; ``warn`` counts.
    """
    if all(action == "allow" for action in actions.values()):
        return Guarded(text)
    plain = Plain(text)
    data = plain.text.encode("utf-8", "surrogatepass")
    counts: Counter[tuple[Kind, str, Action]] = Counter()
    for each in (found := scan(data)):
        if (action := actions.get(each.kind, "redact")) != "allow":
            counts[each.kind, each.rule, action] += 1
    blocked = sorted({NAMES[kind] for kind, _, action in counts if action == "block"})
    if blocked:
        return Guarded(f"[withheld: it holds a {', a '.join(blocked)}]", counts)
    taken_out = [each for each in found if actions.get(each.kind, "redact") == "redact"]
    if not taken_out:
        return Guarded(text, counts)
    return Guarded(_without(text, plain, data, taken_out), counts)


def _without(text: str, plain: Plain, data: bytes, found: list[Found]) -> str:
    """Return *text* without what was *found* in *data*, which is *plain* as UTF-8."""
    numbers: dict[Kind, dict[bytes, int]] = {}
    parts, at = [], 0
    byte = sign = 0
    for each in found:
        value = data[each.start : each.end]
        of_kind = numbers.setdefault(each.kind, {})
        number = of_kind.setdefault(value, len(of_kind) + 1)
        start = sign + len(data[byte : each.start].decode("utf-8", "surrogatepass"))
        byte, sign = each.end, start + len(value.decode("utf-8", "surrogatepass"))
        first, last = plain.given(start, sign)
        parts += [text[at:first], f"[{NAMES[each.kind]} {number} removed]"]
        at = last
    return "".join([*parts, text[at:]])


class GuardedStream:
    """Guards a text that comes in chunks: what might go on in the next one is held back.

    Lines go out once the block they are in has ended (an empty line), or `HELD` bytes are held:
    a column is judged by as many of its numbers as are there.
    """

    def __init__(self, actions: Mapping[str, Action]) -> None:
        """Begin an empty stream.

        Args:
            actions: Kind → action, as for `guarded`.
        """
        self._actions, self._held = actions, ""
        self._holds = any(action in ("redact", "block") for action in actions.values())

    def add(self, chunk: str) -> Guarded:
        """Take *chunk*; return what may go out now."""
        if not self._holds:
            return guarded(chunk, self._actions)
        self._held += chunk
        end = self._safe()
        out, self._held = self._held[:end], self._held[end:]
        return guarded(out, self._actions) if out else Guarded("")

    def _safe(self) -> int:
        """Return up to where nothing can go on in the next chunk."""
        held = self._held
        key = held.rfind("-----BEGIN ")
        limit = len(held)
        if key >= 0 and "-----END" not in held[key:] and limit - key < HELD:
            limit = key
        end = held.rfind("\n\n", 0, limit) + 2
        if end > 1:
            return end
        if len(held) < HELD:
            return 0
        end = held.rfind("\n", 0, limit) + 1
        return end if end else max(0, min(limit, len(held) - LONGEST))

    def end(self) -> Guarded:
        """Return the rest, at the end of the stream."""
        out, self._held = self._held, ""
        return guarded(out, self._actions)
