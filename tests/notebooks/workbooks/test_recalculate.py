"""Which formulas are computed, which are not, and how values are stored in a part."""

import io
import zipfile

import pytest
from lxml import etree
from openpyxl import Workbook

from notebooks.workbooks.keep.opc import EditablePackage
from notebooks.workbooks.recalculate.computation import Computation
from notebooks.workbooks.recalculate.dependents import Names, areas_read, dependents
from notebooks.workbooks.recalculate.equivalents import equivalent
from notebooks.workbooks.recalculate.formula_cells import WrittenUnusually, formula_cells
from notebooks.workbooks.recalculate.functions import lacking
from notebooks.workbooks.recalculate.office_values import NotComputed, _value
from notebooks.workbooks.recalculate.plain_copy import make_copy
from notebooks.workbooks.recalculate.report import report
from notebooks.workbooks.recalculate.sheets import read_sheets
from notebooks.workbooks.recalculate.shown_values import ShownValues, shown_values
from notebooks.workbooks.recalculate.stored_values import ErrorValue, with_values
from notebooks.workbooks.recalculate.table_references import (
    Table,
    UnknownReference,
    with_plain_references,
)
from notebooks.workbooks.recalculate.workbook import _computed_on_load

NOW, LATER = (7, 4), (25, 8)
pytestmark = pytest.mark.check


@pytest.mark.parametrize(
    ("formula", "lacks"),
    [
        ("SUM(A1:A3)+ROUND(B1,2)", []),
        ("_xlfn.XLOOKUP(1,A:A,B:B)", ["XLOOKUP"]),
        ("XLOOKUP(1,A:A,B:B)", ["XLOOKUP without _xlfn.XLOOKUP"]),
        ("SORT(A1:A3)", ["SORT without _xlfn._xlws.SORT"]),
        ("_xlfn.STDEV.S(A1:A3)", []),
        ("STDEV.S(A1:A3)", ["STDEV.S without _xlfn.STDEV.S"]),
        ('IF(A1="XLOOKUP(","x","_xlfn.LET(")', []),
        ("'FILTER(x)'!A1", []),
        ("SUMME(A1:A3)", ["SUMME"]),
        ("SUMM(A1:A3)", []),
        ("_xlfn.BRANDNEW(1)", ["BRANDNEW"]),
        ("MyLambda(3)", ["MYLAMBDA"]),
        ("[1]Other!A1", ["a reference to another workbook or program"]),
        ("'[1]Oth er'!A1*2", ["a reference to another workbook or program"]),
        ("cmd|'/c calc'!A1", ["a reference to another workbook or program"]),
        ('"a|b[1]"', []),
        ("SUM(Sales[Net Amount])", []),
        ("_xlfn.WEBSERVICE(A1)", ["WEBSERVICE"]),
        ('CELL("filename")', ["CELL"]),
    ],
)
def test_what_libreoffice_lacks_for_a_formula_is_named(formula, lacks):
    assert lacking(formula, NOW, frozenset({"MYLAMBDA"})) == lacks


def test_a_function_of_the_users_own_macros_is_not_computed():
    assert lacking("MyFunction(1)", NOW, macros=True) == ["MYFUNCTION"]
    assert lacking("MyFunction(1)", NOW) == []


def test_later_versions_of_libreoffice_compute_more():
    assert lacking("_xlfn.XLOOKUP(1,A:A,B:B)", LATER) == []
    assert lacking("_xlfn.TEXTSPLIT(A1,1)", LATER) == []


@pytest.mark.parametrize(
    "formula",
    [
        '_xlfn.XLOOKUP("k",A1:A6,A1:B6)',  # a row of several columns
        '_xlfn.XLOOKUP("k",A1:A6,B1:B7)',
        '_xlfn.XLOOKUP("k",A1:A6,B1:G1)',
        "_xlfn.XLOOKUP(A1:A2,B1:B6,C1:C6)",
        '_xlfn.XLOOKUP("k",A1:A6,B1:B6,,-1)',
        '_xlfn.XLOOKUP("k",A1:A6,B1:B6,,0,-1)',
        "_xlfn.XLOOKUP(1,A1:A6*2,B1:B6)",
        "_xlfn.XLOOKUP(1,A1:A6",
        "_xlfn.LET(_xlpm.x,1)",
        "SUM(_xlfn._xlws.FILTER(A1:A6,B1:B6))",
    ],
)
def test_what_cannot_be_said_otherwise_is_not_computed(formula):
    said = equivalent(formula)
    assert said is None or lacking(said, NOW)


SALES = Table(1, (1, 1, 9, 3), ("KEY", "NET AMT", "TAX [%]"), header=True, totals=True)
NAMES = Names(
    ["DATA", "OTHER ONE", "LAST"],
    {"RATE": "Data!$C$3", "LOOP": "Loop+1", "BOTH": "Rate*'Other one'!$A$1"},
    {"SALES": SALES},
)


