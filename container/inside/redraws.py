"""Progress bars: a line that is drawn again is sent a few times a second, in its last state."""

from __future__ import annotations

SECONDS = 0.1
"""How often a line being redrawn is sent because code flushes it."""


def without_covered(text: str) -> str:
    """Return *text* without the drawings of a line that a later one covers.

    A terminal that had the text so far shows the same.
    """
    if "\r" not in text:
        return text
    return "\n".join(_line(line) if "\r" in line else line for line in text.split("\n"))


def _line(line: str) -> str:
    first, *drawn = line.split("\r")  # the first goes on behind what is sent already
    kept: list[str] = []
    longest = -1
    for part in reversed(drawn):
        if len(part) > longest:
            kept.append(part)
            longest = len(part)
    return "\r".join([first, *reversed(kept)])
