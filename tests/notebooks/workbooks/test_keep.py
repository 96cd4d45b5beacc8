"""A workbook that openpyxl has read and saved keeps what openpyxl does not know."""

import fcntl
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from notebooks.workbooks.keep.opc import EditablePackage, parse
from notebooks.workbooks.keep.parts import inventory, lost, said
from notebooks.workbooks.keep.sheet_markup import references
from notebooks.workbooks.keep.workbook_parts import sheet_parts
from tests.corpus.rich_template import make_template
from tests.corpus.slicers import make_shared_caches, make_slicers

START = """
import sys, warnings
import openpyxl, pandas as pd
from openpyxl import Workbook
plain_save = Workbook.save
from notebooks.workbooks import pandas_defaults
pandas_defaults.apply()
warnings.simplefilter("ignore")
source, target = sys.argv[1:]
"""
BOTH = {"Model": "Model", "Lists": "Lists"}


def saved(tmp_path, code, *, source="template.xlsx", target="result.xlsx"):
    """Run *code*, which reads ``source`` and writes ``target``; return what it prints."""
    command = [sys.executable, "-c", START + code, str(tmp_path / source), str(tmp_path / target)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture
def template(tmp_path):
    make_template(tmp_path / "template.xlsx")
    return tmp_path / "template.xlsx"


def problems(path):
    """Return what makes a package invalid: references to nothing, parts without a type."""
    found = []
    with EditablePackage(path) as package, zipfile.ZipFile(path) as raw:
        assert raw.testzip() is None
        names = raw.namelist()
        found += [n for n in names if names.count(n) > 1]
        for name in names:
            if name.endswith(".rels") or name == "[Content_Types].xml":
                continue
            related = {each.id: each for each in package.relationships(name)}
            found += [
                f"{name} -> {each.target}"
                for each in related.values()
                if not each.external and each.target not in package
            ]
            if not package.content_type(name):
                found.append(f"{name} has no type")
            if name.endswith(".xml"):
                tree = parse(package.read(name))
                found += [
                    f"{name} names {owner.get(attribute)}"
                    for owner, attribute in references(tree)
                    if owner.get(attribute) and owner.get(attribute) not in related
                ]
    return found


def test_openpyxl_by_itself_drops_these_and_each_is_named(tmp_path, template):
    saved(tmp_path, "plain_save(openpyxl.load_workbook(source), target)")

    missing = said(lost(template, tmp_path / "result.xlsx", BOTH))

    for part in ("4 sparklines", "1 comment thread", "1 shape", "1 form control", "1 dynamic array",
                 "1 drop-down", "1 header picture", "1 printer setting", "1 custom XML part",
                 "1 cell with a data type or picture"):  # fmt: skip
        assert part in missing


def test_filling_one_cell_keeps_every_part(tmp_path, template):
    said_so = saved(
        tmp_path,
        "book = openpyxl.load_workbook(source)\nbook['Model']['B2'] = 42\nbook.save(target)",
    )

    result = tmp_path / "result.xlsx"
    assert (lost(template, result, BOTH), problems(result), said_so) == ({}, [], "")
    check = "print(openpyxl.load_workbook(target)['Model']['B2'].value)"
    assert saved(tmp_path, check) == "42\n"


def test_a_chart_keeps_what_openpyxl_can_not_read_of_it(tmp_path, template):
    saved(tmp_path, "openpyxl.load_workbook(source).save(target)")

    with EditablePackage(tmp_path / "result.xlsx") as package:
        [chart] = [n for n in package.names if n.startswith("xl/charts/chart")]
        assert b"wdUpDiag" in package.read(chart)


def test_saving_over_the_file_that_was_read_keeps_every_part_too(tmp_path, template):
    make_template(tmp_path / "original.xlsx")

    said_so = saved(
        tmp_path,
        "openpyxl.load_workbook(source).save(source)\n" * 2,  # the second reads the first
    )

    assert (lost(tmp_path / "original.xlsx", template, BOTH), said_so) == ({}, "")


def test_pandas_that_appends_a_sheet_keeps_every_part(tmp_path, template):
    make_template(tmp_path / "original.xlsx")

    saved(
        tmp_path,
        "with pd.ExcelWriter(source, mode='a', engine='openpyxl') as writer:\n"
        "    pd.DataFrame({'a': [1]}).to_excel(writer, sheet_name='New', index=False)",
    )

    assert lost(tmp_path / "original.xlsx", template, BOTH) == {}
    assert problems(template) == []


def test_a_chart_and_a_picture_that_code_adds_stand_beside_those_that_were_there(
    tmp_path, template
):
    code = """
from openpyxl.chart import LineChart, Reference
book = openpyxl.load_workbook(source)
sheet = book["Model"]
chart = LineChart()
chart.add_data(Reference(sheet, min_col=2, min_row=2, max_row=5))
sheet.add_chart(chart, "A20")
book.save(target)
"""
    saved(tmp_path, code)

    result = tmp_path / "result.xlsx"
    with EditablePackage(template) as before, EditablePackage(result) as after:
        was, now = inventory(before), inventory(after)
    assert now["chart", "Model"] == was["chart", "Model"] + 1
    assert lost(template, result, BOTH) == {}
    assert problems(result) == []


def test_a_chart_that_code_changed_or_removed_is_as_code_wants_it(tmp_path, template):
    code = """
book = openpyxl.load_workbook(source)
book["Model"]._charts.clear()
book.save(target)
"""
    said_so = saved(tmp_path, code)

    with EditablePackage(tmp_path / "result.xlsx") as package:
        assert inventory(package)["chart", "Model"] == 0
    assert "lost in saving: 1 chart" in said_so
    assert "1 shape on 'Model'" in said_so  # it could not be kept beside a changed drawing


def test_a_renamed_sheet_keeps_its_parts_and_a_removed_one_takes_them_along(tmp_path, template):
    code = """
book = openpyxl.load_workbook(source)
book["Model"].title = "Plan"
del book["Lists"]
book.save(target)
"""
    saved(tmp_path, code)

    result = tmp_path / "result.xlsx"
    assert said(lost(template, result, {"Model": "Plan"})) == "1 drop-down or validation on 'Model'"
    with EditablePackage(result) as package:  # the list it was fed from is gone
        sheet = package.read("xl/worksheets/sheet1.xml")
    assert (b"<xm:f>Plan!B2:D2</xm:f>" in sheet, b"Model!" in sheet) == (True, False)


def test_comments_that_code_changed_are_as_code_wants_them(tmp_path, template):
    code = """
from openpyxl.comments import Comment
book = openpyxl.load_workbook(source)
sheet = book["Model"]
sheet["B3"].comment = Comment("new", "me")
sheet["A2"].comment = None
book.save(target)
"""
    said_so = saved(tmp_path, code)

    with EditablePackage(tmp_path / "result.xlsx") as package:
        found = inventory(package)
        drawings = [n for n in package.names if n.endswith(".vml")]
        drawn = b"".join(package.read(name) for name in drawings)
    assert (found["comment", "Model"], found["comment thread", "Model"]) == (1, 0)
    assert drawn.count(b'ObjectType="Note"') == 1
    assert "1 comment thread" in said_so


def test_saving_twice_keeps_the_parts_both_times(tmp_path):
    with xlsxwriter.Workbook(str(tmp_path / "template.xlsx")) as book:
        sheet = book.add_worksheet("Model")
        sheet.write("A1", 1)
        chart = book.add_chart({"type": "column"})
        chart.add_series({"values": "=Model!$A$1"})
        sheet.insert_chart("C2", chart)
        sheet.insert_textbox("K2", "Reviewed")

    saved(tmp_path, "book = openpyxl.load_workbook(source)\nbook.save(target)\nbook.save(target)")

    assert lost(tmp_path / "template.xlsx", tmp_path / "result.xlsx", {"Model": "Model"}) == {}


def test_a_picture_that_code_replaced_is_the_new_one(tmp_path, template):
    code = """
import io
from openpyxl.drawing.image import Image
from PIL import Image as Pillow
picture = io.BytesIO()
Pillow.new("RGB", (9, 9)).save(picture, "PNG")
book = openpyxl.load_workbook(source)
book["Model"]._images[0].ref = Image(picture).ref
book.save(target)
"""
    saved(tmp_path, code)

    with zipfile.ZipFile(tmp_path / "result.xlsx") as package:
        drawing = package.read("xl/drawings/_rels/drawing1.xml.rels")
    assert b"media/image1.png" in drawing


def test_a_workbook_can_be_copied(tmp_path, template):
    code = "import copy\ncopy.deepcopy(openpyxl.load_workbook(source)).save(target)"

    saved(tmp_path, code)


def test_controls_declare_what_they_require(tmp_path, template):
    saved(tmp_path, "openpyxl.load_workbook(source).save(target)")

    with EditablePackage(tmp_path / "result.xlsx") as package:
        for name in package.names:
            if name.endswith(".xml"):
                for choice in parse(package.read(name)).iter("{*}Choice"):
                    assert set(choice.get("Requires").split()) <= set(choice.nsmap)


@pytest.mark.parametrize(("name", "kept"), [("result.xlsm", 1), ("result.xlsx", 0)])
def test_macros_are_kept_in_a_file_that_may_have_some(tmp_path, name, kept):
    make_template(tmp_path / "template.xlsm", macros=True)

    said_so = saved(
        tmp_path, "openpyxl.load_workbook(source).save(target)", source="template.xlsm", target=name
    )

    with EditablePackage(tmp_path / name) as package:
        assert inventory(package)["macro project", ""] == kept
        main = package.content_type("xl/workbook.xml")
    assert ("macroEnabled" in main) == bool(kept)
    assert ("1 macro project" in said_so) == (not kept)


def test_an_original_that_has_changed_since_is_not_mixed_in(tmp_path, template):
    code = """
import os
book = openpyxl.load_workbook(source)
with open(source, "ab") as file:
    file.write(b" ")
book.save(target)
"""

    assert "has changed since" in saved(tmp_path, code)


def test_a_workbook_that_was_not_read_is_saved_as_ever(tmp_path, template):
    code = "book = Workbook()\nbook.active['A1'] = 1\nbook.save(target)"

    assert saved(tmp_path, code) == ""
    assert Path(tmp_path / "result.xlsx").stat().st_size > 0
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".save")] == []