@pytest.mark.parametrize(
    ("formula", "areas"),
    [
        ("A1+$B$2", [(0, (1, 1, 1, 1)), (0, (2, 2, 2, 2))]),
        ("SUM('Other one'!A1:B3)", [(1, (1, 1, 3, 2))]),
        ("SUM(Data:Last!A1)", [(0, (1, 1, 1, 1)), (1, (1, 1, 1, 1)), (2, (1, 1, 1, 1))]),
        ("SUM(B:C)", [(0, (1, 2, 1_048_576, 3))]),
        ("SUM(4:5)", [(0, (4, 1, 5, 16_384))]),
        ("Rate*2", [(0, (3, 3, 3, 3))]),
        ("Both", [(1, (1, 1, 1, 1)), (0, (3, 3, 3, 3))]),
        ("SUM(Sales)", [(1, (1, 1, 9, 3))]),
        ('"A1"&LOG10(5)', []),
        ("INDIRECT(A1)", None),
        ("Loop", None),
    ],
)
def test_the_cells_that_a_formula_reads_are_known(formula, areas):
    found = areas_read(formula, 0, NAMES)
    assert found == areas or (found is not None and sorted(found) == sorted(areas or []))


@pytest.mark.parametrize(
    ("formula", "plain"),
    [
        ("SUM(Sales[Net Amt])", "SUM('Other one'!$B$2:$B$8)"),
        ("sum(sales[net amt])", "sum('Other one'!$B$2:$B$8)"),
        ("ROWS(Sales)", "ROWS('Other one'!$A$2:$C$8)"),
        ("COUNTA(Sales[#All])", "COUNTA('Other one'!$A$1:$C$9)"),
        ("Sales[[#Totals],[Net Amt]]", "'Other one'!$B$9"),
        ("SUM(Sales[[Key]:[Net Amt]])", "SUM('Other one'!$A$2:$B$8)"),
        ("SUM(Sales[[#All],[Key]:[Net Amt]])", "SUM('Other one'!$A$1:$B$9)"),
        ("Sales[[#This Row],[Net Amt]]*2", "'Other one'!$B$4*2"),
        ("[@[Net Amt]]+[@Key]", "'Other one'!$B$4+'Other one'!$A$4"),
        ("[[#This Row],[Net Amt]]+[[#This Row],Key]", "'Other one'!$B$4+'Other one'!$A$4"),
        ("SUBTOTAL(109,[Net Amt])", "SUBTOTAL(109,'Other one'!$B$2:$B$8)"),
        ("SUM(Sales[Tax '[%']])", "SUM('Other one'!$C$2:$C$8)"),
        ("Sales[[#Headers],[#Data],[Key]]", "'Other one'!$A$1:$A$8"),
        ('"Sales[Key]"&A1', '"Sales[Key]"&A1'),
        ("'Sales[1]'!A1+Sales!B2+MySales", "'Sales[1]'!A1+Sales!B2+MySales"),
        ("[1]Other!A1", "[1]Other!A1"),
    ],
)
def test_references_to_tables_are_said_plainly(formula, plain):
    sheets = ["Data", "Other one", "Last"]
    assert with_plain_references(formula, 1, (4, 2), {"SALES": SALES}, sheets) == plain


@pytest.mark.parametrize(
    "formula", ["Sales[Gone]", "Costs[Key]", "Sales[[#This Row],[Key]]", "[Key", "[Key]"]
)
def test_a_reference_to_what_is_not_there_is_not_computed(formula):
    with pytest.raises(UnknownReference):
        with_plain_references(formula, 0, (40, 2), {"SALES": SALES}, ["Data", "Other one"])


def test_what_depends_on_an_unknown_cell_is_found_along_chains_and_areas():
    texts = {(0, (row, 2)): f"B{row - 1}+1" for row in range(2, 3000)}
    texts |= {(0, (1, 5)): "SUM(B1:B9)", (0, (2, 5)): "A1", (1, (1, 1)): "Data!E1"}

    found = dependents({}, texts, NAMES, {(0, (1, 2))})

    assert found == {(0, (1, 2)), *texts} - {(0, (2, 5))}


PART = (
    b'<worksheet><sheetData><row r="2" spans="1:3"><c r="A2" s="4"><f>B2</f></c>'
    b'<c r="B2" s="5" t="str"><f t="array" ref="B2:C3" ca="1">X1:X2</f><v>old</v></c><c r="C2" s="6"/></row>'
    b'<row r="4"><c r="B4" t="s"><v>0</v></c></row></sheetData><drawing r:id="rId1"/></worksheet>'
)


