"""Properties of the document, and other parts that belong to the package, not to the workbook.

Source: ECMA-376 part 2, section 8.3 (core properties); part 1, section 22.2 (extended properties)
and 22.3 (custom properties).
"""

from __future__ import annotations

from typing import Any

from .opc import EditablePackage, parse, serialize
from .settings import plain_tree
from .sheet_markup import name_of
from .three_way import restore

NOT_KEPT = frozenset({"officeDocument", "core-properties", "extended-properties", "origin"})
"""Relationships of a package that the writer made anew; a signature holds for one content only."""
OF_SHEETS = ("HeadingPairs", "TitlesOfParts")
"""Extended properties that name the sheets: Excel writes them anew."""


def carry_properties(
    source: EditablePackage, result: EditablePackage, copied: dict[str, str]
) -> None:
    """Restore a document's properties, and carry what else belongs to its package.

    Args:
        source: The package that was read.
        result: The one that was written; changed.
        copied: Parts copied so far (see `EditablePackage.copy`).
    """
    from openpyxl.packaging.core import DocumentProperties
    from openpyxl.packaging.custom import CustomPropertyList
    from openpyxl.packaging.extended import ExtendedProperties

    _restore(source, result, "core-properties", DocumentProperties.from_tree)
    _restore(source, result, "custom-properties", CustomPropertyList.from_tree)
    _restore(source, result, "extended-properties", lambda _: ExtendedProperties())
    there = {each.kind for each in result.relationships("")}
    for wanted in source.relationships(""):
        if wanted.kind in there | NOT_KEPT or wanted.external or wanted.target not in source:
            continue
        result.relate("", wanted.type, result.copy(source, wanted.target, copied))


def _restore(source: EditablePackage, result: EditablePackage, kind: str, read: Any) -> None:
    before, after = (
        next((r.target for r in package.relationships("") if r.kind == kind), "")
        for package in (source, result)
    )
    if before not in source or after not in result:
        return
    was, now = parse(source.read(before)), parse(result.read(after))
    plain = plain_tree(read, was)
    if plain is None:
        return
    for each in list(was):
        if name_of(each) in OF_SHEETS:
            was.remove(each)
    restore(was, plain, now)
    result.write(after, serialize(now))