def test_text_with_several_formats_keeps_them_unless_code_changes_it(tmp_path):
    with xlsxwriter.Workbook(str(tmp_path / "template.xlsx")) as book:
        sheet, bold = book.add_worksheet("Model"), book.add_format({"bold": True})
        for row in range(3):
            sheet.write_rich_string(row, 0, "half ", bold, "bold & more")
        sheet.write(3, 0, "half bold & more")
    code = """
book = openpyxl.load_workbook(source)
sheet = book["Model"]
sheet.insert_rows(1)
sheet["A3"] = "all plain"
book.save(target)
"""

    said_so = saved(tmp_path, code)

    [*_, kept, changed, also_kept, plain] = [
        cell for (cell,) in openpyxl.load_workbook(tmp_path / "result.xlsx", rich_text=True).active
    ]
    assert [type(each.value).__name__ for each in (kept, also_kept)] == ["CellRichText"] * 2
    assert str(kept.value) == "half bold & more"
    assert kept.value[1].font.b
    assert (changed.value, plain.value) == ("all plain", "half bold & more")
    assert "1 text with several formats" in said_so  # the one that code replaced


VIEW = b'guid="{33333333-3333-3333-3333-333333333333}"'


def test_custom_views_stay_on_their_sheets_and_in_the_list_of_the_workbook(tmp_path, template):
    with zipfile.ZipFile(template) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(
        b"</workbook>",
        b'<customWorkbookViews><customWorkbookView name="Print" %s xWindow="0" yWindow="0" '
        b'windowWidth="100" windowHeight="100" activeSheetId="2"/></customWorkbookViews></workbook>'
        % VIEW,
    )
    sheet = "xl/worksheets/sheet2.xml"
    parts[sheet] = parts[sheet].replace(
        b"</sheetData>",
        b"</sheetData><customSheetViews><customSheetView %s/></customSheetViews>" % VIEW,
    )
    with zipfile.ZipFile(template, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)

    said_so = saved(tmp_path, "openpyxl.load_workbook(source).save(target)")

    assert said_so == ""
    assert problems(tmp_path / "result.xlsx") == []
    with EditablePackage(tmp_path / "result.xlsx") as package:
        book = package.read("xl/workbook.xml")
        assert VIEW in package.read("xl/worksheets/sheet2.xml")
    assert VIEW in book
    assert b'activeSheetId="2"' in book


