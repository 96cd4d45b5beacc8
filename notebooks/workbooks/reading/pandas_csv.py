"""``pandas.read_csv`` of text as it comes: another encoding, delimiter or decimal sign is found.

What the caller states always counts. Text that pandas reads as it is, UTF-8 with commas, goes
to pandas untouched.
"""

from __future__ import annotations

import functools
import inspect
import os
from pathlib import Path
from typing import Any

import pandas as pd

from ..formats.file_format import identify
from ..formats.text_format import TextFormat
from ..tie_out.journal import note_read
from .amounts import read_amounts

_PACKED = (".gz", ".bz2", ".zip", ".xz", ".zst", ".tar", ".tgz")
_DIALECT = frozenset(
    """
    sep delimiter decimal thousands quotechar quoting doublequote escapechar dialect
    lineterminator delim_whitespace engine comment
    """.split()
)
"""Options by which a caller describes the text; then only the encoding is still found."""


def use_by_default() -> None:
    """Make ``pandas.read_csv`` find how a text is written where its caller does not say it."""
    read_csv = pd.read_csv

    @functools.wraps(read_csv)
    def read_any_csv(filepath_or_buffer: Any, *given: Any, **options: Any) -> Any:
        path = _local(filepath_or_buffer, options)
        if given or path is None:
            return _noted(filepath_or_buffer, read_csv(filepath_or_buffer, *given, **options))
        found = identify(path)
        if found.text is None:
            return _as_workbook(filepath_or_buffer, options)
        added = _added(found.text, options)
        frame = read_csv(filepath_or_buffer, **options, **added)
        if "decimal" in added:
            stated = options.get("dtype") or options.get("converters")
            if isinstance(frame, pd.DataFrame):
                read_amounts(frame, found.text.decimal, found.text.thousands, stated=stated)
            else:
                _read_amounts_of_chunks(frame, found.text, stated)
        return _noted(filepath_or_buffer, frame)

    pd.read_csv = read_any_csv


def _read_amounts_of_chunks(reader: Any, text: TextFormat, stated: Any) -> None:
    """Let *reader*, which gives a file in chunks, read amounts in each.

    A chunk is not read before it is asked for, so a column may be amounts in one and other texts
    in the next. That is printed, once for each column.
    """
    read, numeric, said = reader.read, dict[Any, bool](), set[Any]()

    @functools.wraps(read)
    def read_chunk(nrows: int | None = None) -> Any:
        chunk = read(nrows)
        read_amounts(chunk, text.decimal, text.thousands, stated=stated)
        for position, name in enumerate(chunk.columns):
            column = chunk.iloc[:, position]
            if column.notna().any():
                is_number = pd.api.types.is_numeric_dtype(column.dtype)
                if numeric.setdefault(name, is_number) != is_number and name not in said:
                    said.add(name)
                    print(  # noqa: T201 (for the reader of the cell's output)
                        f"Column {name!r}: amounts in some chunks, and texts that are no amounts "
                        "in others, where it stays text."
                    )
        return chunk

    reader.read = read_chunk


def _noted(named: Any, frame: Any) -> Any:
    note_read(named, "", frame)
    return frame


def _local(named: Any, options: dict[str, Any]) -> Path | None:
    """Return the path of a plain local file; ``None`` for everything else."""
    if not isinstance(named, str | os.PathLike):
        return None
    if options.get("compression", "infer") not in ("infer", None):
        return None
    path = Path(os.path.expanduser(os.fspath(named)))
    packed = path.suffix.lower() in _PACKED and options.get("compression", "infer") == "infer"
    if packed or not os.path.isfile(path) or not os.path.getsize(path):
        return None  # pandas says what is wrong
    return path


def _added(text: TextFormat, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that the caller left out and that *text* needs."""
    added: dict[str, Any] = {}
    if "encoding" not in options and text.encoding not in ("utf-8", "utf-8-sig"):
        added["encoding"] = text.encoding
    if text.skip_rows and "skiprows" not in options:
        added["skiprows"] = text.skip_rows
    if _DIALECT & options.keys():
        return added
    if (text.delimiter, text.quotechar, text.decimal) == (",", '"', "."):
        return added
    return {
        **added, "sep": text.delimiter, "quotechar": text.quotechar, "decimal": text.decimal,
    }  # fmt: skip


def _as_workbook(named: Any, options: dict[str, Any]) -> Any:
    """Read a file that is no text, with the options that workbooks have too."""
    known = inspect.signature(pd.read_excel).parameters
    return pd.read_excel(named, **{name: options[name] for name in options if name in known})
