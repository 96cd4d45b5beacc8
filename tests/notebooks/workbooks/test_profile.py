"""A profile finds what a person sees: the true header, types, totals; broken files say how."""

import io
import zipfile

import msoffcrypto
import pytest
import xlsxwriter
from openpyxl import Workbook

from agent.context.profiler import Profiler
from notebooks.workbooks.formats.addresses import column_letters
from notebooks.workbooks.profile.grid import Grid
from notebooks.workbooks.profile.headers import find_header
from tests.conftest import EXAMPLES

pytestmark = pytest.mark.check


@pytest.fixture
def profile(workspace):
    """Profile bytes under a file name, in the sandbox as the service does."""
    profiler = Profiler()

    async def run(name: str, content: bytes):
        with workspace.add_input(name) as new:
            new.file.write(content)
        (file,) = (f for f in workspace.files("inputs") if f.name == f"inputs/{name}")
        return await profiler.profile(workspace, file)

    return run


def saved(book) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def names(table) -> list[str]:
    return [column["name"] for column in table["columns"]]


def example(name: str) -> bytes:
    return (EXAMPLES / name).read_bytes()


async def test_the_header_under_title_rows_is_found(profile):
    first = (await profile("q1.xlsx", example("sales_q1.xlsx")))["sheets"][0]

    assert first["header_row"] == 4
    (table,) = first["tables"]
    assert names(table) == ["'Date'", "'Region'", "'Product'", "'Units'", "'Sales'"]
    assert table["data_rows"] == 60
    assert first["facts"][0]["label"].startswith("Meridian Office Supply")


async def test_totals_rows_are_told_apart_from_data(profile):
    first = (await profile("q1.xlsx", example("sales_q1.xlsx")))["sheets"][0]

    (total,) = first["tables"][0]["totals"]
    assert (total["row"], total["label"], total["ties"]) == (65, "Total", True)


async def test_column_types_tell_text_that_looks_like_dates(profile):
    sheet = (await profile("q2.xlsx", example("sales_q2.xlsx")))["sheets"][0]

    columns = {c["name"]: c for c in sheet["tables"][0]["columns"]}
    assert columns["'Order Date'"]["kind"] == "date"
    assert columns["'Order Date'"]["stored_as"] == "text"
    assert columns["'Order Date'"]["date_format"] == "%d/%m/%Y"
    assert columns["'Qty'"]["kind"] == "integer"
    assert columns["'Sales (EUR)'"]["kind"] == "currency"


async def test_hidden_sheets_and_merged_cells_are_told(profile):
    found = await profile("q1.xlsx", example("sales_q1.xlsx"))

    assert {s["name"]: s["visible"] for s in found["sheets"]} == {
        "Sales Q1": "visible",
        "Notes": "visible",
        "Lookup": "hidden",
    }
    assert found["sheets"][0]["merged"] == ["A1:E1"]


async def test_excel_tables_and_defined_names_are_told(profile):
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet("Basesheet")
        columns = [{"header": "Region"}, {"header": "Sales"}]
        sheet.add_table("B3:C5", {"name": "Base", "columns": columns, "data": [["N", 1], ["S", 2]]})
        book.define_name("Threshold", "=Basesheet!$A$1")

    found = await profile("t.xlsx", buffer.getvalue())

    (table,) = found["excel_tables"]
    assert (table["name"], table["columns"]) == ("Base", ["Region", "Sales"])
    assert found["defined_names"] == [{"name": "Threshold", "refers_to": "Basesheet!$A$1"}]
    (told,) = found["sheets"][0]["tables"]
    assert (told["range"], told["excel_table"], told["columns"][0]["letter"]) == (
        "B3:C5",
        "Base",
        "B",
    )


async def test_a_csv_is_profiled_with_its_delimiter(profile):
    found = await profile("x.csv", b"Region;Sales\nNorth;1,5\nSouth;2,5\n")

    (sheet,) = found["sheets"]
    assert found["format"]["delimiter"] == ";"
    assert names(sheet["tables"][0]) == ["'Region'", "'Sales'"]