def test_what_a_killed_save_left_behind_is_removed_by_the_next_one(tmp_path, template):
    """The first save is killed when it opens the file with the parts."""
    code = """
import os, signal
def die(event, given):
    if event == "open" and str(given[0]).endswith("/kept.xlsx"):
        os.kill(os.getpid(), signal.SIGKILL)
if %r:
    sys.addaudithook(die)
openpyxl.load_workbook(source).save(target)
"""
    command = [sys.executable, "-c", START + code % True, str(template), str(tmp_path / "a.xlsx")]
    assert subprocess.run(command).returncode == -9
    assert len(list(tmp_path.glob(".save-*"))) == 1

    saved(tmp_path, code % False)

    assert list(tmp_path.glob(".save-*")) == []
    assert (tmp_path / "result.xlsx").exists()


def test_a_save_leaves_the_directory_of_another_that_still_runs(tmp_path, template):
    room = tmp_path / ".save-other"
    room.mkdir()
    held = os.open(room, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)

    saved(tmp_path, "openpyxl.load_workbook(source).save(target)")

    os.close(held)
    assert room.exists()


def test_parts_are_kept_where_the_directory_takes_no_new_file(tmp_path, template):
    code = """
import os
descriptor = os.open(target, os.O_RDWR | os.O_CREAT)
openpyxl.load_workbook(source).save(f"/proc/self/fd/{descriptor}")
"""

    assert saved(tmp_path, code) == ""

    assert lost(template, tmp_path / "result.xlsx", BOTH) == {}


