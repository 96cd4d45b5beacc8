"""What lies on a sheet, or belongs to the workbook, beside its cells: as plain facts by name.

Source: ECMA-376 part 1, sections 18.2 (workbook), 18.3 (worksheets) and 18.5 (tables).
"""

from __future__ import annotations

import contextlib
import hashlib
import posixpath
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from ..formats.addresses import address, column_letters
from ..keep.opc import EditablePackage, Relationship, parse
from ..keep.sheet_markup import name_of
from ..values import MAX_COLUMNS, Unreadable
from .cell_formats import float_text
from .usual_values import TRUTHS, UNPROTECTED, USUAL_CHOICE, USUAL_FILTER, USUAL_PAGE

MOST_OBJECTS = 20_000
MOST_CANONICAL_BYTES = 4_000_000
CELL_KINDS = frozenset({"merged cells", "validation", "conditional format", "hyperlink", "comment"})


@dataclass(slots=True)
class Object:
    """Something beside the cells.

    Attributes:
        kind: What it is: ``table``, ``chart`` …
        name: What it is recognized by; empty if that is its place.
        place: Ranges it lies on or applies to, as the file has them; empty for none.
        facts: What it says, by aspect.
        formulas: The aspects whose text is a formula.
    """

    kind: str
    name: str
    place: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    formulas: frozenset[str] = frozenset()


def digest(content: bytes) -> str:
    """Return a short hash of a part's content; XML counts however it is written."""
    if content[:1] in (b"<", b"\xef") and len(content) <= MOST_CANONICAL_BYTES:
        with contextlib.suppress(Unreadable, etree.LxmlError, ValueError):  # else compared as it is
            content = etree.tostring(parse(content), method="c14n2", strip_text=True)
    return hashlib.sha256(content).hexdigest()[:16]


def canonical(element: Any) -> str:
    """Return what an element says, whatever prefixes and order of attributes it is written with."""
    if not isinstance(element.tag, str):
        return ""
    words = [
        f"{str(name).rpartition('}')[2]}={value!r}"
        for name, value in sorted(element.attrib.items())
    ]
    said = " ".join([name_of(element) if "AlternateContent" not in element.tag else "", *words])
    inner = "".join(map(canonical, element))
    return f"<{said}>{(element.text or '').strip()}{inner}</>"


def _short(*texts: str) -> str:
    return hashlib.sha256("".join(texts).encode("utf-8", "replace")).hexdigest()[:8]


def sheet_objects(
    package: EditablePackage, part: str, around: bytes, looks: Sequence[str]
) -> list[Object]:
    """Return what lies on a sheet.

    Args:
        package: The workbook.
        part: The sheet's part.
        around: That part without its cells.
        looks: The formats of conditional formats, by number.

    Raises:
        Unreadable: A part is broken.
    """
    root = parse(around)
    related = {each.id: each for each in package.relationships(part)}
    found: list[Object] = []
    for element in _of_the_sheet(root):
        if isinstance(element.tag, str) and (read := _ELEMENTS.get(name_of(element))):
            found += read(element)
        if len(found) > MOST_OBJECTS:
            break
    if not any(name_of(each) == "pageMargins" for each in root):
        found += _page(etree.Element("pageMargins"))  # the usual ones
    found += _conditional_formats(root, looks)
    found += _hyperlinks(root, related)
    for each in related.values():
        if not each.external and each.target in package and (of := _PARTS.get(each.kind)):
            found += of(package, each.target)
    return found[:MOST_OBJECTS]


def _of_the_sheet(root: Any) -> Iterator[Any]:
    """Yield every element but those of custom views, which are views of the same things."""
    for child in root:
        if name_of(child) != "customSheetViews":
            yield from child.iter()


def attributes_of(element: Any, without: Iterable[str] = ()) -> dict[str, str]:
    """Return an element's attributes by local name, without hashes of passwords and *without*."""
    left_out = {"hashValue", "saltValue", "spinCount", "algorithmName", "uid", *without}
    return {
        str(name).rpartition("}")[2]: TRUTHS.get(value, value)
        for name, value in sorted(element.attrib.items())
        if str(name).rpartition("}")[2] not in left_out
    }