async def test_what_is_no_table_has_no_profile(profile):
    assert await profile("letter.docx", b"x") is None
    assert await profile("letter.txt", b"Dear Sir,\nplease pay the invoice.\nYours") is None
    assert await profile("picture.txt", b"\x89PNG\r\n\x1a\n" + bytes(range(256))) is None
    assert await profile("numbers.txt", b"Region\tSales\nNorth\t1.5\nSouth\t2.5\n") is not None


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["Title", None, None], ["A", "B", "C"], [1, 2, 3]], (1,)),
        ([["A", "B"], ["x", "y"], ["z", "w"]], (0,)),
        ([["Region", 2023, 2024], ["N", 1, 2], ["S", 3, 4]], (0,)),
        ([["Q1", None, "Q2", None], ["Plan", "Actual", "Plan", "Actual"], [1, 2, 3, 4]], (0, 1)),
        ([["Item", "Price"], ["", "EUR"], ["A", 1.5], ["B", 2.5]], (0, 1)),
        ([["R01", "North"], ["R02", "South"], ["R03", "West"]], ()),
        ([[1, 2], [3, 4]], ()),
    ],
)
def test_the_header_is_where_the_type_of_the_cells_changes(rows, expected):
    grid = Grid(rows=rows)

    assert find_header(grid, (0, 0, grid.bottom, grid.right)).rows == expected


@pytest.mark.parametrize(("index", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (16383, "XFD")])
def test_columns_have_excels_letters(index, letters):
    assert column_letters(index) == letters


# bad files: each has a code, a message and a hint, and harms nothing


async def problem_of(profile, name: str, content: bytes) -> str:
    problem = (await profile(name, content))["problem"]
    assert problem["message"]
    assert problem["hint"]
    return problem["code"]


async def test_an_empty_file_says_so(profile):
    assert await problem_of(profile, "a.xlsx", b"") == "empty"


async def test_what_is_neither_workbook_nor_text_is_no_table(profile):
    assert await problem_of(profile, "a.xlsx", b"\x00\x01hello\x02" * 9) == "no-table"


async def test_a_zip_that_is_no_workbook_is_no_table(profile):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "x")

    assert await problem_of(profile, "a.xlsx", buffer.getvalue()) == "no-table"


@pytest.mark.parametrize("part", [0.2, 0.9, 0.999])
async def test_a_truncated_workbook_is_damaged(profile, part):
    content = example("sales_q1.xlsx")

    assert await problem_of(profile, "a.xlsx", content[: int(len(content) * part)]) == ("damaged")


async def test_a_password_protected_workbook_is_named_as_such(profile):
    encrypted = io.BytesIO()
    file = msoffcrypto.OfficeFile(io.BytesIO(example("sales_q1.xlsx")))
    file.encrypt("secret", encrypted)

    assert await problem_of(profile, "a.xlsx", encrypted.getvalue()) == "encrypted"


async def test_a_zip_bomb_is_refused_before_it_is_unpacked(profile):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("xl/workbook.xml", "xl/worksheets/sheet1.xml"):
            with archive.open(name, "w", force_zip64=True) as part:
                for _ in range(200):
                    part.write(b"0" * 1_000_000)

    assert await problem_of(profile, "a.xlsx", buffer.getvalue()) == "zip-bomb"


@pytest.mark.parametrize("rows", [50_000, pytest.param(1_048_576, marks=pytest.mark.soak)])
async def test_a_sheet_with_as_many_rows_as_fit_is_profiled(profile, rows):
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Id", "Sales"])
        for row in range(1, rows):
            sheet.write_row(row, 0, [row, 1.5])

    (found,) = (await profile("a.xlsx", buffer.getvalue()))["sheets"]

    assert found["rows"] == rows
    assert found["tables"][0]["data_rows"] == rows - 1


async def test_a_sheet_with_16384_columns_is_profiled_with_all_names(profile):
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append([f"c{i}" for i in range(16_384)])
    sheet.append(list(range(16_384)))

    (found,) = (await profile("a.xlsx", saved(book)))["sheets"]

    assert found["columns_used"] == 16_384
    assert names(found["tables"][0])[-1] == "'c16383'"
    assert len(names(found["tables"][0])) == 16_384


async def test_an_entity_bomb_in_a_workbook_stops_at_the_reader(profile):
    entities = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    xml = f'<!DOCTYPE w [<!ENTITY a0 "x">{entities}]><workbook>&a11;</workbook>'
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("xl/workbook.xml", xml)

    assert await problem_of(profile, "a.xlsx", buffer.getvalue()) == "hostile-package"