HEADER = '&C&"Arial,Bold"&14&UInstructions&U &K00FF00of "the" plan'


def test_headers_and_footers_that_openpyxl_can_not_write_stay_as_they_were(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "template.xlsx") as book:
        sheet = book.add_worksheet("Model")
        sheet.set_header(HEADER)
        sheet.set_footer("Page &P")
        book.add_worksheet("Lists").set_footer("&LPage &P&R&9&D")
    code = """
book = openpyxl.load_workbook(source)
book["Model"]["A1"] = 1
book["Lists"].oddFooter.left.text = "Sheet &A"
book.save(target)
"""

    printed = saved(tmp_path, code)

    with zipfile.ZipFile(tmp_path / "result.xlsx") as package:
        one, two = (parse(package.read(f"xl/worksheets/sheet{n}.xml")) for n in (1, 2))
    assert printed == ""
    assert [(h.tag.rpartition("}")[2], h.text) for h in one.find("{*}headerFooter")] == [
        ("oddHeader", HEADER),
        ("oddFooter", "Page &P"),
    ]
    assert [h.text for h in two.find("{*}headerFooter") if h.text] == ["&LSheet &A&R&9 &D"]


def filters_of(path):
    """Return what each slicer and timeline of a workbook filters, by the names Excel shows.

    Every number on the way is looked up as Excel does: from the list of the sheet to the cache,
    to the sheet, the pivot table and its cache, or to the table and its column.
    """
    found = {}
    with EditablePackage(path) as package:
        book = parse(package.read("xl/workbook.xml"))
        ids = {each.get("sheetId"): each.get("name") for each in book.iter("{*}sheet")}
        related = {each.id: each.target for each in package.relationships("xl/workbook.xml")}
        named = {owner.get(attribute) for owner, attribute in references(book)}
        caches = {}
        for identity in named & set(related):
            if "Cache" in related[identity] and "pivot" not in related[identity]:
                root = parse(package.read(related[identity]))
                caches[root.get("name")] = root
        sheets = sheet_parts(package)
        for sheet, part in sheets.items():
            kinds = {each.id: each for each in package.relationships(part)}
            listed = [kinds[o.get(a)] for o, a in references(parse(package.read(part)))]
            drawn = {
                frame.get("name")
                for each in listed
                if each.kind == "drawing"
                for frame in parse(package.read(each.target)).iter("{*}slicer", "{*}timeslicer")
            }
            for each in listed:
                if each.kind in ("slicer", "timeline"):
                    for slicer in parse(package.read(each.target)):
                        assert slicer.get("name") in drawn
                        cache = caches[slicer.get("cache")]
                        found[slicer.get("name")] = (sheet, filtered(package, cache, ids, sheets))
    return found


