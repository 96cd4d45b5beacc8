"""How many tokens a text costs, estimated on the safe side."""

from __future__ import annotations

import math

_DIGITS = b"0123456789"
_NOT_ASCII = bytes(range(128, 256))


def estimate_tokens(text: str) -> int:
    """Return an upper estimate of the tokens of *text*.

    Gemini's documentation counts four characters a token for words. Its tokenizer has a token for
    each digit, and code has shorter tokens than prose: so a digit counts as one, three other ASCII
    characters as one, and two bytes of other characters as one. Asking the model's service for
    its own count would cost a network call each turn and change nothing: memory and profiles are
    kept far below what a model takes, and the model's own count of the whole prompt comes with
    each reply (``tokens`` of the cell).
    """
    data = text.encode("utf-8", "surrogatepass")
    digits = len(data) - len(data.translate(None, _DIGITS))
    others = len(data) - len(data.translate(None, _NOT_ASCII))
    return digits + math.ceil(others / 2) + math.ceil((len(data) - digits - others) / 3)
