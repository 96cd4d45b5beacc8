"""Printed lines as a terminal shows them: a carriage return overwrites what stands there."""

from __future__ import annotations


def last_states(text: str) -> str:
    """Return *text* with each line as it was last drawn, as for a progress bar."""
    if "\r" not in text:
        return text
    return "\n".join(_last_state(line) for line in text.split("\n"))


def without_redrawn(text: str) -> str:
    """Return *text* as `last_states` does, but the last line so that it can be printed on.

    Of that line only the drawings that a later one covers whole are left out.
    """
    if "\r" not in text:
        return text
    *lines, last = text.split("\n")
    drawn = last.split("\r")
    kept: list[str] = []
    for number, part in enumerate(reversed(drawn)):
        coloured = "\x1b" in last  # colours take no place: the last drawing covers all others
        if not kept or (len(part) > len(kept[-1]) and not (coloured and kept[-1])):
            kept.append(part)
        elif coloured and number > 1:
            break
    return "\n".join([*map(_last_state, lines), "\r".join(reversed(kept))])


def _last_state(line: str) -> str:
    drawn = line.rstrip("\r").split("\r")
    if "\x1b" in line:
        return drawn[-1]
    shown, covered = "", 0
    for part in reversed(drawn):
        if len(part) > covered:
            shown += part[covered:]
            covered = len(part)
    return shown