def filtered(package, cache, ids, sheets):
    for table in cache.iter("{*}tableSlicerCache"):
        [named] = [t for t in tables(package, sheets) if t.get("id") == table.get("tableId")]
        columns = {c.get("id"): c.get("name") for c in named.iter("{*}tableColumn")}
        return named.get("displayName"), columns[table.get("column")]
    [pivot] = list(cache.iter("{*}pivotTable"))
    sheet = ids[pivot.get("tabId")]
    [number] = [e.get("pivotCacheId") for e in cache.iter() if e.get("pivotCacheId")]
    for each in package.relationships(sheets[sheet]):
        if each.kind == "pivotTable" and parse(package.read(each.target)).get("name") == pivot.get("name"):  # fmt: skip
            [definition] = package.relationships(each.target)
            inner = [e.get("pivotCacheId") for e in parse(package.read(definition.target)).iter() if e.get("pivotCacheId")]  # fmt: skip
            assert inner == [number]
            return sheet, pivot.get("name")
    return None


def tables(package, sheets):
    for part in sheets.values():
        for each in package.relationships(part):
            if each.kind == "table":
                yield parse(package.read(each.target))


FILTERS = {
    "Region": ("Pivot", ("Pivot", "Sums")),
    "Amount": ("Pivot", ("Pivot", "Sums")),
    "Date": ("Pivot", ("Pivot", "Sums")),
    "Region1": ("Data", ("Sales", "Region")),
}


@pytest.mark.parametrize("numbered", [True, False])
def test_slicers_and_timelines_still_filter_what_they_did(tmp_path, numbered):
    source = make_slicers(tmp_path / "template.xlsx", numbered=numbered)
    code = """
book = openpyxl.load_workbook(source)
del book["Cover"]
book.create_sheet("New", 0)
book["Data"]["C2"] = 11
book["Data"].title = "Rows"
book.save(target)
"""

    printed = saved(tmp_path, code)

    renamed = {**FILTERS, "Region1": ("Rows", ("Sales", "Region"))}
    result = tmp_path / "result.xlsx"
    assert printed == ""
    assert filters_of(result) == renamed
    assert problems(result) == []
    assert lost(source, result, {"Data": "Rows", "Pivot": "Pivot"}) == {}
    again = saved(tmp_path, "openpyxl.load_workbook(source).save(target)", source="result.xlsx", target="again.xlsx")  # fmt: skip
    assert again == ""
    assert filters_of(tmp_path / "again.xlsx") == renamed


def test_slicers_of_what_code_removed_go_with_it_and_are_named(tmp_path):
    make_slicers(tmp_path / "template.xlsx")
    code = """
book = openpyxl.load_workbook(source)
book["Pivot"]._pivots.clear()
book.save(target)
"""

    printed = saved(tmp_path, code)

    result = tmp_path / "result.xlsx"
    assert "1 pivot table on 'Pivot', 2 slicers on 'Pivot', 1 timeline on 'Pivot'" in printed
    assert filters_of(result) == {"Region1": FILTERS["Region1"]}
    assert problems(result) == []
    with zipfile.ZipFile(result) as package:
        assert not [
            n for n in package.namelist() if b'name="Amount"' in package.read(n) and "drawing" in n
        ]


def test_a_slicer_of_a_removed_column_goes_with_it(tmp_path):
    make_slicers(tmp_path / "template.xlsx")
    code = """
book = openpyxl.load_workbook(source)
table = book["Data"].tables["Sales"]
table.tableColumns[0].name = "Area"
book["Data"]["A1"] = "Area"
book.save(target)
"""

    printed = saved(tmp_path, code)

    assert "lost in saving: 1 slicer on 'Data'" in printed
    assert set(filters_of(tmp_path / "result.xlsx")) == {"Region", "Amount", "Date"}
    assert problems(tmp_path / "result.xlsx") == []


def test_a_large_sheet_is_written_whole(tmp_path):
    """It is compressed in two pieces, which are one stream."""
    with xlsxwriter.Workbook(tmp_path / "template.xlsx") as book:
        sheet = book.add_worksheet("Model")
        for row in range(9_000):
            sheet.write_row(row, 0, [row * 8 + n for n in range(8)])
        sheet.add_sparkline("J1", {"range": "Model!A1:H1"})
    code = 'book = openpyxl.load_workbook(source)\nbook["Model"]["A1"] = -1\nbook.save(target)'

    printed = saved(tmp_path, code)

    with zipfile.ZipFile(tmp_path / "result.xlsx") as package:
        [part] = [each for each in package.infolist() if "worksheets/sheet" in each.filename]
        content = package.read(part)
        assert package.testzip() is None
    assert printed == ""
    assert part.file_size > 2_000_000
    assert b"sparkline" in content
    found = [int(v) for v in re.findall(rb"<v>(-?[0-9]+)</v>", content)]
    assert found == [-1, *range(1, 9_000 * 8)]


