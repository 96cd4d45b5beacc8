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
            _carry_records(source, result, *caches)
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


def _carry_records(
    source: EditablePackage, result: EditablePackage, before: str, after: str
) -> None:
    """Carry the records of a cache where openpyxl names some but writes none."""
    was, now = (
        next((r.target for r in package.relationships(part) if r.kind == "pivotCacheRecords"), "")
        for package, part in ((source, before), (result, after))
    )
    if now and now not in result and was in source:
        result.write(now, source.read(was))
        result.set_content_type(now, source.content_type(was))


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
