"""What the names and tables of a workbook mean."""

from __future__ import annotations

from ..keep.opc import EditablePackage, parse
from ..keep.workbook_parts import workbook_part
from .dependents import Names
from .formula_cells import area_of
from .sheets import Sheets
from .table_references import Table


def names_of(package: EditablePackage, sheets: Sheets) -> Names:
    """Return what the names and tables of a workbook mean."""
    book = parse(package.read(workbook_part(package)))
    defined: dict[str, str] = {}
    for name in book.iter("{*}definedName"):
        key = name.get("name", "").upper()  # of several sheets' names each may be meant
        defined[key] = ",".join(filter(None, (defined.get(key), name.text or "")))
    tables: dict[str, Table] = {}
    for number, part in enumerate(sheets.parts):
        for each in package.relationships(part) if part else ():
            if each.kind == "table" and each.target in package:
                found = parse(package.read(each.target))
                if (area := area_of(found.get("ref", ""))) is not None:
                    columns = tuple(
                        column.get("name", "").replace("_x000a_", "\n").upper()
                        for column in found.iter("{*}tableColumn")
                    )
                    header = found.get("headerRowCount", "1") != "0"
                    totals = found.get("totalsRowCount", "0") != "0"
                    table = Table(number, area, columns, header, totals)
                    tables[found.get("displayName", "").upper()] = table
    return Names([name.upper() for name in sheets.names], defined, tables)
