"""Carry a sheet's drawing over: charts, pictures, shapes and their anchors.

Source: ECMA-376 part 1, section 20.5 (SpreadsheetML drawing).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .opc import EditablePackage, parse, serialize
from .sheet_markup import SheetMarkup, references

if TYPE_CHECKING:
    from .carry import SheetPair


def carry_drawing(
    source: EditablePackage,
    result: EditablePackage,
    copied: dict[str, str],
    before: str,
    after: str,
    old: SheetMarkup,
    new: SheetMarkup,
    pair: SheetPair,
) -> None:
    """Replace a drawing that code did not change by the original one.

    Charts and pictures that code added are kept beside it. A drawing that code changed stays as
    it was written.

    Args:
        source: The package that was read.
        result: The package that was written; changed.
        copied: Parts copied so far (see `EditablePackage.copy`).
        before: The sheet's part in *source*.
        after: Its part in *result*.
        old: The sheet as it was read.
        new: The sheet as it was written; changed.
        pair: What code did with the sheet.
    """
    was = old.child("drawing")
    original = _target(source, before, was) if was is not None else None
    if original is None or pair.drawings == "changed":
        return
    now = new.child("drawing")
    written = _target(result, after, now) if now is not None else None
    carried = result.copy(source, original, copied)
    if written is not None and pair.drawings == "added":
        _append_anchors(result, written, carried, pair.added)
    if now is not None:
        new.root.remove(now)
        _drop(result, after, written)
    kind = next(r.type for r in source.relationships(before) if r.target == original)
    element = copy.deepcopy(was)
    [(owner, attribute), *_] = references(element)
    owner.set(attribute, result.relate(after, kind, carried))
    new.insert(element)


def _target(package: EditablePackage, part: str, element: Any) -> str | None:
    named = {element.get(attribute) for owner, attribute in references(element) if owner is element}
    for each in package.relationships(part):
        if each.id in named and each.target in package:
            return each.target
    return None


def _append_anchors(
    result: EditablePackage, written: str, carried: str, places: Sequence[int]
) -> None:
    """Append what openpyxl drew at *places* to another drawing, with what it refers to.

    openpyxl numbers the relationships of a drawing in the order of its objects, from 1.
    """
    wanted_ids = {f"rId{place + 1}" for place in places}
    anchors = [
        anchor
        for anchor in parse(result.read(written))
        if wanted_ids & {owner.get(attribute) for owner, attribute in references(anchor)}
    ]
    drawing = parse(result.read(carried))
    related = {each.id: each for each in result.relationships(written)}
    for anchor in anchors:
        for owner, attribute in references(anchor):
            wanted = related.get(owner.get(attribute))
            if wanted is not None:
                identity = result.relate(
                    carried, wanted.type, wanted.target, external=wanted.external
                )
                owner.set(attribute, identity)
        drawing.append(anchor)
    result.write(carried, serialize(drawing))


def _drop(result: EditablePackage, sheet: str, drawing: str | None) -> None:
    """Remove a replaced drawing, and the parts that nothing else is related to."""
    for each in [r for r in result.relationships(sheet) if r.target == drawing]:
        result.unrelate(sheet, each.id)
    if drawing is None:
        return
    targets = [r.target for r in result.relationships(drawing) if not r.external]
    result.remove(drawing)
    for target in targets:
        if not _is_used(result, target):
            result.remove(target)


def _is_used(package: EditablePackage, part: str) -> bool:
    owners = [name for name in package.names if not name.endswith(".rels")]
    return any(each.target == part for owner in owners for each in package.relationships(owner))
