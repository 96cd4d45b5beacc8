"""Slicers and timelines: made to fit the workbook that was written, or left out whole.

Their caches name sheets, tables and pivot caches by numbers that openpyxl gives anew. They are
changed in the package that was read, before its parts are copied.

Source: [MS-XLSX] sections 2.1.4 to 2.1.7 (parts), 2.6.72 (CT_SlicerCacheDefinition), 2.6.83
(CT_TableSlicerCache), 2.6.97 (CT_TimelineCacheDefinition), 2.6.48 (CT_PivotCacheDefinition).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lxml import etree

from .opc import EditablePackage, parse, serialize
from .workbook_parts import sheet_ids, sheet_parts, workbook_part

if TYPE_CHECKING:
    from .carry import SheetPair

CACHES = frozenset({"slicerCache", "timelineCache"})
LISTS = frozenset({"slicer", "timeline"})
FRAMES = frozenset({"slicer", "timeslicer"})
"""Names of the elements of a drawing that show a slicer or a timeline."""
OF_DATA_MODEL = "4294967295"
"""The sheet of a pivot table that is on none."""
X14 = "http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"
CACHE_EXTENSION = "{725AE2AE-9491-48be-B2B4-4EB974FC3084}"
"""The extension of a pivot cache that holds the number which slicers know it by."""
FIRST_NEW_ID = 1_000_000_000
"""Numbers that are given here, beyond those of a workbook's own pivot caches."""


@dataclass(frozen=True, slots=True)
class _Pivot:
    """A pivot table: its part, and the definition of its cache."""

    part: str
    cache: str


@dataclass(slots=True)
class _Sides:
    """What the numbers of the package that was read stand for, in both packages."""

    source: EditablePackage
    target: EditablePackage
    sheets: Mapping[str, str]
    pivots_before: Mapping[tuple[str, str], _Pivot]
    pivots_after: Mapping[tuple[str, str], _Pivot]
    ids_before: Mapping[str, str]
    ids_after: Mapping[str, str]


def fit_filters(
    source: EditablePackage, target: EditablePackage, sheets: Sequence[SheetPair]
) -> frozenset[str]:
    """Make slicers and timelines of *source* fit *target*.

    Args:
        source: The package that was read; its parts are changed, to be copied then.
        target: The package that was written; its pivot caches get the numbers slicers name.
        sheets: The sheets that are in both.

    Returns:
        The parts that must not be copied: what they filter is not there any more.

    Raises:
        Unreadable: A part is missing or broken.
    """
    main = workbook_part(source)
    caches = [r.target for r in source.relationships(main) if r.kind in CACHES]
    if not any(part in source for part in caches):
        return frozenset(caches)
    sides = _sides(source, target, sheets)
    fitting: dict[str, tuple[str, Any]] = {}
    for part in caches:
        root = parse(source.read(part)) if part in source else None
        if root is not None and _fits(root, sides):
            fitting[root.get("name", "")] = (part, root)
    shown, lists = _shown(source, sheets, fitting)
    left_out = (set(caches) | lists) - {fitting[name][0] for name in shown}
    for name in shown:
        part, root = fitting[name]
        _number_pivot_caches(root, sides)
        source.write(part, serialize(root))
    return frozenset(left_out)


def _sides(source: EditablePackage, target: EditablePackage, sheets: Sequence[SheetPair]) -> _Sides:
    return _Sides(
        source,
        target,
        {pair.before: pair.after for pair in sheets},
        dict(_pivots(source)),
        dict(_pivots(target)),
        {identity: name for name, identity in sheet_ids(source).items()},
        sheet_ids(target),
    )


def _pivots(package: EditablePackage) -> Iterator[tuple[tuple[str, str], _Pivot]]:
    """Yield each pivot table by its sheet and name."""
    for sheet, part in sheet_parts(package).items():
        for related in package.relationships(part):
            if related.kind != "pivotTable" or related.target not in package:
                continue
            caches = [
                r.target
                for r in package.relationships(related.target)
                if r.kind == "pivotCacheDefinition" and r.target in package
            ]
            if caches:
                name = parse(package.read(related.target)).get("name", "")
                yield (sheet, name), _Pivot(related.target, caches[0])


def _tables(package: EditablePackage) -> Iterator[Any]:
    for part in sheet_parts(package).values():
        for related in package.relationships(part):
            if related.kind == "table" and related.target in package:
                yield parse(package.read(related.target))


def _fits(root: Any, sides: _Sides) -> bool:
    """Renumber what a cache filters; return whether any of it is there."""
    tables = list(root.iter("{*}tableSlicerCache"))
    if tables:
        return all(_fits_table(each, sides) for each in tables)
    kept = 0
    for pivot in list(root.iter("{*}pivotTable")):
        if pivot.get("tabId") == OF_DATA_MODEL:
            continue
        sheet = sides.sheets.get(sides.ids_before.get(pivot.get("tabId"), ""), "")
        if (sheet, pivot.get("name")) in sides.pivots_after:
            pivot.set("tabId", sides.ids_after[sheet])
            kept += 1
        else:
            pivot.getparent().remove(pivot)
    return kept > 0


