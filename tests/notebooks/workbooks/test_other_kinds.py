"""HTML pages, XML Spreadsheet 2003, OpenDocument, JSON and delimited text named as workbooks."""

import datetime

import pytest

from notebooks.workbooks.read import CellError, Unreadable, identify, open_book
from tests.corpus import odd_files

pytestmark = pytest.mark.check

HTML = """<html><head><meta charset="windows-1252"><style>td {color: red}</style></head><body>
<table><tr><td>Menu<table><tr><th colspan=2>Größe</th><th>Betrag</th></tr>
<tr><td rowspan=2>Süd &amp; Ost</td><td>a<br>b</td><td>1.250,50</td></tr>
<tr><td> c   d </td><td x:num="17.5">17,5</td></tr></table></td></tr></table>
<table></table></body>"""


def rows_of(path, sheet=0):
    with open_book(path) as book:
        return list(book.rows(sheet))


def test_tables_of_an_html_page_are_its_sheets(tmp_path):
    path = tmp_path / "report.xls"
    path.write_bytes(HTML.encode("cp1252"))

    with open_book(path) as book:
        assert [sheet.name for sheet in book.sheets] == ["Table 1", "Table 2"]
        assert list(book.rows("Table 2")) == [
            ["Größe", None, "Betrag"],
            ["Süd & Ost", "a\nb", "1.250,50"],
            [None, "c d", 17.5],
        ]
    assert identify(path).description == "HTML table saved as .xls"


def test_cells_of_xml_spreadsheet_2003_stand_where_their_index_says(tmp_path):
    path = tmp_path / "report.xls"
    path.write_text(
        '<?xml version="1.0"?><ss:Workbook xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">'
        '<ss:Worksheet ss:Name="A &amp; B"><ss:Table>'
        '<ss:Row ss:Index="3"><ss:Cell ss:MergeAcross="1"><ss:Data ss:Type="String">wide</ss:Data></ss:Cell>'
        '<ss:Cell><ss:Data ss:Type="Boolean">1</ss:Data></ss:Cell>'
        '<ss:Cell ss:Index="6"><ss:Data ss:Type="Error">#REF!</ss:Data></ss:Cell></ss:Row>'
        '<ss:Row><ss:Cell><ss:Data ss:Type="Number">5</ss:Data></ss:Cell></ss:Row>'
        "</ss:Table></ss:Worksheet>"
        '<ss:Worksheet ss:Name="Gone"><ss:WorksheetOptions><ss:Visible>SheetHidden</ss:Visible>'
        "</ss:WorksheetOptions></ss:Worksheet></ss:Workbook>"
    )

    with open_book(path) as book:
        assert [(sheet.name, sheet.visible) for sheet in book.sheets] == [
            ("A & B", True),
            ("Gone", False),
        ]
        assert list(book.rows(0)) == [
            [],
            [],
            ["wide", None, True, None, None, CellError("#REF!")],
            [5],
        ]
        assert book.used_range(1) is None


def test_an_entity_in_xml_spreadsheet_2003_is_refused(tmp_path):
    path = tmp_path / "bomb.xml"
    path.write_text(
        '<!DOCTYPE x [<!ENTITY a "aaaa">]><Workbook xmlns="urn:schemas-microsoft-com:office:'
        'spreadsheet"><Worksheet/></Workbook>'
    )

    with pytest.raises(Unreadable) as refused, open_book(path):
        pass

    assert refused.value.code == "hostile-package"


def test_cells_that_an_ods_repeats_without_end_are_refused(tmp_path):
    path = tmp_path / "bomb.ods"
    odd_files.ods(path, last_value="1")

    with pytest.raises(Unreadable) as refused:
        rows_of(path)

    assert refused.value.code == "too-large"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('[{"a": 1, "b": null}, {"a": 2, "c": [1]}]', [["a", "b", "c"], [1], [2, None, "[1]"]]),
        ('{"a": 1}\n{"a": 2.5}\n', [["a"], [1], [2.5]]),
        ('{"a": [1, 2], "b": ["x", "y"]}', [["a", "b"], [1, "x"], [2, "y"]]),
        ("[[1, 2], [3, true]]", [[1, 2], [3, True]]),
    ],
)
def test_records_of_json_are_a_table(tmp_path, text, rows):
    path = tmp_path / "records.json"
    path.write_text(text)

    assert [[*row] for row in rows_of(path)] == [
        row[: max(at for at, v in enumerate(row) if v is not None) + 1] for row in rows
    ]


def test_a_broken_json_file_is_damaged(tmp_path):
    (tmp_path / "broken.json").write_text('[{"a": 1}, {"a": ')

    with pytest.raises(Unreadable) as refused, open_book(tmp_path / "broken.json"):
        pass

    assert refused.value.code == "damaged"


def test_tab_separated_text_named_xls_is_text(tmp_path):
    path = tmp_path / "portal.xls"
    path.write_text("Date\tAmount\n2024-01-01\t1,5\n2024-01-02\t2,5\n")

    found = identify(path)

    assert found.description == "Tab-separated text saved as .xls"
    assert rows_of(path)[1] == ["2024-01-01", "1,5"]


def test_times_and_errors_of_an_ods_keep_their_kind(tmp_path):
    path = tmp_path / "kinds.ods"
    odd_files.ods(
        path,
        extra=(
            '<table:table-cell office:value-type="time" office:time-value="PT25H30M00S"/>'
            '<table:table-cell office:value-type="time" office:time-value="PT01H30M00S"/>'
            '<table:table-cell office:value-type="boolean" office:boolean-value="true"/>'
            '<table:table-cell table:formula="of:=NA()" office:value-type="string">'
            "<text:p>#N/A</text:p></table:table-cell>"
            '<table:table-cell office:value-type="string"><text:p>a<text:s text:c="2"/>b</text:p>'
            "<text:p>c</text:p></table:table-cell>"
        ),
    )

    assert rows_of(path)[4] == [
        datetime.timedelta(hours=25, minutes=30),
        datetime.time(1, 30),
        True,
        CellError("#N/A"),
        "a  b\nc",
    ]
