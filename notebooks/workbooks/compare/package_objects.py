"""What belongs to a whole workbook: names, links, and the parts that are neither cells nor objects.

Source: ECMA-376 part 1, section 18.2 (workbook), and part 2 (packages).
"""

from __future__ import annotations

from collections.abc import Sequence

from ..keep.opc import EditablePackage, parse
from ..keep.workbook_parts import workbook_part
from .formula_text import unquoted
from .objects import MOST_OBJECTS, Object, attributes_of, digest

COVERED = (
    "xl/worksheets/", "xl/chartsheets/", "xl/drawings/", "xl/charts/", "xl/tables/", "xl/comments",
    "xl/threadedcomments/", "xl/persons/", "xl/pivottables/", "xl/pivotcache/", "xl/media/",
    "docprops/", "package/", "[content_types].xml", "xl/calcchain.xml", "xl/sharedstrings.xml",
    "xl/styles.xml", "xl/externallinks/",
)  # fmt: skip
"""Parts whose content is compared as cells or objects, or says nothing of the workbook itself."""


def book_objects(package: EditablePackage, sheets: Sequence[str]) -> list[Object]:
    """Return what belongs to the whole workbook: names, protection, links to other files.

    Raises:
        Unreadable: A part is broken.
    """
    main = workbook_part(package)
    root = parse(package.read(main))
    found = []
    for each in root.iter("{*}definedName"):
        name, scope = each.get("name", "?"), each.get("localSheetId", "")
        if name.startswith("_xlnm._FilterDatabase"):
            continue
        if scope.isdecimal() and int(scope) < len(sheets):
            name = f"{name} of {sheets[int(scope)]}"
        facts = {"refers to": unquoted(each.text or "")}
        if each.get("hidden") in ("1", "true"):
            facts["hidden"] = "yes"
        found.append(Object("defined name", name, facts=facts, formulas=frozenset({"refers to"})))
    for each in root.iter("{*}workbookProtection"):
        found.append(
            Object("workbook protection", "workbook protection", facts=attributes_of(each))
        )
    for each in root.iter("{*}workbookPr"):
        if each.get("date1904") in ("1", "true"):
            found.append(Object("date system", "date system", facts={"dates": "from 1904"}))
    for related in package.relationships(main):
        if related.kind == "externalLink":
            targets = [r.target for r in package.relationships(related.target)]
            found.append(Object("external link", ", ".join(targets)))
    return found[:MOST_OBJECTS]


def other_parts(package: EditablePackage) -> dict[str, str]:
    """Return a hash of each part that is compared neither as cells nor as objects.

    Raises:
        Unreadable: A part is broken.
    """
    main = workbook_part(package).lower()
    found: dict[str, str] = {}
    for name in package.names:
        lower = name.lower()
        if (
            lower.startswith(COVERED)
            or lower == main
            or lower.endswith((".rels", "/"))
            or len(found) >= MOST_OBJECTS
        ):
            continue
        found[name] = digest(package.read(name))
    return found