def _said(facts: dict[str, str]) -> dict[str, str]:
    """Return *facts* without those that say what is so anyway."""
    return {name: value for name, value in facts.items() if value not in ("0", "false", "none")}


def _pane(element: Any) -> Iterator[Object]:
    if element.get("state", "").startswith("frozen"):
        rows, columns = element.get("ySplit", "0"), element.get("xSplit", "0")
        facts = {"rows": float_text(rows), "columns": float_text(columns)}
        yield Object("freeze panes", "freeze panes", facts=facts)


def _view(element: Any) -> Iterator[Object]:
    facts = {
        name: element.get(name)
        for name, usual in (("showGridLines", "1"), ("rightToLeft", "0"), ("showFormulas", "0"))
        if element.get(name, usual) != usual
    }
    if facts:
        yield Object("view", "view", facts=facts)


def _tab(element: Any) -> Iterator[Object]:
    yield Object("tab color", "tab color", facts=attributes_of(element))


def _column(element: Any) -> Iterator[Object]:
    low, high = element.get("min", ""), element.get("max", "")
    if not (low.isdecimal() and high.isdecimal()):
        return
    facts = {}
    if element.get("hidden") in ("1", "true"):
        facts["hidden"] = "yes"
    elif width := element.get("width"):
        facts["width"] = _rounded(width)
    if facts:
        for number in range(int(low), min(int(high), MAX_COLUMNS) + 1):
            yield Object("column", column_letters(number - 1), facts=facts)


def _rounded(width: str) -> str:
    try:
        return f"{float(width):.1f}"
    except ValueError:
        return width


def _merged(element: Any) -> Iterator[Object]:
    yield Object("merged cells", "", element.get("ref", ""))


def _protection(element: Any) -> Iterator[Object]:
    stated = attributes_of(element, ("password",))
    facts = {name: text for name, text in stated.items() if text != UNPROTECTED.get(name, "1")}
    if any(name in element.attrib for name in ("hashValue", "password")):
        secret = element.get("hashValue") or element.get("password")
        facts["password"] = hashlib.sha256(secret.encode()).hexdigest()[:8]
    yield Object("protection", "protection", facts=facts)


def _filter(element: Any) -> Iterator[Object]:
    kept = []
    for each in element:
        if name_of(each) == "filterColumn":
            each.attrib.pop("hiddenButton", None)
            each.attrib.pop("showButton", None)
        if name_of(each) != "extLst":
            for inner in each.iter():
                _without_usual(inner)
            kept.append(canonical(each))
    yield Object("filter", "filter", element.get("ref", ""), {"conditions": " ".join(kept)})


def _without_usual(element: Any) -> None:
    usual = USUAL_FILTER.get(name_of(element), {})
    for name, value in list(element.attrib.items()):
        if usual.get(name) == TRUTHS.get(value, value):
            del element.attrib[name]


def _validation(element: Any) -> Iterator[Object]:
    place = element.get("sqref", "")
    facts = _said(
        attributes_of(element, ("sqref", "allowBlank", "showInputMessage", "showErrorMessage"))
    )
    facts = {name: text for name, text in facts.items() if USUAL_CHOICE.get(name) != text}
    for each in element.iter():
        name = name_of(each)
        if name == "sqref":
            place = each.text or place
        elif name in ("formula1", "formula2"):
            facts[name] = "".join(each.itertext())
    yield Object("validation", "", place, facts, frozenset({"formula1", "formula2"}))


def _page(element: Any) -> Iterator[Object]:
    facts = attributes_of(element, ("id",))
    facts |= {name_of(each): each.text for each in element if each.text}
    usual = USUAL_PAGE.get(name_of(element), {})
    facts = {name: float_text(value) for name, value in _said(facts).items()}
    if name_of(element) == "pageMargins":
        facts = {**usual, **facts}  # an edit shows both widths
    else:
        facts = {name: value for name, value in facts.items() if usual.get(name) != value}
    if facts:
        yield Object("page setup", name_of(element), facts=facts)