def sources_of(path):
    """Return what each pivot table is made of, by its name."""
    found = {}
    with EditablePackage(path) as package:
        for part in sheet_parts(package).values():
            for each in package.relationships(part):
                if each.kind == "pivotTable":
                    [cache] = package.relationships(each.target)
                    [source] = parse(package.read(cache.target)).iter("{*}worksheetSource")
                    found[parse(package.read(each.target)).get("name")] = source.get("name")
    return found


def test_pivot_tables_that_share_a_cache_keep_their_data(tmp_path):
    """openpyxl by itself gives the second one the first cache of the workbook."""
    make_shared_caches(tmp_path / "template.xlsx")

    printed = saved(tmp_path, "openpyxl.load_workbook(source).save(target)")

    result = tmp_path / "result.xlsx"
    assert printed == ""
    assert sources_of(result) == {"First": "Others", "Again": "Sales", "Sums": "Sales"}
    assert filters_of(result) == FILTERS
    assert problems(result) == []


def test_a_hidden_chartsheet_stays_hidden(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "template.xlsx") as book:
        book.add_worksheet("Model").write_column("A1", [1, 2, 3])
        for name in ("Shown", "Hidden"):
            chart = book.add_chart({"type": "line"})
            chart.add_series({"values": "=Model!$A$1:$A$3"})
            sheet = book.add_chartsheet(name)
            sheet.set_chart(chart)
        sheet.hide()

    saved(tmp_path, "openpyxl.load_workbook(source).save(target)")

    book = openpyxl.load_workbook(tmp_path / "result.xlsx")
    with zipfile.ZipFile(tmp_path / "result.xlsx") as package:
        sheets = list(parse(package.read("xl/workbook.xml")).iter("{*}sheet"))
    assert book.sheetnames == ["Model", "Shown", "Hidden"]
    assert [each.get("state", "visible") for each in sheets] == ["visible", "visible", "hidden"]


CHOICE = (
    '<mc:AlternateContent xmlns:x12ac="http://schemas.microsoft.com/office/spreadsheetml/2011/1/ac"'
    ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:Choice '
    'Requires="x12ac"><x12ac:list>1,"2,3",4</x12ac:list></mc:Choice><mc:Fallback>'
    '<formula1>"1,2,3,4"</formula1></mc:Fallback></mc:AlternateContent>'
)


def test_a_theme_of_another_name_and_a_list_with_commas_are_kept(tmp_path):
    source, result = tmp_path / "template.xlsx", tmp_path / "result.xlsx"
    with xlsxwriter.Workbook(source) as book:
        sheet = book.add_worksheet("Model")
        sheet.data_validation("A1", {"validate": "list", "source": ["old"]})
        sheet.data_validation("B1", {"validate": "list", "source": ["plain"]})
    with zipfile.ZipFile(source) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    parts["xl/theme/theme.xml"] = parts.pop("xl/theme/theme1.xml").replace(b'"Office', b'"Ours')
    for name in ("[Content_Types].xml", "xl/_rels/workbook.xml.rels"):
        parts[name] = parts[name].replace(b"theme/theme1.xml", b"theme/theme.xml")
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = parts[sheet].replace(b'<formula1>"old"</formula1>', CHOICE.encode())
    with zipfile.ZipFile(source, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)

    saved(tmp_path, "openpyxl.load_workbook(source).save(target)")

    with zipfile.ZipFile(result) as package:
        theme = package.read("xl/theme/theme1.xml")
        first, second = parse(package.read(sheet)).iter("{*}dataValidation")
    assert b'"Ours' in theme
    assert [each.text for each in first.iter("{*}list", "{*}formula1")] == [
        '1,"2,3",4',
        '"1,2,3,4"',
    ]
    assert [each.text for each in second.iter("{*}list", "{*}formula1")] == ['"plain"']
    assert problems(result) == []