def test_values_are_stored_by_type_and_the_cells_of_an_array_are_added():
    values = {
        (2, 1): "<&> _x0041_\x07",
        (2, 2): True,
        (2, 3): 0.1 + 0.2,
        (3, 2): ErrorValue("#N/A"),
        (3, 3): 5.0,
    }

    made = with_values(PART, values)

    assert made == (
        b'<worksheet><sheetData><row r="2" spans="1:3"><c r="A2" s="4" t="str"><f>B2</f>'
        b"<v>&lt;&amp;&gt; _x005F_x0041__x0007_</v></c>"
        b'<c r="B2" s="5" t="b"><f t="array" ref="B2:C3" ca="1">X1:X2</f><v>1</v></c>'
        b'<c r="C2" s="6"><v>0.30000000000000004</v></c></row>'
        b'<row r="3"><c r="B3" t="e"><v>#N/A</v></c><c r="C3"><v>5</v></c></row>'
        b'<row r="4"><c r="B4" t="s"><v>0</v></c></row></sheetData><drawing r:id="rId1"/></worksheet>'
    )


@pytest.mark.parametrize(
    "cells",
    [b"<!-- --><row/>", b'<row r="1"><c><f>1</f></c></row>', b'<row r="1"><c r="A1"><v>1</v><f>1</f></c></row>'],
)  # fmt: skip
def test_a_part_that_is_written_unusually_is_left_alone(cells):
    with pytest.raises(WrittenUnusually):
        list(formula_cells(b"<worksheet><sheetData>%s</sheetData></worksheet>" % cells))


def test_the_copy_that_is_opened_holds_nothing_that_reaches_outside(tmp_path):
    book = Workbook()
    sheet = book.active
    sheet["A1"] = "=1+1"
    sheet["A1"].hyperlink = "file:///etc/passwd"
    from openpyxl.formatting.rule import CellIsRule
    from openpyxl.worksheet.datavalidation import DataValidation

    sheet.conditional_formatting.add("A1", CellIsRule("equal", ["1"]))
    sheet.add_data_validation(DataValidation("list", formula1='"a,b"'))
    book.save(tmp_path / "a.xlsx")
    with EditablePackage(tmp_path / "a.xlsx") as package:
        sheets = read_sheets(package)
        copy = make_copy(package, sheets.parts, sheets.contents)

    with zipfile.ZipFile(io.BytesIO(copy)) as made:
        parts = {name: made.read(name) for name in made.namelist()}
    assert not any(b"External" in content or b"etc/passwd" in content for content in parts.values())
    assert set(parts) == {
        "[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels",
        "xl/styles.xml", "xl/worksheets/sheet1.xml",
    }  # fmt: skip
    assert b"<f>1+1</f>" in parts["xl/worksheets/sheet1.xml"]


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("<sheets/></sheets>", '<sheets/></sheets><calcPr fullCalcOnLoad="1"/>'),
        ("</sheets><definedNames />", '</sheets><definedNames /><calcPr fullCalcOnLoad="1"/>'),
        ("</x:sheets>", '</x:sheets><x:calcPr fullCalcOnLoad="1"/>'),
        ("</sheets><calcPr calcId='1'/>", "</sheets><calcPr calcId='1' fullCalcOnLoad=\"1\"/>"),
    ],
)
def test_excel_is_asked_to_compute_again_where_the_schema_has_it(written, made):
    assert _computed_on_load(written.encode()).decode() == made


def test_a_number_that_is_not_finite_is_no_value():
    cell = etree.fromstring(
        '<c xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'office:value-type="float" office:value="inf"/>'
    )

    assert isinstance(_value(cell), NotComputed)


def test_computed_dates_times_and_durations_are_shown_as_such_and_in_order():
    made = io.BytesIO()
    book = Workbook()
    formats = {
        1: "yyyy-mm-dd", 2: "dd/mm/yyyy hh:mm", 3: "hh:mm", 4: "[h]:mm", 5: "0.00", 6: "General",
        7: "mmm yy", 8: "yyyy-mm-dd",
    }  # fmt: skip
    for row, code in formats.items():
        book.active.cell(row, 1, "=1").number_format = code
    book.save(made)
    values = [47908.0, 47908.5, 0.75, 1.25, 47908.0, 47908.0, 47908.0, "none"]

    with EditablePackage(made) as package:
        sheets = read_sheets(package)
        computation = Computation(dict(zip(sheets.cells, values, strict=True)), {}, set())
        cells = report(sheets, computation, shown_values(package))["cells"]

    assert list(cells) == [f"Sheet!A{row}" for row in formats]
    assert list(cells.values()) == [
        "2031-03-01", "2031-03-01 12:00:00", "18:00:00", "30:00:00", 47908.0, 47908.0,
        "2031-03-01", "none",
    ]  # fmt: skip


def test_dates_that_count_from_1904_are_shown_as_such():
    assert ShownValues(("date",), from_1904=True).shown(1.0, 0) == "1904-01-02"
    assert ShownValues(("date",)).shown(-5.0, 0) == -5.0
    assert ShownValues(("date",)).shown(1e300, 0) == 1e300
    assert ShownValues(("date",)).shown(3.0, 9) == 3.0
