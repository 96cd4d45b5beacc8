"""Looking for short markup in the bytes of large parts."""

from __future__ import annotations

MOST_LOOKED_AT = 500


def holds(content: bytes, wanted: bytes, rare: int) -> bool:
    """Return whether *wanted* is in *content*.

    Args:
        content: The bytes of a part.
        wanted: What is looked for.
        rare: The place in *wanted* of its rarest byte. That one is looked for, as long as it is
            found a few times only: many times faster than to look for common bytes.
    """
    sign, at = wanted[rare : rare + 1], -1
    for _ in range(MOST_LOOKED_AT):
        at = content.find(sign, at + 1)
        if at < 0:
            return False
        if at >= rare and content.startswith(wanted, at - rare):
            return True
    return wanted in content
