"""The formulas that a cell wrote are computed, and nothing else of the file changes."""

import asyncio
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
from openpyxl import Workbook, load_workbook

from agent.checks.formula_values import FormulaValues, office_installed, summary
from container.limits import Limits
from container.workspace.workspace import Workspace
from notebooks.workbooks.recalculate.office import Office
from notebooks.workbooks.recalculate.office_values import read_values
from tests.corpus.known_formulas import known_workbook, part_changed, sheet_xml
from tests.corpus.rich_template import make_template

NAME = "outputs/book.xlsx"


@pytest.fixture
async def values():
    """Computes, as the service does."""
    assert office_installed(), "LibreOffice is missing: .ci/setup test installs it"
    computing = FormulaValues(Limits(), warm=False)
    yield computing
    await computing.aclose()


def put(workspace: Workspace, made: Path, name: str = NAME) -> Path:
    """Move a file into the workspace, with its owner."""
    place = workspace.directory / name
    shutil.copyfile(made, place)
    if workspace.uid is not None:
        os.chown(place, workspace.uid, workspace.uid)
    return place


def read(path: Path, sheet: int = 0):
    return load_workbook(path, data_only=True).worksheets[sheet]


def differing(sheet, expected):
    """Return the cells that have another value: numbers to 1e-12, other kinds exactly."""
    found = {}
    for name, wanted in expected.items():
        value = sheet[name].value
        if hasattr(value, "year"):
            from openpyxl.utils.datetime import to_excel

            value = to_excel(value, sheet.parent.epoch)
        same = type(value) in (int, float) and type(wanted) in (int, float)
        if same and abs(value - wanted) <= 1e-12 * max(1, abs(wanted)):
            continue
        if not same and (value == wanted or (wanted == "" and value is None)):
            continue
        found[name] = (value, wanted)
    return found


@pytest.mark.parametrize("from_1904", [False, True])
async def test_values_are_those_that_are_known(workspace, values, tmp_path, from_1904):
    expected = known_workbook(tmp_path / "a.xlsx", from_1904=from_1904)
    file = put(workspace, tmp_path / "a.xlsx")

    found = await values.compute(workspace, [NAME])

    assert differing(read(file), expected) == {}
    assert found[NAME]["computed"] == found[NAME]["formulas"]
    assert found[NAME]["errors"]["#N/A"]["count"] == 1
    assert load_workbook(file).worksheets[0]["E2"].value.startswith("=SUM(")


