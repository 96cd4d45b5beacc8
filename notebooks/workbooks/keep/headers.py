"""Headers and footers of printed pages, which openpyxl simplifies or leaves out.

It reads one font, size and colour for each of three parts; a text in several formats, underlined
at its start, or without a part (``&A``) is written otherwise, or not at all.

Source: ECMA-376 part 1, section 18.3.1.46 (headerFooter).
"""

from __future__ import annotations

import warnings
from typing import Any

from .sheet_markup import SheetMarkup, copy_of, name_of


def carry_headers(old: SheetMarkup, new: SheetMarkup) -> None:
    """Put the headers and footers back that code did not change.

    Args:
        old: The sheet as it was read.
        new: The sheet as it was written; changed.
    """
    was = old.child("headerFooter")
    if was is None or not len(was):
        return
    now = new.child("headerFooter")
    written = {name_of(each): each.text or "" for each in now} if now is not None else {}
    texts = {name_of(each): each.text or "" for each in was}
    same = {n: text for n, text in texts.items() if written.get(n, "") == _unchanged(was, n)}
    if all(written.get(name, "") == text for name, text in same.items()):
        return
    put = copy_of(was)
    for each in list(put):
        name = name_of(each)
        if name not in same:  # as code wants it
            each.text = written.get(name, "")
        if not each.text:
            put.remove(each)
    if now is not None:
        for name, value in now.attrib.items():
            put.set(name, value)
        new.root.remove(now)
    new.insert(put)


def _unchanged(headers: Any, name: str) -> str:
    """Return what openpyxl writes for a header or footer that nobody has changed."""
    from openpyxl.worksheet.header_footer import HeaderFooterItem

    element = next(each for each in headers if name_of(each) == name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        item = HeaderFooterItem.from_tree(element)
    return str(item) if item is not None else ""
