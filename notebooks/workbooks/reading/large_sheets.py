"""Large sheets for pandas: read by column in little memory, and once for each content."""

from __future__ import annotations

import contextlib
import gc
import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.io.excel._base import BaseExcelReader
from pandas.io.excel._util import maybe_convert_usecols

from . import memory
from .frames import frame_of as frame_of_columns
from .frames import head_frame
from .typed_sheet import TypedSheet

FROM_BYTES = 3_000_000
"""Smaller sheets are read row by row, by pandas' own parser."""
REMEMBERED = 2
_USUAL: dict[str, Any] = {
    "names": None, "nrows": None, "true_values": None, "false_values": None,
    "parse_dates": False, "date_format": None, "thousands": None, "decimal": ".",
    "comment": None, "skipfooter": 0, "dtype_backend": pd.api.extensions.no_default,
    "converters": None, "na_filter": True, "verbose": False,
}  # fmt: skip
_HANDLED = frozenset("header index_col usecols dtype skiprows na_values keep_default_na".split())
_frames: OrderedDict[str, pd.DataFrame] = OrderedDict()
"""The frames read last, by content and options. They share the memory of those handed out, until
one is changed."""


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _part_bytes(reader: Any, index: int) -> int:
    if reader.book.format.kind not in ("xlsx", "xlsm", "xltx", "xltm"):
        return 0
    size: int = reader.book.source.part_bytes(index)
    return size


def frame_of(reader: Any, sheet_name: Any, options: dict[str, Any]) -> pd.DataFrame | None:
    """Return the frame of a large sheet; ``None`` if it is small, or asks for pandas' own parser.

    Args:
        reader: The `BookReader`.
        sheet_name: The sheet's name or position.
        options: Of ``pandas.read_excel``.

    Raises:
        Unreadable: The sheet is damaged, or needs more memory than there is.
        ValueError: There is no such sheet.
    """
    by_name = isinstance(sheet_name, str)
    name = (reader.get_sheet_by_name if by_name else reader.get_sheet_by_index)(sheet_name)
    index = reader.book.index(name)
    size = _part_bytes(reader, index)
    if size < FROM_BYTES:
        return None
    if not _is_simple(options):
        _refuse_if_too_large(reader, name, size, options, by_column=False)
        return None
    key = _key(reader.path, name, options)
    if key is not None and key in _frames:
        _frames.move_to_end(key)
        return _frames[key].copy(deep=False)
    _frames.clear()  # make room before another large one
    _refuse_if_too_large(reader, name, size, options, by_column=True)
    frame = _read(reader, name, index, options)
    if frame is not None and key is not None:
        _frames[key] = frame.copy(deep=False)
        while len(_frames) > REMEMBERED:
            _frames.popitem(last=False)
    return frame


def _refuse_if_too_large(
    reader: Any, name: str, size: int, options: dict[str, Any], *, by_column: bool
) -> None:
    if options.get("usecols") is None and options.get("nrows") is None:
        texts = reader.book.source.text_bytes
        memory.refuse_what_cannot_fit(name, size, texts, by_column=by_column)


def _is_simple(options: dict[str, Any]) -> bool:
    def usual(name: str, value: Any) -> bool:
        return name in _HANDLED or (name in _USUAL and value is _USUAL[name])

    whole = (int, type(None))
    header, index = options.get("header", 0), options.get("index_col")
    several = isinstance(header, list) and all(type(row) is int for row in header) and index is None
    return (
        all(usual(name, value) for name, value in options.items())
        and (isinstance(header, whole) or (several and header))
        and isinstance(options.get("skiprows"), whole)
        and isinstance(index, (*whole, str))
        and isinstance(options.get("na_values"), str | list | type(None))
    )


def _key(path: Path, name: str, options: dict[str, Any]) -> str | None:
    """Return a key of content and options; ``None`` if an option can't be compared."""
    if callable(options.get("usecols")):
        return None
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    given = sorted((key, repr(value)) for key, value in options.items() if key in _HANDLED)
    return f"{content} {name!r} {given}"


def _read(reader: Any, name: str, index: int, options: dict[str, Any]) -> pd.DataFrame | None:
    found = reader.book.source.typed_windows(index)
    if found is None:
        return None
    texts, windows = found
    header = options.get("header", 0)
    skipped = options.get("skiprows") or 0
    last = header[-1] if isinstance(header, list) else header
    sheet = TypedSheet(texts, skipped + (0 if last is None else last + 1))

    def parse_head(rows: list[list[Any]], *, indexed: bool = True) -> pd.DataFrame:
        output = BaseExcelReader._parse_sheet(
            reader, rows, {}, name, header=header, skiprows=skipped or None,
            index_col=options.get("index_col") if indexed else None,
            usecols=maybe_convert_usecols(options.get("usecols")),
        )  # fmt: skip
        frame: pd.DataFrame = output[name]
        return frame

    def choose(head: list[list[Any]], width: int) -> set[int] | None:
        if options.get("usecols") is None:
            return None
        chosen = head_frame(head, width, lambda rows: parse_head(rows, indexed=False))
        return {int(place) for place in chosen.iloc[0]}

    with _no_collection():  # it would look through millions of cells that hold nothing else
        found_columns = sheet.read(windows, choose) and bool(sheet.columns)
    if not found_columns:
        return None
    return frame_of_columns(sheet, parse_head, options)