async def test_every_other_part_stays_byte_for_byte(workspace, values, tmp_path):
    make_template(tmp_path / "template.xlsx")
    with zipfile.ZipFile(tmp_path / "template.xlsx") as package:
        before = {name: package.read(name) for name in package.namelist()}
    sheet = next(name for name in before if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", name))
    part_changed(
        tmp_path / "template.xlsx", sheet,
        lambda content: content.replace(b"</sheetData>", b'<row r="9000"><c r="A9000" s="1"><f>2*21</f></c></row></sheetData>'),
    )  # fmt: skip
    file = put(workspace, tmp_path / "template.xlsx")

    await values.compute(workspace, [NAME])

    with zipfile.ZipFile(file) as package:
        after = {name: package.read(name) for name in package.namelist()}
    assert list(after) == list(before)
    changed = {name for name in before if after[name] != before[name]}
    assert changed <= {sheet, "xl/workbook.xml"} | {n for n in before if "worksheets/sheet" in n}
    assert b'<c r="A9000" s="1"><f>2*21</f><v>42</v></c>' in after[sheet]
    without = re.compile(rb"<row r=\"9000\">.*?</row>|<v>[^<]*</v>|<v/>| t=\"[a-z]+\"")
    assert without.sub(b"", after[sheet]) == without.sub(b"", before[sheet])
    assert b'fullCalcOnLoad="1"' in after["xl/workbook.xml"]


async def test_a_formula_that_cannot_be_computed_has_no_value_nor_has_what_depends_on_it(
    workspace, values, tmp_path
):
    """Not LibreOffice's own #NAME?, and not a number that hides it."""
    book = Workbook()
    sheet = book.active
    formulas = {
        "B1": "=_xlfn.STOCKHISTORY(A1,1)",
        "B2": "=IFERROR(B1,0)+1",
        "B3": "=SUM(B1:B2)",
        "B4": "=COUNT(B:B)",
        "B5": '=INDIRECT("B1")',
        "B6": "=Share*2",
        "C1": "=A1*2",
        "C2": "=SUM(B1;C1)",
        "C3": "=IFERROR(C2,7)",
        "C4": "=_xlfn.LAMBDA(_xlpm.x,_xlpm.x+1)(1)",
        "C5": '=TEXTJOIN(",",TRUE,A1:A2)',
        "C6": "=[1]Other!A1",
    }
    sheet["A1"] = 5
    for name, formula in formulas.items():
        sheet[name] = formula
    from openpyxl.workbook.defined_name import DefinedName

    book.defined_names["Share"] = DefinedName("Share", attr_text="Sheet!$B$2")
    book.save(tmp_path / "a.xlsx")
    file = put(workspace, tmp_path / "a.xlsx")

    found = await values.compute(workspace, [NAME])

    sheet = read(file)
    assert {name for name in formulas if sheet[name].value is not None} == {"C1"}
    assert sheet["C1"].value == 10
    assert found[NAME]["computed"] == 1
    said = summary(found[NAME])
    assert "computed 1 formula; 11 formulas have no value until Excel opens the file" in said
    assert "STOCKHISTORY in Sheet!B1" in said


SAID_OTHERWISE = {
    '=_xlfn.XLOOKUP("k2",A1:A6,B1:B6)': 20,
    '=_xlfn.XLOOKUP("zz",A1:A6,B1:B6)': "#N/A",
    '=_xlfn.XLOOKUP("zz",A1:A6,B1:B6,"none, (really)")': "none, (really)",
    "=_xlfn.XLOOKUP(A3,A1:A6,B1:B6)": 30,
    '=_xlfn.XLOOKUP("ab*",A1:A6,B1:B6)': "#N/A",
    '=_xlfn.XLOOKUP("ab*",A1:A6,B1:B6,,2)': 40,
    '=_xlfn.XLOOKUP("20",B1:B6,A1:A6)': None,
    '=_xlfn.XLOOKUP("k1",$A:$A,$B:$B)*2+1': 21,
    '=IFERROR(_xlfn.XLOOKUP("q",A1:A6,B1:B6),0)': 0,
    "=_xlfn.XLOOKUP(A6,A1:A6,B1:B6)": None,
    '=_xlfn.XLOOKUP(1/0,A1:A6,B1:B6,"x")': "#DIV/0!",
    '=INDEX(B1:B6,_xlfn.XMATCH("abc",A1:A6))': 40,
    "=_xlfn.LET(_xlpm.x,B1,_xlpm.y,_xlpm.x*2,_xlpm.x+_xlpm.y)": 30,
    '=_xlfn.LET(_xlpm.x,2,"_xlpm.x")': "_xlpm.x",
    '=_xlfn.LET(_xlpm.k,"abc",_xlfn.XLOOKUP(_xlpm.k,A1:A6,B1:B6,0))': 40,
    "=SUM(_xlfn._xlws.FILTER(B1:B6,B1:B6>20))": 180,
    '=SUM(_xlfn._xlws.FILTER(B1:B6,A1:A6="k2"))': 70,
    "=SUM(_xlfn._xlws.FILTER(B1:B6,B1:B6>200))": None,
    "=_xlfn.UNIQUE(A1:A6)": None,
    "=E1*2": 40,
    "=E10+1": None,
}
KEYS = (("k1", 10), ("K2", 20), ("a*", 30), ("abc", 40), ("k2", 50), (None, 60))
OTHERWISE = {
    '=MATCH("20",B1:B6,0)': None,
    "=COUNTIF(D1:D3,20)": None,
    '=COUNTIF(D1:D3,"20")': 1,
    "=VLOOKUP(D2,D1:D3,1,FALSE)": "20",
    '=INDEX(B1:B6,MATCH("20",D1:D3,0))': 20,
    "=SUM(C1:C3)": None,
    "=COUNT(C1:C3)": None,
    '=C1&"!"': None,
    "=IF(C1,SUM(B1:B2),0)": 30,
    "=SQRT(-1)": "#NUM!",
    "=INDEX(B1:B6,9)": "#REF!",
    "=E10+1": "#NUM!",
    "=IRR(B1:B3)": "#NUM!",
}


@pytest.mark.parametrize("known", [SAID_OTHERWISE, OTHERWISE], ids=["lacking", "differing"])
async def test_a_value_is_stored_only_where_it_is_excels(workspace, values, tmp_path, known):
    """Functions that LibreOffice lacks are said in others; what it takes otherwise is left out."""
    book = Workbook()
    for row, key in enumerate(KEYS, 1):
        book.active.append([*key, row == 1 if row < 4 else None, f"{row}0" if row < 4 else None])
    for row, formula in enumerate(known, 1):
        book.active.cell(row, 5, formula)
    book.save(tmp_path / "a.xlsx")
    file = put(workspace, tmp_path / "a.xlsx")

    await values.compute(workspace, [NAME])

    sheet = read(file)
    found = {formula: sheet.cell(row, 5).value for row, formula in enumerate(known, 1)}
    assert found == known


async def test_formulas_of_excel_tables_are_computed(workspace, values, tmp_path):
    book = xlsxwriter.Workbook(tmp_path / "a.xlsx")
    sheet = book.add_worksheet("My Data")
    columns = [
        {"header": "Key", "total_string": "Total"},
        {"header": "Net Amt", "total_function": "sum"},
        {"header": "Gross", "formula": "=[@[Net Amt]]*2", "total_function": "sum"},
    ]
    data = [["a", 1], ["b", 3], ["c", 5]]
    options = {"name": "Sales", "total_row": True, "data": data, "columns": columns}
    sheet.add_table("B3:D7", options)
    known = {
        "=SUM(Sales[Net Amt])": 9,
        '=_xlfn.XLOOKUP("b",Sales[Key],Sales[Gross])': 6,
        "=Sales[[#Totals],[Gross]]+ROWS(Sales)": 21,
    }
    for row, formula in enumerate(known):
        sheet.write_formula(row, 10, formula)
    book.close()
    file = put(workspace, tmp_path / "a.xlsx")

    await values.compute(workspace, [NAME])

    sheet = read(file)
    assert [sheet.cell(row, 11).value for row in (1, 2, 3)] == list(known.values())
    assert [sheet.cell(row, 4).value for row in (4, 5, 6, 7)] == [2, 6, 10, 18]
    assert sheet["C7"].value == 9


async def test_what_reads_the_cells_that_a_dynamic_array_may_fill_has_no_value(
    workspace, values, tmp_path
):
    """The file does not say how far it reaches, where its writer did not know."""
    book = xlsxwriter.Workbook(tmp_path / "a.xlsx")
    sheet = book.add_worksheet("Data")
    sheet.write_column("A1", [1, 2, 3])
    sheet.write_dynamic_array_formula("C1", "=A1:A3*2")
    sheet.write_dynamic_array_formula("E1:E3", "=A1:A3*3")
    for cell, formula in (
        ("G1", "=C1"),
        ("G2", "=SUM(C1:C3)"),
        ("G3", "=C2+1"),
        ("G4", "=SUM(E1:E3)"),
    ):
        sheet.write_formula(cell, formula)
    book.close()
    file = put(workspace, tmp_path / "a.xlsx")

    await values.compute(workspace, [NAME])

    sheet = read(file)
    assert [sheet[name].value for name in ("C1", "G1", "G2", "G3", "G4")] == [2, 2, None, None, 18]
    assert [sheet.cell(row, 5).value for row in (1, 2, 3)] == [3, 6, 9]


async def test_values_of_a_file_with_all_of_them_stay(workspace, values, tmp_path):
    """What a spreadsheet program computed is not computed again."""
    sheet_xml(tmp_path / "a.xlsx", '<row r="1"><c r="A1"><f>1+1</f><v>3</v></c></row>')
    file = put(workspace, tmp_path / "a.xlsx")
    before = file.read_bytes()

    assert await values.compute(workspace, [NAME]) == {}

    assert file.read_bytes() == before


async def test_stale_values_are_computed_with_the_missing_ones(workspace, values, tmp_path):
    cells = (
        '<row r="1"><c r="A1"><v>5</v></c><c r="B1" t="str"><f t="shared" ref="B1:B3" si="0">A1&amp;"!"</f><v>old</v></c></row>'
        '<row r="2"><c r="A2"><v>6</v></c><c r="B2"><f t="shared" si="0"/></c></row>'
        '<row r="3"><c r="A3" t="inlineStr"><is><t>x</t></is></c><c r="B3" t="e"><f t="shared" si="0"/><v>#REF!</v></c></row>'
    )
    sheet_xml(tmp_path / "a.xlsx", cells)
    file = put(workspace, tmp_path / "a.xlsx")

    await values.compute(workspace, [NAME])

    assert [read(file).cell(row, 2).value for row in (1, 2, 3)] == ["5!", "6!", "x!"]


async def test_elements_with_a_prefix_are_computed(workspace, values, tmp_path):
    """As the Open XML SDK writes them."""
    sheet_xml(tmp_path / "a.xlsx", '<row r="1"><c r="A1"><f>6*7</f></c></row>')
    part_changed(
        tmp_path / "a.xlsx", "xl/worksheets/sheet1.xml",
        lambda content: re.sub(rb"<(/?)([A-Za-z])", rb"<\1x:\2", content).replace(b"xmlns=", b"xmlns:x="),
    )  # fmt: skip
    file = put(workspace, tmp_path / "a.xlsx")

    await values.compute(workspace, [NAME])

    with zipfile.ZipFile(file) as package:
        assert b"<x:f>6*7</x:f><x:v>42</x:v></x:c>" in package.read("xl/worksheets/sheet1.xml")


HOSTILE = {
    "WEBSERVICE": '=_xlfn.WEBSERVICE("http://127.0.0.1:{port}/x")',
    "DDE": "=cmd|'/c calc'!A1",
    "file link": "='file:///etc/[passwd]Sheet'!A1",
    "web link": "='http://127.0.0.1:{port}/[x.xlsx]Sheet'!A1",
    "plain": "=1+1",
}


async def test_a_hostile_workbook_reaches_neither_network_nor_host(workspace, values, tmp_path):
    reached = []

    async def reach(reader, writer):
        reached.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(reach, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    secret = tmp_path / "secret.csv"
    secret.write_text("host-secret\n")
    book = Workbook()
    for row, formula in enumerate(HOSTILE.values(), 1):
        book.active.cell(row, 1, formula.format(port=port))
    book.active["B1"] = f"='file://{tmp_path}/[secret.csv]secret'!A1"
    book.active["B2"] = "=[1]secret!A1"
    book.save(tmp_path / "a.xlsx")
    spaces = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    part_changed(tmp_path / "a.xlsx", "xl/workbook.xml", lambda content: content.replace(
        b"</sheets>", b'</sheets><externalReferences xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><externalReference r:id="rId99"/></externalReferences>'))  # fmt: skip
    part_changed(tmp_path / "a.xlsx", "xl/_rels/workbook.xml.rels", lambda content: content.replace(
        b"</Relationships>", b'<Relationship Id="rId99" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/externalLink" Target="externalLinks/externalLink1.xml"/></Relationships>'))  # fmt: skip
    with zipfile.ZipFile(tmp_path / "a.xlsx", "a") as package:
        package.writestr(
            "xl/externalLinks/externalLink1.xml",
            f'<externalLink {spaces}><externalBook r:id="rId1"><sheetNames><sheetName val="secret"/></sheetNames></externalBook></externalLink>',
        )
        package.writestr(
            "xl/externalLinks/_rels/externalLink1.xml.rels",
            f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/externalLinkPath" Target="file://{secret}" TargetMode="External"/></Relationships>',
        )
    file = put(workspace, tmp_path / "a.xlsx")

    async with server:
        found = await values.compute(workspace, [NAME])

    assert reached == []
    with zipfile.ZipFile(file) as package:
        assert not any(
            b"host-secret" in package.read(name) or b"root:" in package.read(name)
            for name in package.namelist()
        )
    sheet = read(file)
    assert [cell.value for row in sheet["A1:B5"] for cell in row if cell.value is not None] == [2]
    assert found[NAME]["computed"] == 1


async def test_what_takes_too_long_is_ended_and_named(workspace, tmp_path):
    computing = FormulaValues(Limits(), file_seconds=0.0, warm=False)
    known_workbook(tmp_path / "a.xlsx")
    file = put(workspace, tmp_path / "a.xlsx")
    before = file.read_bytes()

    found = await computing.compute(workspace, [NAME])
    await computing.aclose()

    assert "took longer than 0 s" in found[NAME]["problem"]
    assert file.read_bytes() == before
    assert "formulas were not computed" in summary(found[NAME])


async def test_without_libreoffice_nothing_is_computed(workspace, tmp_path):
    computing = FormulaValues(Limits(), office=())
    known_workbook(tmp_path / "a.xlsx")
    put(workspace, tmp_path / "a.xlsx")

    assert await computing.compute(workspace, [NAME]) == {}
    await computing.aclose()


async def test_a_file_keeps_its_owner_and_mode(workspace, values, tmp_path):
    known_workbook(tmp_path / "a.xlsx")
    file = put(workspace, tmp_path / "a.xlsx")
    file.chmod(0o640)
    before = file.stat()

    await values.compute(workspace, [NAME])

    after = file.stat()
    assert after.st_ino != before.st_ino
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert stat.S_IMODE(after.st_mode) == 0o640
    assert sorted(each.name for each in file.parent.iterdir()) == ["book.xlsx"]


async def test_a_file_that_is_open_or_would_be_too_large_stays(workspace, tmp_path):
    known_workbook(tmp_path / "a.xlsx")
    file = put(workspace, tmp_path / "a.xlsx")
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    small = FormulaValues(Limits(file_bytes=1000), warm=False)
    full = FormulaValues(Limits(disk_bytes=1000), warm=False)

    problems = [(await each.compute(workspace, [NAME]))[NAME]["problem"] for each in (small, full)]
    await small.aclose()
    await full.aclose()

    assert problems == [
        "it would become larger than 0 MB",
        "the workspace has no room for the values",
    ]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before


async def test_several_files_are_computed_together_and_a_broken_one_is_named(
    workspace, values, tmp_path
):
    for number in range(2):
        expected = known_workbook(tmp_path / "a.xlsx")
        put(workspace, tmp_path / "a.xlsx", f"outputs/{number}.xlsx")
    (tmp_path / "cut.xlsx").write_bytes((tmp_path / "a.xlsx").read_bytes()[:2000])
    put(workspace, tmp_path / "cut.xlsx", "outputs/cut.xlsx")
    names = ["outputs/0.xlsx", "outputs/cut.xlsx", "outputs/1.xlsx", "elsewhere.xlsx"]

    found = await values.compute(workspace, names)

    assert "damaged" in found["outputs/cut.xlsx"]["problem"]
    for number in range(2):
        assert differing(read(workspace.directory / f"outputs/{number}.xlsx"), expected) == {}
    assert "elsewhere.xlsx" not in found


async def test_the_next_job_finds_libreoffice_started(workspace, tmp_path):
    """Each one serves a single job."""
    values = FormulaValues(Limits())
    known_workbook(tmp_path / "a.xlsx")
    put(workspace, tmp_path / "a.xlsx")
    await values.compute(workspace, [NAME])
    ahead = values._ahead
    assert ahead is not None
    started = await ahead
    expected = known_workbook(tmp_path / "a.xlsx")
    file = put(workspace, tmp_path / "a.xlsx")

    await values.compute(workspace, [NAME])

    assert not started.alive
    assert values._ahead is not ahead
    await values.aclose()
    assert differing(read(file), expected) == {}


@pytest.mark.filterwarnings("ignore:.* extension is not supported")
def test_a_workbook_whose_parts_were_kept_opens_in_libreoffice_with_its_values(tmp_path):
    for number, macros in enumerate((False, True)):
        source = tmp_path / f"source{number}.{'xlsm' if macros else 'xlsx'}"
        make_template(source, macros=macros)
        kept = source.with_stem("kept")
        _saved_with_its_parts(source, kept, 4711)
        office = Office()
        opened = read_values(office.to_ods(kept.read_bytes(), 60))
        office.close()

        assert len(opened) == len(load_workbook(source).sheetnames)
        for sheet, found in zip(load_workbook(kept).worksheets, opened, strict=True):
            numbers = {
                (cell.row, cell.column): cell.value
                for row in sheet.iter_rows()
                for cell in row
                if type(cell.value) in (int, float)
            }
            assert {place: found.get(place) for place in numbers} == numbers
        assert 4711 in opened[0].values()


def _saved_with_its_parts(source: Path, kept: Path, number: int) -> None:
    """Load and save as a kernel does, in a process of its own."""
    code = (
        "import sys; from notebooks.workbooks.keep.openpyxl_saves import install; install(); "
        "import openpyxl; book = openpyxl.load_workbook(sys.argv[1], keep_vba=sys.argv[1].endswith('m')); "
        "book.worksheets[0]['Z1'] = int(sys.argv[3]); book.save(sys.argv[2])"
    )
    subprocess.run([sys.executable, "-c", code, source, kept, str(number)], check=True)