def _fits_table(cache: Any, sides: _Sides) -> bool:
    was = next((t for t in _tables(sides.source) if t.get("id") == cache.get("tableId")), None)
    if was is None:
        return False
    name = was.get("displayName")
    now = next((t for t in _tables(sides.target) if t.get("displayName") == name), None)
    column = _columns(was).get(cache.get("column"))
    if now is None or column is None:
        return False
    numbers = {name: number for number, name in _columns(now).items()}
    if column not in numbers:
        return False
    cache.set("tableId", now.get("id"))
    cache.set("column", numbers[column])
    return True


def _columns(table: Any) -> dict[str, str]:
    return {c.get("id", ""): c.get("name", "") for c in table.iter("{*}tableColumn")}


def _shown(
    source: EditablePackage, sheets: Sequence[SheetPair], fitting: Mapping[str, Any]
) -> tuple[set[str], set[str]]:
    """Take slicers without a cache out of their lists and drawings.

    Returns:
        The names of the caches that a slicer is left of, and the lists that are empty or are of
        sheets whose drawing code has changed.
    """
    shown: set[str] = set()
    left_out: set[str] = set()
    parts = sheet_parts(source)
    for pair in sheets:
        if pair.before not in parts:
            continue
        related = source.relationships(parts[pair.before])
        here: set[str] = set()
        for each in related:
            if each.kind not in LISTS or each.target not in source:
                continue
            root = parse(source.read(each.target))
            for element in list(root):
                fits = element.get("cache") in fitting and pair.drawings != "changed"
                if fits:
                    here.add(element.get("name", ""))
                    shown.add(element.get("cache"))
                else:
                    root.remove(element)
            source.write(each.target, serialize(root))
            if not len(root):
                left_out.add(each.target)
        for each in related:
            if each.kind == "drawing" and each.target in source:
                _without_frames(source, each.target, here)
    return shown, left_out


def _without_frames(source: EditablePackage, drawing: str, kept: set[str]) -> None:
    """Take the frames of slicers that are not *kept* out of a drawing: Excel repairs it else."""
    content = source.read(drawing)
    if b"slicer" not in content:
        return
    root = parse(content)
    for anchor in list(root):
        named = [
            each.get("name")
            for each in anchor.iter()
            if isinstance(each.tag, str) and each.tag.rpartition("}")[2] in FRAMES
        ]
        if any(name is not None and name not in kept for name in named):
            root.remove(anchor)
    source.write(drawing, serialize(root))


def _number_pivot_caches(root: Any, sides: _Sides) -> None:
    """Give the pivot caches in the result the number by which *root* names them."""
    for pivot in root.iter("{*}pivotTable"):
        sheet = next((n for n, i in sides.ids_after.items() if i == pivot.get("tabId")), "")
        found = sides.pivots_after.get((sheet, pivot.get("name")))
        before = next((n for n, after in sides.sheets.items() if after == sheet), "")
        was = sides.pivots_before.get((before, pivot.get("name")))
        if found is None or was is None:
            continue
        number = _number(sides, was)
        for each in root.iter():
            if isinstance(each.tag, str) and each.get("pivotCacheId") is not None:
                each.set("pivotCacheId", number)
        _set_number(sides.target, found.cache, number)
        return


def _number(sides: _Sides, pivot: _Pivot) -> str:
    """Return the number of a pivot table's cache; a new one if it had none of its own."""
    root = parse(sides.source.read(pivot.cache))
    for each in root.iter(f"{{{X14}}}pivotCacheDefinition"):
        if number := each.get("pivotCacheId"):
            return str(number)
    table = parse(sides.source.read(pivot.part))
    return str(FIRST_NEW_ID + int(table.get("cacheId", "0") or 0))


def _set_number(target: EditablePackage, cache: str, number: str) -> None:
    root = parse(target.read(cache))
    for each in root.iter(f"{{{X14}}}pivotCacheDefinition"):
        if each.get("pivotCacheId") == number:
            return
        each.set("pivotCacheId", number)
        break
    else:
        namespace = root.tag.partition("}")[0] + "}"
        extensions = root.find(f"{namespace}extLst")
        if extensions is None:
            extensions = etree.SubElement(root, f"{namespace}extLst")
        extension = etree.SubElement(
            extensions, f"{namespace}ext", {"uri": CACHE_EXTENSION}, nsmap={"x14": X14}
        )
        etree.SubElement(extension, f"{{{X14}}}pivotCacheDefinition", {"pivotCacheId": number})
    target.write(cache, serialize(root))
