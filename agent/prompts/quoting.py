"""Text that is data, made unmistakable: each line marked, control characters escaped."""

from __future__ import annotations

import re

MARK = "| "
NOTE = 60
"""Characters for the line that says how much is left out."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


def quoted_lines(text: str) -> str:
    """Return *text* with `MARK` before each line, so that no line of it looks like ours.

    Colours of terminals are removed. Other control characters, and those that turn the direction
    of text or part lines in other ways, are shown as Python escapes.
    """
    plain = _CONTROLS.sub(_escape, _COLOURS.sub("", text.replace("\r\n", "\n")))
    return "\n".join(MARK + line for line in plain.split("\n"))


def escaped(text: str) -> str:
    """Return *text* in one line: what would break it or turn its direction is shown as escapes."""
    return _CONTROLS.sub(_escape, text).replace("\n", "\\n")


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def clip_lines(text: str, limit: int, advice: str) -> str:
    """Shorten a long *text* in its middle, at ends of lines where there are any.

    Args:
        text: The text.
        limit: Characters of the result: two thirds from the beginning, the rest from the end,
            where totals and errors stand.
        advice: How to see the rest, for the line that takes its place.
    """
    if len(text) <= limit:
        return text
    room = max(limit - len(advice) - NOTE, NOTE)
    head, tail = text[: room * 2 // 3], text[-(room // 3) :]
    if (end := head.rfind("\n")) > len(head) // 2:  # else one long line: cut within it
        head = head[:end]
    if 0 <= (start := tail.find("\n")) < len(tail) // 2:
        tail = tail[start + 1 :]
    left = text[len(head) : len(text) - len(tail)].strip("\n")
    size = f"{left.count(chr(10)) + 1:,} lines, {len(left):,} characters left out here"
    return f"{head}\n[… {size}. {advice}]\n{tail}" if advice else f"{head}\n[… {size}]\n{tail}"