def _sparkline(element: Any) -> Iterator[Object]:
    texts = {name_of(each): each.text or "" for each in element}
    yield Object(
        "sparkline", "", texts.get("sqref", ""), {"data": texts.get("f", "")}, frozenset({"data"})
    )


_ELEMENTS: dict[str, Callable[[Any], Iterator[Object]]] = {
    "pane": _pane, "sheetView": _view, "tabColor": _tab, "col": _column, "mergeCell": _merged,
    "sheetProtection": _protection, "autoFilter": _filter, "dataValidation": _validation,
    "pageSetup": _page, "pageMargins": _page, "printOptions": _page, "headerFooter": _page,
    "sparkline": _sparkline,
}  # fmt: skip


def _conditional_formats(root: Any, looks: Sequence[str]) -> Iterator[Object]:
    for element in root.iter("{*}conditionalFormatting", "conditionalFormatting"):
        place = element.get("sqref") or next(
            (each.text or "" for each in element if name_of(each) == "sqref"), ""
        )
        rules = [each for each in element if name_of(each) == "cfRule"]
        for rule in rules:
            facts = _said(attributes_of(rule, ("dxfId", "priority", "id")))
            formulas = [
                each.text or "" for each in rule.iter() if name_of(each) in ("formula", "f")
            ]
            for number, text in enumerate(formulas, 1):
                facts |= {f"formula{number}": text} if text else {}
            style = rule.get("dxfId", "")
            if style.isdecimal() and int(style) < len(looks):
                facts["format"] = looks[int(style)]
            rest = [e for e in rule if name_of(e) not in ("formula", "extLst")]
            if rest:
                facts["scale"] = _short(*map(canonical, rest))
            names = frozenset(f"formula{n}" for n in range(1, len(formulas) + 1))
            yield Object("conditional format", "", place, facts, names)


def _hyperlinks(root: Any, related: dict[str, Relationship]) -> Iterator[Object]:
    for element in root.iter("{*}hyperlink", "hyperlink"):
        attributes = attributes_of(element, ("ref", "display"))
        target = related.get(attributes.pop("id", ""))
        if target is not None:
            attributes["target"] = target.target
        yield Object("hyperlink", "", element.get("ref", ""), attributes)


def _table(package: EditablePackage, part: str) -> Iterator[Object]:
    root = parse(package.read(part))
    columns = [each.get("name", "") for each in root.iter("{*}tableColumn")]
    facts = {"columns": ", ".join(columns), "totals": root.get("totalsRowCount", "0")}
    for each in root.iter("{*}tableStyleInfo"):
        facts["style"] = each.get("name", "")
    for each in root.iter("{*}calculatedColumnFormula"):
        facts[f"formula of {each.getparent().get('name', '')}"] = each.text or ""
    yield Object("table", root.get("displayName", "?"), root.get("ref", ""), facts)


def _comments(package: EditablePackage, part: str) -> Iterator[Object]:
    for each in parse(package.read(part)).iter("{*}comment"):
        text = "".join(t.text or "" for t in each.iter("{*}t"))
        yield Object("comment", "", each.get("ref", ""), {"text": text})


def _threads(package: EditablePackage, part: str) -> Iterator[Object]:
    for each in parse(package.read(part)).iter("{*}threadedComment"):
        text = "".join(t.text or "" for t in each.iter("{*}text"))
        yield Object("thread comment", "", each.get("ref", ""), {"text": text})


def _pivot(package: EditablePackage, part: str) -> Iterator[Object]:
    root = parse(package.read(part))
    place = next((each.get("ref", "") for each in root.iter("{*}location")), "")
    facts = {"layout": _layout(root)}
    for each in package.relationships(part):
        if each.kind == "pivotCacheDefinition" and each.target in package:
            for source in parse(package.read(each.target)).iter("{*}worksheetSource"):
                facts["source"] = " ".join(attributes_of(source).values())
    yield Object("pivot table", root.get("name", "?"), place, facts)


