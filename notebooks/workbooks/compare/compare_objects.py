"""Objects and parts of two workbooks, seen in the layout of the second."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ..formats.addresses import column_index
from .compare_cells import SheetPair
from .difference import Collector, Difference, Layer, clipped
from .layout import Layouts
from .objects import Object
from .ranges import said_columns, said_rows

_ONE_CELL = re.compile(r"^([A-Z]{1,3}\d+):\1$")


def sheet_object_differences(
    pair: SheetPair | None, before: Sequence[Object], after: Sequence[Object], sheet: str,
    layouts: Layouts, found: Collector,
) -> None:  # fmt: skip
    """Add what differs of the objects on a sheet, or of the workbook.

    Args:
        pair: The sheets, with rows and columns matched; ``None`` for the workbook, and for sheets
            without cells.
        before: Objects of the first workbook.
        after: Objects of the second.
        sheet: The sheet's name in the second; empty for the workbook.
        layouts: Where rows and columns of all sheets are.
        found: Takes the differences in.
    """
    old_name = pair.name_before if pair is not None else sheet
    ones = _by_key([_seen(each, old_name, layouts) for each in before])
    others = _by_key([_plain(each) for each in after])
    columns: dict[tuple[str | None, str | None], list[int]] = {}
    for key in [*ones, *(key for key in others if key not in ones)]:
        one, other = ones.get(key), others.get(key)
        if one is not None and other is not None and _said(one) == _said(other):
            continue
        if key[0] == "column":
            texts = tuple(None if each is None else _said(each) for each in (one, other))
            columns.setdefault(texts, []).append(column_index(key[1]))  # type: ignore[arg-type]
        else:
            found.add(_difference("objects", one, other, sheet))
    for (was, now), numbers in columns.items():
        found.add(
            Difference(
                layer="objects", cause="edited", sheet=sheet, place=said_columns(numbers),
                what="column width", before=was, after=now,
            )
        )  # fmt: skip
    if pair is not None:
        _hidden_rows(pair, found)


def _seen(one: Object, sheet: str, layouts: Layouts) -> Object:
    """Return an object of the first workbook as it would be in the layout of the second."""
    if layouts.unmoved:
        return _plain(one)
    place = " ".join(layouts.formula(each, sheet) for each in one.place.split())
    facts = {
        name: layouts.formula(text, sheet) if name in one.formulas else text
        for name, text in one.facts.items()
    }
    name = one.name
    if one.kind == "column":
        layout = layouts.by_sheet.get(sheet.lower())
        if layout is not None:
            name = said_columns([layout.column(column_index(name))]).partition(":")[0]
    return _plain(Object(one.kind, name, place, facts, one.formulas))


def _plain(each: Object) -> Object:
    ranges = each.place.replace("$", "").split()
    place = " ".join(sorted(_ONE_CELL.sub(r"\1", each) for each in ranges))
    return Object(each.kind, each.name, place, each.facts, each.formulas)


def _by_key(objects: Sequence[Object]) -> dict[tuple[str, str, int], Object]:
    """Return objects by kind and name; those without a name by their place, then by content."""
    met: Counter[tuple[str, str]] = Counter()
    found = {}
    for each in sorted(objects, key=lambda o: (o.kind, o.name, o.place, _said(o))):
        key = each.kind, each.name or each.place
        found[(*key, met[key])] = each
        met[key] += 1
    return found


def _said(each: Object) -> str:
    """Return what an object says, its place included."""
    facts = [f"{name}: {text}" for name, text in sorted(each.facts.items()) if text]
    return "; ".join([each.place, *facts] if each.place else facts)


def _difference(layer: Layer, one: Object | None, other: Object | None, sheet: str) -> Difference:
    each = other or one
    assert each is not None  # noqa: S101 (one of the two is given)
    what = each.kind
    if each.name and each.name != each.kind:
        what = f"{each.kind} {each.name!r}"
    before, after = _changed_facts(one, other)
    cause = "added" if one is None else "removed" if other is None else "edited"
    return Difference(
        layer=layer,
        cause=cause,  # type: ignore[arg-type]
        sheet=sheet,
        place=clipped(each.place.replace(" ", ", ")),
        what=clipped(what),
        before=before,
        after=after,
        was="" if one is None or other is None or one.place == other.place else one.place,
    )


def _changed_facts(one: Object | None, other: Object | None) -> tuple[str | None, str | None]:
    """Return what both say; of two, only where they differ."""
    if one is None or other is None:
        said = [None if each is None else clipped(_said(each)) for each in (one, other)]
        return said[0], said[1]
    names = [
        name
        for name in sorted({*one.facts, *other.facts})
        if one.facts.get(name, "") != other.facts.get(name, "")
    ]
    texts = []
    for each in (one, other):
        facts = [f"{name}: {each.facts.get(name, '')}" for name in names]
        if one.place != other.place:
            facts.insert(0, each.place)
        texts.append(clipped("; ".join(facts)))
    return texts[0], texts[1]


def _hidden_rows(pair: SheetPair, found: Collector) -> None:
    before, after = pair.markup
    if before is None or after is None or not (before.hidden or after.hidden):
        return
    gone = set(pair.before.rows[pair.rows.removed].tolist())
    ones = {pair.layout.row(row) for row in before.hidden if row not in gone}
    new = set(pair.after.rows[pair.rows.added].tolist())
    for rows, was, now in (
        (after.hidden - ones - new, "shown", "hidden"),
        (ones - after.hidden, "hidden", "shown"),
    ):
        if rows:
            found.add(
                Difference(
                    layer="objects", cause="edited", sheet=pair.name, place=said_rows(sorted(rows)),
                    what="rows", before=was, after=now, count=len(rows),
                )
            )  # fmt: skip


def part_differences(before: dict[str, str], after: dict[str, str], found: Collector) -> None:
    """Add the parts of the package that differ; one that is only named anew is none.

    A theme in one of them only is none either: without one, Excel takes its own.
    """
    if not (any(map(_is_theme, before)) and any(map(_is_theme, after))):
        before, after = (
            {name: hashed for name, hashed in each.items() if not _is_theme(name)}
            for each in (before, after)
        )
    ones = {name.lower(): name for name in before}
    others = {name.lower(): name for name in after}
    removed = [ones[name] for name in ones if name not in others]
    added = [others[name] for name in others if name not in ones]
    moved = Counter(before[name] for name in removed) & Counter(after[name] for name in added)
    for names, hashes, cause in ((removed, before, "removed"), (added, after, "added")):
        left = Counter(moved)
        for name in names:
            if left[hashes[name]]:
                left[hashes[name]] -= 1
                continue
            found.add(
                Difference(
                    layer="parts", cause=cause, sheet="", place="",  # type: ignore[arg-type]
                    what=clipped(f"part {name!r}"),
                )
            )  # fmt: skip
    for lower, name in ones.items():
        if lower in others and before[name] != after[others[lower]]:
            found.add(
                Difference(
                    layer="parts", cause="edited", sheet="", place="",
                    what=clipped(f"part {name!r}"),
                )
            )  # fmt: skip


def _is_theme(name: str) -> bool:
    return name.lower().startswith("xl/theme/")
