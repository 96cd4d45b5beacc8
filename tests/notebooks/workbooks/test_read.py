"""One reader for every kind of table file."""

import datetime
import re
import subprocess
import sys
import tracemalloc

import pytest

from notebooks.workbooks.read import CellError, Unreadable, identify, open_book
from tests.corpus import odd_files

pytestmark = pytest.mark.check


@pytest.mark.parametrize("name", odd_files.TABLES)
def test_the_same_table_is_read_from_every_kind_of_file(tmp_path, name):
    path = odd_files.make(name, tmp_path)

    with open_book(path) as book:
        (sheet,) = book.sheets
        assert list(book.rows(sheet)) == odd_files.GRID
        assert book.used_range(sheet) == (0, 0, 3, 2)


def test_the_content_decides_what_a_file_is_and_a_wrong_ending_is_named(tmp_path):
    kinds = {name: identify(odd_files.make(name, tmp_path)).kind for name in odd_files.TABLES}

    assert kinds["portal.xls"] == "xml2003"
    assert kinds["old.xls"] == "xls"
    assert kinds["binary.xlsb"] == "xlsb"
    assert kinds["template.xltm"] == "xltm"
    found = identify(odd_files.make("portal.xls", tmp_path))
    assert found.description == "XML Spreadsheet 2003 saved as .xls"


@pytest.mark.parametrize("name", odd_files.REFUSED)
def test_a_file_that_cannot_be_read_is_refused_with_its_reason_and_a_way_out(tmp_path, name):
    code, write = odd_files.REFUSED[name]
    write(tmp_path / name)

    with pytest.raises(Unreadable) as refused, open_book(tmp_path / name) as book:
        for sheet in book.sheets:
            list(book.rows(sheet))

    assert refused.value.code == code
    assert refused.value.hint.endswith(".")


def test_a_stray_cell_in_the_last_corner_costs_no_memory(tmp_path):
    path = tmp_path / "stray.xlsx"
    odd_files.stray_cell(path)

    tracemalloc.start()
    with open_book(path) as book:
        assert book.used_range("Data") == (0, 0, 1_048_575, 16_383)
        filled = dict(book.filled("Data"))
        first = list(book.rows("Data", count=4))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert first == odd_files.GRID
    assert filled[1_048_575][-1] == 1
    assert peak < 40_000_000


def test_error_cells_keep_their_kind(tmp_path):
    path = tmp_path / "errors.xlsx"
    errors = b'<row r="5"><c r="A5" t="e"><v>#N/A</v></c><c r="B5" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>'

    def add(parts):
        sheet = parts[odd_files.SHEET]
        parts[odd_files.SHEET] = sheet.replace(b"</sheetData>", errors + b"</sheetData>")

    odd_files.changed(path, add)
    with open_book(path) as book:
        *_, last = book.rows(0)

    assert last == [CellError("#N/A"), CellError("#DIV/0!")]


def test_a_window_of_rows_starts_and_ends_where_asked(tmp_path):
    path = odd_files.make("usual.xlsx", tmp_path)

    with open_book(path) as book:
        assert list(book.rows(0, first=1, count=2)) == odd_files.GRID[1:3]
        assert list(book.rows(0, first=3, count=50)) == odd_files.GRID[3:]
        assert list(book.rows(0, first=9)) == []
        with pytest.raises(LookupError, match="'Data'"):
            book.used_range("Other")


def test_times_durations_and_dates_before_the_calendar(tmp_path):
    cells = {
        "0.25": datetime.time(6),
        "1.5": datetime.datetime(1900, 1, 1, 12),
        "61": datetime.datetime(1900, 3, 1),
        "-5": -5,
    }
    rows = "".join(
        f'<row r="{n}"><c r="A{n}" s="1"><v>{v}</v></c></row>' for n, v in enumerate(cells, 5)
    )
    path = tmp_path / "times.xlsx"

    def add(parts):
        sheet = parts[odd_files.SHEET]
        parts[odd_files.SHEET] = sheet.replace(b"</sheetData>", rows.encode() + b"</sheetData>")

    odd_files.changed(path, add)
    with open_book(path) as book:
        found = [row[0] for row in book.rows(0, first=4)]

    assert found == list(cells.values())


def test_formats_of_conditional_formats_change_no_cell(tmp_path):
    def add(parts):
        dxf = b'<dxfs count="1"><dxf><numFmt numFmtId="164" formatCode="0.00%"/></dxf></dxfs>'
        styles = re.sub(rb"<dxfs[^>]*/>", dxf, parts["xl/styles.xml"])
        assert dxf in styles
        parts["xl/styles.xml"] = styles

    odd_files.changed(tmp_path / "a.xlsx", add)
    with open_book(tmp_path / "a.xlsx") as book:
        assert list(book.rows(0)) == odd_files.GRID


HOSTILE_CELLS = {
    "a row far below, under the number of the first": '<row r="1"><c r="A1"><v>1</v></c><c r="A1048576"><v>2</v></c></row>',
    "a far column in each row": "".join(
        f'<row r="{n}"><c r="A{n}"><v>1</v></c><c r="XFD{n}"><v>2</v></c></row>'
        for n in range(1, 3_000)
    ),
    "rows far apart": "".join(
        f'<row r="{n}"><c r="A{n}"><v>1</v></c><c r="ZZ{n}"><v>2</v></c></row>'
        for n in range(1, 1_048_576, 1_000)
    ),
    "rows that claim to be the last": '<row r="1048576"><c r="A1"><v>1</v></c></row>' * 2,
    "a column there is not": '<row r="1"><c r="ZZZ1"><v>1</v></c></row>',
}


@pytest.mark.parametrize("what", HOSTILE_CELLS)
def test_cells_that_claim_to_be_far_apart_cost_no_memory(tmp_path, what):
    """In 400 MB: a reader that makes a rectangle of them would end with the process."""

    def replace(parts):
        sheet = parts[odd_files.SHEET]
        rows = HOSTILE_CELLS[what].encode()
        parts[odd_files.SHEET] = re.sub(
            rb"<sheetData>.*</sheetData>", b"<sheetData>" + rows + b"</sheetData>", sheet
        )

    odd_files.changed(tmp_path / "a.xlsx", replace)
    code = (
        "import pathlib, resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (400_000_000, 400_000_000))\n"
        "from notebooks.workbooks.read import Unreadable, open_book\n"
        "try: print(sum(len(row) > 0 for row in open_book(pathlib.Path(sys.argv[1])).rows(0)))\n"
        "except Unreadable as error: print(error.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.xlsx")], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() in ("damaged", "1", "2999", "1049")