def _layout(root: Any) -> str:
    laid_out = ("rowFields", "colFields", "pageFields", "dataFields")
    texts = []
    for group in root:
        if name_of(group) in laid_out:
            names = (e.get(name, "") for e in group for name in ("x", "fld", "name", "subtotal"))
            said = (name for name in names if name and name != "sum")  # the usual subtotal
            texts.append(f"{name_of(group)} {' '.join(said)}")
    return ", ".join(texts)


def _drawing(package: EditablePackage, part: str) -> Iterator[Object]:
    related = {each.id: each for each in package.relationships(part)}
    for anchor in parse(package.read(part)):
        if name_of(anchor) not in ("twoCellAnchor", "oneCellAnchor", "absoluteAnchor"):
            continue
        name = next((e.get("name", "") for e in anchor.iter("{*}cNvPr")), "")
        made = Object("shape", name, _anchored(anchor))
        text = " ".join(e.text or "" for e in anchor.iter("{*}t"))
        if text.strip():
            made.facts["text"] = text
        for each in anchor.iter():
            for attribute, value in each.attrib.items():
                target = related.get(value) if "relationships" in str(attribute) else None
                if target is not None and not target.external and target.target in package:
                    _take_related(package, target, made)
        yield made


def _take_related(package: EditablePackage, target: Relationship, made: Object) -> None:
    content = package.read(target.target)
    if target.kind == "image":
        made.kind = "picture" if made.kind == "shape" else made.kind
        made.facts["picture"] = hashlib.sha256(content).hexdigest()[:8]
    elif target.kind in ("chart", "chartEx"):
        made.kind = "chart"
        made.facts |= _chart(content)
        made.formulas = frozenset(name for name in made.facts if name.startswith("data"))


def _anchored(anchor: Any) -> str:
    ends = []
    for name in ("from", "to"):
        for each in anchor.iter(f"{{*}}{name}"):
            at = {name_of(e): e.text or "0" for e in each}
            row, column = at.get("row", "0"), at.get("col", "0")
            if row.isdecimal() and column.isdecimal():
                ends.append(address(int(row), int(column)))
            break
    return ":".join(dict.fromkeys(ends))


def _chart(content: bytes) -> dict[str, str]:
    """Return what a chart shows; the values it keeps of its cells don't count."""
    root = parse(content)
    facts = {}
    kinds = [name_of(e) for e in root.iter() if name_of(e).endswith("Chart")]
    facts["type"] = ", ".join(dict.fromkeys(kinds))
    for number, each in enumerate(root.iter("{*}f"), 1):
        facts[f"data {number}"] = each.text or ""
        each.text = ""
    titles = list(root.iter("{*}title"))
    facts["titles"] = " | ".join("".join(t.text or "" for t in e.iter("{*}t")) for e in titles)
    dropped = ("numCache", "strCache", "multiLvlStrCache", "extLst", "axId", "crossAx", "lvl")
    for each in [e for e in root.iter() if name_of(e) in dropped]:
        if (parent := each.getparent()) is not None:
            parent.remove(each)
    facts["design"] = _short(canonical(root))
    return facts


def _other(kind: str) -> Callable[[EditablePackage, str], Iterator[Object]]:
    def read(package: EditablePackage, part: str) -> Iterator[Object]:
        yield Object(kind, posixpath.basename(part), facts={"content": digest(package.read(part))})

    return read


_PARTS: dict[str, Callable[[EditablePackage, str], Iterator[Object]]] = {
    "table": _table, "comments": _comments, "threadedComment": _threads, "pivotTable": _pivot,
    "drawing": _drawing, "slicer": _other("slicer"), "timeline": _other("timeline"),
    "ctrlProp": _other("form control"), "control": _other("control"),
    "oleObject": _other("embedded object"), "queryTable": _other("query table"),
}  # fmt: skip
