"""The cells of worksheet parts that have no formula, and what they hold.

Source: ECMA-376 part 1, sections 18.3.1.4 (c), 18.4.8 (si), 18.18.11 (ST_CellType).
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping, Sequence

from lxml import etree

from ..formats.addresses import column_index
from ..keep.opc import EditablePackage, parse
from ..keep.workbook_parts import workbook_part
from .formula_cells import body_of
from .stored_values import Place

Constant = float | str
"""A number; or a text, which begins with the letter of its type."""
_CELL = rb"<%(p)sc\s(?P<of>[^<>]*?)(?:/>|>(?P<inner>(?:(?!</%(p)sc>).)*)</%(p)sc>)"
_TEXT = rb"<%(p)st(?:\s[^<>]*)?>([^<]*)</%(p)st>"
_VALUE = rb"<%(p)sv(?:\s[^<>]*)?>([^<]*)</%(p)sv>"
_PLACE = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_TYPE = re.compile(rb'\bt="([a-zA-Z]+)"')
RELATIVE = 1e-12
"""How far a number may be off: openpyxl writes times to the microsecond."""


def shared_texts(package: EditablePackage) -> list[str]:
    """Return the workbook's shared texts in order, without formats and phonetic hints."""
    for each in package.relationships(workbook_part(package)):
        if each.kind == "sharedStrings" and each.target in package:
            items = parse(package.read(each.target)).iterchildren("{*}si")
            return ["".join(_own_texts(item)) for item in items]
    return []


def _own_texts(item: etree._Element) -> list[str]:
    return [
        each.text or ""
        for each in item.iter("{*}t")
        if not str(getattr(each.getparent(), "tag", "")).endswith("}rPh")
    ]


def constants(content: bytes, texts: Sequence[str]) -> dict[Place, Constant]:
    """Return the cells of a worksheet part that have a value and no formula.

    Args:
        content: The part.
        texts: The workbook's shared texts.

    Raises:
        WrittenUnusually: They can't be told apart in its bytes.
    """
    found: dict[Place, Constant] = {}
    if (body := body_of(content)) is None:
        return found
    names = {b"p": body.prefix}
    formula = b"<" + body.prefix + b"f"
    value, text = re.compile(_VALUE % names), re.compile(_TEXT % names)
    for cell in re.compile(_CELL % names, re.DOTALL).finditer(content, body.start, body.end):
        inner = cell["inner"]
        if not inner or formula in inner or (place := _PLACE.search(cell["of"])) is None:
            continue
        kind = kinds[1] if (kinds := _TYPE.search(cell["of"])) else b"n"
        held: Constant | None = None
        if kind == b"inlineStr":
            held = "s" + html.unescape(b"".join(text.findall(inner)).decode("utf-8", "replace"))
        elif (stored := value.search(inner)) is not None:
            held = _held(kind, stored[1].decode("utf-8", "replace"), texts)
        if held is not None and held != "s":
            found[int(place[2]), column_index(place[1].decode()) + 1] = held
    return found


def _held(kind: bytes, stored: str, texts: Sequence[str]) -> Constant | None:
    if kind == b"n":
        try:
            return float(stored)
        except ValueError:
            return None
    if kind == b"s":
        number = int(stored) if stored.strip().isdigit() else -1
        return "s" + texts[number] if 0 <= number < len(texts) else None
    return ("s" if kind == b"str" else kind.decode("ascii", "replace")) + html.unescape(stored)


def differing(one: Mapping[Place, Constant], other: Mapping[Place, Constant]) -> set[Place]:
    """Return the places of cells that hold something else, or that only one of both has."""
    found = set(one.keys() ^ other.keys())
    for place in one.keys() & other.keys():
        before, after = one[place], other[place]
        if before != after and not (
            isinstance(before, float)
            and isinstance(after, float)
            and math.isclose(before, after, rel_tol=RELATIVE)
        ):
            found.add(place)
    return found
