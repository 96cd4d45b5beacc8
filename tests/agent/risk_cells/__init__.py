"""Cells to judge: ordinary work, and attacks by indirect ways."""

from __future__ import annotations

import re
from pathlib import Path

_TITLE = re.compile(r"^# %% (.+)\n", re.MULTILINE)


def cells_in(name: str) -> dict[str, str]:
    """Return the cells of ``{name}.txt`` beside this file, by title."""
    text = Path(__file__).with_name(f"{name}.txt").read_text()
    _, *parts = _TITLE.split(text)
    return dict(zip(parts[::2], parts[1::2], strict=True))
