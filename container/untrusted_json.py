"""JSON that code in a sandbox has written: whatever is wrong with it is one kind of error."""

from __future__ import annotations

import json
from typing import Any


def untrusted_json(text: str | bytes) -> Any:
    """Return the value that *text* holds.

    Raises:
        ValueError: It is no JSON, no UTF-8, or nested deeper than can be read.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
