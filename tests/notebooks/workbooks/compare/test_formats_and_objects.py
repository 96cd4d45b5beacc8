"""Sheets, formats, objects and parts of two workbooks."""

from __future__ import annotations

import io
import zipfile

import pytest
import xlsxwriter
from openpyxl import Workbook, load_workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.table import Table

from notebooks.workbooks.compare.workbooks import compare_workbooks

ROWS = [["Account", "Region", "Amount"], *([f"A{n}", "NSEW"[n % 4], n * 1.5] for n in range(1, 21))]


def template():
    """Return a workbook with one of each kind of object."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Data"
    for row in ROWS:
        sheet.append(row)
    sheet.add_table(Table(displayName="Sales", ref="A1:C21"))
    sheet["A5"].comment = Comment("check this", "Ann")
    sheet["B7"].hyperlink = "https://example.com/"
    sheet.merge_cells("E1:F2")
    sheet.freeze_panes = "A2"
    sheet.column_dimensions["C"].width = 20
    sheet.row_dimensions[10].hidden = True
    rule = DataValidation(type="list", formula1='"N,S,E,W"')
    rule.add("B2:B21")
    sheet.add_data_validation(rule)
    red = PatternFill(bgColor="FF0000")
    sheet.conditional_formatting.add("C2:C21", CellIsRule("greaterThan", ["10"], fill=red))
    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=3, min_row=1, max_row=21), titles_from_data=True)
    sheet.add_chart(chart, "H2")
    book.create_sheet("Notes")["A1"] = "of 2024"
    book.defined_names["Total"] = DefinedName("Total", attr_text="Data!$C$2:$C$21")
    return book


def after(tmp_path, change):
    """Compare the template with a copy that *change* has changed."""
    one, other = tmp_path / "before.xlsx", tmp_path / "after.xlsx"
    template().save(one)
    book = load_workbook(one)
    change(book)
    book.save(other)
    return compare_workbooks(one, other)


def listed(found, layer):
    return [(d.cause, d.what, d.place) for d in found.differences if d.layer == layer]


def test_a_copy_saved_again_is_the_same(tmp_path):
    assert after(tmp_path, lambda book: None).same


def test_sheets_added_removed_renamed_moved_and_hidden_are_named(tmp_path):
    def change(book):
        book["Notes"].title = "Remarks"
        book.move_sheet("Data", 1)
        book["Data"].sheet_state = "hidden"
        book.create_sheet("New")["A1"] = 1

    found = after(tmp_path, change)

    assert found.counts["sheets"] == {"renamed": 1, "added": 1, "moved": 1, "edited": 1}
    assert set(found.counts) == {"sheets"}


def test_formats_are_grouped_in_ranges(tmp_path):
    def change(book):
        sheet = book["Data"]
        for row in range(2, 22):
            sheet.cell(row, 3).number_format = "#,##0.00"
        for cell in sheet[1][:3]:
            cell.font = Font(bold=True, color="FF0000")
        sheet["A3"].fill = PatternFill("solid", fgColor="FFFF00")
        sheet["A3"].border = Border(left=Side("thin"))
        sheet["A3"].alignment = Alignment(wrap_text=True)

    found = after(tmp_path, change)

    assert set(found.counts) == {"formats"}
    assert listed(found, "formats") == [
        ("edited", "number format", "C2:C21"),
        ("edited", "font", "A1:C1"),
        ("edited", "fill", "A3"),
        ("edited", "border", "A3"),
        ("edited", "alignment", "A3"),
    ]
    assert found.counts["formats"] == {"edited": 26}
    assert found.differences[0].before == "General"
    assert found.differences[0].after == "#,##0.00"


CHANGES = {
    "table": (lambda s: setattr(s.tables["Sales"], "ref", "A1:C20"), "table 'Sales'", "edited"),
    "comment": (lambda s: setattr(s["A5"], "comment", None), "comment", "removed"),
    "hyperlink": (lambda s: setattr(s["B7"].hyperlink, "target", "https://x.org"), "hyperlink", "edited"),
    "merge": (lambda s: s.unmerge_cells("E1:F2"), "merged cells", "removed"),
    "panes": (lambda s: setattr(s, "freeze_panes", "B2"), "freeze panes", "edited"),
    "width": (lambda s: setattr(s.column_dimensions["C"], "width", 30), "column width", "edited"),
    "hidden": (lambda s: setattr(s.row_dimensions[10], "hidden", False), "rows", "edited"),
    "validation": (lambda s: setattr(s.data_validations.dataValidation[0], "formula1", '"N,S"'), "validation", "edited"),
    "chart": (lambda s: s._charts.clear(), "chart 'Chart 1'", "removed"),
    "protection": (lambda s: s.protection.enable(), "protection", "added"),
    "filter": (lambda s: setattr(s.auto_filter, "ref", "A1:C21"), "filter", "added"),
    "landscape": (lambda s: setattr(s.page_setup, "orientation", "landscape"), "page setup 'pageSetup'", "added"),
    "tab": (lambda s: setattr(s.sheet_properties, "tabColor", "FF0000"), "tab color", "added"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_a_changed_object_is_named(tmp_path, kind):
    change, what, cause = CHANGES[kind]

    found = after(tmp_path, lambda book: change(book["Data"]))

    assert [(c, w) for c, w, _ in listed(found, "objects")] == [(cause, what)]
    assert set(found.counts) == {"objects"}


def test_a_changed_name_is_named(tmp_path):
    def change(book):
        book.defined_names["Total"].attr_text = "Data!$C$2:$C$9"

    assert listed(after(tmp_path, change), "objects") == [("edited", "defined name 'Total'", "")]


def test_objects_that_moved_with_an_inserted_row_are_the_same(tmp_path):
    """The second workbook is written as Excel leaves it after a row was inserted."""
    one, other = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    for path, more in ((one, 0), (other, 1)):
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet("Data")
            rows = ROWS[:4] + [["NEW", "N", 9]] * more + ROWS[4:]
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
            last = len(rows)
            sheet.add_table(
                f"A1:C{last}", {"name": "Sales", "columns": [{"header": h} for h in ROWS[0]]}
            )
            sheet.write_comment(f"A{10 + more}", "check")
            sheet.merge_range(f"E{12 + more}:F{12 + more}", None)
            sheet.data_validation(f"B2:B{last}", {"validate": "list", "source": ["N", "S"]})
            sheet.conditional_format(
                f"C2:C{last}", {"type": "cell", "criteria": ">", "value": 5,
                                "format": book.add_format({"bold": True})},
            )  # fmt: skip
            chart = book.add_chart({"type": "column"})
            chart.add_series({"values": f"=Data!$C$2:$C${last}"})
            sheet.insert_chart(f"H{15 + more}", chart)
            book.define_name("Total", f"=Data!$C$2:$C${last}")

    found = compare_workbooks(one, other)

    assert found.counts == {"values": {"added": 1}}


def test_a_picture_that_was_exchanged_is_named(tmp_path):
    def png(color):
        from PIL import Image

        file = io.BytesIO()
        Image.new("RGB", (4, 4), color).save(file, "png")
        return file

    for name, color in (("a.xlsx", "red"), ("b.xlsx", "blue")):
        with xlsxwriter.Workbook(tmp_path / name) as book:
            book.add_worksheet().insert_image("B2", "logo.png", {"image_data": png(color)})

    found = compare_workbooks(tmp_path / "a.xlsx", tmp_path / "b.xlsx")

    assert listed(found, "objects") == [("edited", "picture 'Picture 1'", "B2")]


def test_other_parts_of_the_package_are_compared(tmp_path):
    template().save(tmp_path / "a.xlsx")
    with (
        zipfile.ZipFile(tmp_path / "a.xlsx") as source,
        zipfile.ZipFile(tmp_path / "b.xlsx", "w") as made,
    ):
        for name in source.namelist():
            if "theme" in name:
                made.writestr(name, source.read(name).replace(b"Office", b"House"))
            else:
                made.writestr(name, source.read(name))
        made.writestr("customXml/item1.xml", "<x/>")

    found = compare_workbooks(tmp_path / "a.xlsx", tmp_path / "b.xlsx")

    assert listed(found, "parts") == [
        ("added", "part 'customXml/item1.xml'", ""),
        ("edited", "part 'xl/theme/theme1.xml'", ""),
    ]


def test_only_the_layers_asked_for_are_compared(tmp_path):
    one, other = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    template().save(one)
    book = load_workbook(one)
    book["Data"]["C2"] = 7
    book["Data"]["C2"].font = Font(bold=True)
    book["Data"].freeze_panes = None
    book.save(other)

    for layer in ("values", "formats", "objects"):
        assert set(compare_workbooks(one, other, layers=(layer,)).counts) == {layer}


def test_a_sheet_written_with_prefixes_is_read_like_any_other(tmp_path):
    one, other = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    book = template()
    book["Data"]["D2"] = "=C2*2"
    book["Data"]["D2"].font = Font(bold=True)
    book.save(one)
    with zipfile.ZipFile(one) as source, zipfile.ZipFile(other, "w") as made:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("sheet1.xml"):
                content = (
                    content.replace(b"</", b"<|").replace(b"<", b"<x:").replace(b"<x:|", b"</x:")
                )
                content = content.replace(b"<x:?xml", b"<?xml").replace(b"xmlns=", b"xmlns:x=", 1)
            made.writestr(name, content)

    assert compare_workbooks(one, other).same


@pytest.mark.parametrize("which", ["before", "after"])
@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 cut off", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512]
)
def test_a_file_that_cannot_be_read_gives_the_readers_reason(tmp_path, which, content):
    good, bad = tmp_path / "good.xlsx", tmp_path / "bad.xlsx"
    template().save(good)
    bad.write_bytes(content)

    found = compare_workbooks(*((bad, good) if which == "before" else (good, bad)))

    assert not found.same
    assert found.problem.file == which
    assert found.problem.message
    assert found.problem.hint


def test_a_broken_drawing_leaves_the_rest_comparable(tmp_path):
    one, other = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    template().save(one)
    with zipfile.ZipFile(one) as source, zipfile.ZipFile(other, "w") as made:
        for name in source.namelist():
            made.writestr(
                name,
                b"<broken" if "drawing1.xml" in name and "rels" not in name else source.read(name),
            )

    found = compare_workbooks(one, other)

    assert "values" not in found.counts
    assert any("objects can't be read" in note for note in found.notes)
