"""What openpyxl drops of tables, pivot tables and their caches: descriptions, styles, extensions.

Source: ECMA-376 part 1, sections 18.5.1.2 (table), 18.10.1.73 (pivotTableDefinition) and
18.10.1.67 (pivotCacheDefinition).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .opc import EditablePackage, parse, serialize
from .settings import plain_tree
from .three_way import restore

CACHES = "xl/pivotCache/pivotCacheDefinition"
"""How openpyxl names the definitions of caches."""


def restore_tables(
    source: EditablePackage, result: EditablePackage, before: str, after: str
) -> None:
    """Restore the tables and pivot tables of a sheet, and the caches of the latter.

    Args:
        source: The package that was read.
        result: The one that was written; its parts are changed.
        before: The sheet's part in *source*.
        after: Its part in *result*.
    """
    from openpyxl.pivot.cache import CacheDefinition
    from openpyxl.pivot.table import TableDefinition
    from openpyxl.worksheet.table import Table

    tables = dict(_named(result, after, "table", "displayName"))
    for name, part in _named(source, before, "table", "displayName"):
        if name in tables:
            _restore_part(source, result, part, tables[name], Table.from_tree)
    pivots = dict(_named(result, after, "pivotTable", "name"))
    for name, part in _named(source, before, "pivotTable", "name"):
        if name not in pivots:
            continue
        caches = _cache(source, part), _cache(result, pivots[name])
        _restore_part(source, result, part, pivots[name], TableDefinition.from_tree)
        if caches[0] and caches[1]:
            _restore_part(source, result, *caches, CacheDefinition.from_tree)


def _named(
    package: EditablePackage, sheet: str, kind: str, attribute: str
) -> Iterator[tuple[str, str]]:
    """Yield the name and part of each table of a sheet."""
    for related in package.relationships(sheet):
        if related.kind == kind and related.target in package:
            yield parse(package.read(related.target)).get(attribute, ""), related.target


def _cache(package: EditablePackage, pivot: str) -> str:
    related = package.relationships(pivot)
    return next((r.target for r in related if r.kind.endswith("CacheDefinition")), "")


def relate_records(package: EditablePackage) -> None:
    """Relate each pivot cache to its own records: openpyxl relates all to those of the first.

    Args:
        package: A workbook that openpyxl has written; changed.
    """
    for part in [n for n in package.names if n.startswith(CACHES) and n.endswith(".xml")]:
        own = part.replace("CacheDefinition", "CacheRecords")
        for each in package.relationships(part):
            if each.kind == "pivotCacheRecords" and each.target != own and own in package:
                package.retarget(part, each.id, own)


def _restore_part(
    source: EditablePackage,
    result: EditablePackage,
    before: str,
    after: str,
    read: Callable[[Any], Any],
) -> None:
    if before not in source or after not in result:
        return
    was, now = parse(source.read(before)), parse(result.read(after))
    plain = plain_tree(read, was)
    if plain is None:
        return
    restore(was, plain, now)
    content = serialize(now)
    if content != result.read(after):
        result.write(after, content)
