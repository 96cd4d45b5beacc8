"""Which rows of which files the rows of a frame were read from.

A frame that was read gets a number in ``DataFrame.attrs``, which pandas passes on to what is
made of it, and the labels of its rows say which rows they are. Where labels change (``concat``,
``merge``, ``reset_index``, ``set_index``), the frame gets a number of its own. A tie is only
believed if the rows' values are those of the rows in the file (`Ties.rows`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

TIE = "tallybook-tie"


@dataclass(slots=True)
class Source:
    """A frame that was read.

    Attributes:
        file: The file's name within the workspace.
        sheet: Its sheet; empty for a text.
        frame: What was read.
    """

    file: str
    sheet: str
    frame: pd.DataFrame


@dataclass(slots=True)
class _Tied:
    labels: pd.Index
    rows: dict[int, Any]


@dataclass(slots=True)
class Ties:
    """All frames that were read, and what was made of them.

    Attributes:
        sources: The frames that were read.
    """

    sources: list[Source] = field(default_factory=list)
    _tied: list[_Tied] = field(default_factory=list)

    def read(self, file: str, sheet: str, frame: pd.DataFrame) -> None:
        """Tie *frame* to the rows of a file it was read from."""
        again = (
            at for at, source in enumerate(self.sources)
            if (source.file, source.sheet) == (file, sheet) and source.frame.equals(frame)
        )  # fmt: skip
        number = next(again, len(self.sources))
        if number == len(self.sources):
            self.sources.append(Source(file, sheet, frame.copy()))
        self._tie(frame, {number: np.arange(len(frame))})

    def _tie(self, frame: Any, rows: Mapping[int, Any]) -> None:
        frame.attrs[TIE] = len(self._tied)
        self._tied.append(_Tied(frame.index, dict(rows)))

    def claimed(self, frame: Any) -> dict[int, Any] | None:
        """Return the rows that *frame* is said to come from; ``None`` if nothing is said."""
        number = getattr(frame, "attrs", {}).get(TIE)
        if not isinstance(number, int) or number >= len(self._tied):
            return None
        tied = self._tied[number]
        if frame.index is tied.labels or frame.index.equals(tied.labels):
            return tied.rows
        if not tied.labels.is_unique or frame.index.nlevels != tied.labels.nlevels:
            return None
        try:
            at = tied.labels.get_indexer(frame.index)
        except (TypeError, ValueError):
            return None
        if len(at) == 0 or (at < 0).any():
            return None
        return {number: rows[at] for number, rows in tied.rows.items()}

    def rows(self, frame: Any) -> dict[int, Any] | None:
        """Return the rows that *frame* comes from, by source, if its values bear that out.

        A row is borne out if half of the columns that frame and source share are equal.
        """
        claimed = self.claimed(frame)
        if claimed is None:
            return None
        columns = frame.to_frame() if isinstance(frame, pd.Series) else frame
        borne = {
            number: rows
            for number, rows in claimed.items()
            if self._borne_out(columns, self.sources[number].frame, rows)
        }
        return borne or None

    def _borne_out(self, frame: pd.DataFrame, source: pd.DataFrame, rows: Any) -> bool:
        present = rows >= 0
        if not present.any():
            return False
        equal = []
        for at, name in enumerate(frame.columns[:40]):
            if name not in source.columns or not source.columns.is_unique:
                continue
            one = frame.iloc[present, at].to_numpy(dtype=object)
            other = source[name].to_numpy(dtype=object)[rows[present]]
            equal.append(np.fromiter((same(a, b) for a, b in zip(one, other, strict=True)), bool))
        if not equal:
            return True  # nothing is shared: columns were renamed; sums are compared later
        return bool((np.mean(equal, axis=0) >= 0.5).all())

    def moved(self, result: Any, before: Any) -> None:
        """Tie *result*, whose rows are those of *before* under other labels."""
        claimed = self.claimed(before)
        if claimed is not None and len(result) == len(before):
            self._tie(result, claimed)

    def stacked(self, result: Any, parts: Sequence[Any]) -> None:
        """Tie *result*, which has the rows of *parts* one after the other."""
        found = [self.claimed(part) for part in parts]
        if sum(map(len, parts)) != len(result):
            return
        numbers = sorted({number for rows in found if rows for number in rows})
        if numbers:
            self._tie(result, {
                number: np.concatenate([
                    rows[number] if rows and number in rows else np.full(len(part), -1)
                    for rows, part in zip(found, parts, strict=True)
                ])
                for number in numbers
            })  # fmt: skip

    def joined(self, result: Any, sides: Sequence[tuple[Any, Any]]) -> None:
        """Tie *result*, each row of which has one of each side's frame.

        Args:
            result: The frame.
            sides: Frame, and for each row of *result* the row of that frame, -1 for none.
        """
        rows: dict[int, Any] = {}
        for frame, at in sides:
            for number, own in (self.claimed(frame) or {}).items():
                taken = np.where(at >= 0, own[np.maximum(at, 0)], -1) if len(own) else at
                rows[number] = np.where(taken >= 0, taken, rows.get(number, -1))
        if rows:
            self._tie(result, rows)
        else:
            result.attrs.pop(TIE, None)


def same(one: Any, other: Any) -> bool:
    """Whether two values of cells are the same; numbers but for rounding."""
    try:
        if one is other or one == other:
            return True
        if pd.isna(one) and pd.isna(other):
            return True
        return abs(float(one) - float(other)) <= 1e-9 * max(abs(float(one)), abs(float(other)))
    except (TypeError, ValueError):
        return str(one).strip() == str(other).strip()
