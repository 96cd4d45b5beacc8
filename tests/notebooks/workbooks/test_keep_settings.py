"""A save by openpyxl keeps every setting of a workbook that code did not touch, or names it."""

import json
import subprocess
import sys

import openpyxl
import pytest
from lxml import etree

from notebooks.workbooks.keep.opc import EditablePackage
from notebooks.workbooks.keep.parts import inventory, lost
from tests.corpus import settings
from tests.corpus.settings import BOOK, NAMES, OF_BOOK, OF_SHEET, SHEET
from tests.corpus.slicers import make_shared_caches

SAVE = """
import contextlib, io, json, sys, warnings
from pathlib import Path
import openpyxl
from notebooks.workbooks import pandas_defaults
plain_save = openpyxl.Workbook.save
pandas_defaults.apply()
warnings.simplefilter("ignore")
said = {}
for path in sorted(Path(sys.argv[1]).glob("*.xls*")):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        book = openpyxl.load_workbook(path)
        exec(sys.argv[2], {"book": book, "openpyxl": openpyxl})
        book.save(path.parent / "saved" / path.name)
    said[path.stem] = out.getvalue()
    book = openpyxl.load_workbook(path)
    plain_save(book, path.parent / "plain" / path.name)
print(json.dumps(said))
"""


def save(directory, code=""):
    """Load and save each workbook of a directory, guarded and plainly; return what was printed."""
    for name in ("saved", "plain"):
        (directory / name).mkdir(exist_ok=True)
    command = [sys.executable, "-c", SAVE, str(directory), code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Every workbook of `tests.corpus.settings`, saved: its directory, and what was printed."""
    directory = tmp_path_factory.mktemp("settings")
    for name, fragment in OF_SHEET.items():
        settings.write_with(directory / f"sheet {name}.xlsx", SHEET, fragment)
    for name, fragment in OF_BOOK.items():
        settings.write_with(directory / f"book {name}.xlsx", BOOK, fragment)
    for name in NAMES:
        settings.write_name(directory / f"name {name}.xlsx", name)
    settings.write_names(directory / "names.xlsx")
    return directory, save(directory)


def described(element):
    """Describe an element by its name, attributes, text and children."""
    return (
        etree.QName(element).localname,
        sorted(element.attrib.items()),
        (element.text or "").strip(),
        [described(each) for each in element if isinstance(each.tag, str)],
    )


def child(path, part, name):
    """Describe the child of a part's root that has this name."""
    [found] = [
        described(each)
        for each in etree.fromstring(settings.read_parts(path)[part])
        if etree.QName(each).localname == name
    ]
    return found


@pytest.mark.parametrize("name", OF_SHEET)
def test_a_setting_of_a_sheet_that_code_did_not_touch_stays_as_it_was(made, name):
    directory, said = made
    path, result = directory / f"sheet {name}.xlsx", directory / "saved" / f"sheet {name}.xlsx"
    element = etree.fromstring(OF_SHEET[name]).tag

    assert said[path.stem] == ""
    before = child(path, SHEET, element)
    assert child(result, SHEET, element) == before


@pytest.mark.parametrize("name", OF_BOOK)
def test_a_setting_of_the_workbook_that_code_did_not_touch_stays_as_it_was(made, name):
    directory, said = made
    path, result = directory / f"book {name}.xlsx", directory / "saved" / f"book {name}.xlsx"
    element = etree.fromstring(OF_BOOK[name]).tag

    assert said[path.stem] == ""
    before, after = child(path, BOOK, element), child(result, BOOK, element)
    if element == "calcPr":  # no values of formulas are stored
        before[1].append(("fullCalcOnLoad", "1"))
        before[1].sort()
    assert after == before


def names_in(path):
    """Return the names of a workbook: name, sheet, text and other attributes."""
    book = etree.fromstring(settings.read_parts(path)[BOOK])
    sheets = [each.get("name") for each in book.iter("{*}sheet")]
    found = []
    for each in book.iter("{*}definedName"):
        attributes = dict(each.attrib)
        local = attributes.pop("localSheetId", None)
        owner = "" if local is None else sheets[int(local)]
        found.append((attributes.pop("name"), owner, each.text, sorted(attributes.items())))
    return sorted(found)


@pytest.mark.parametrize("name", [f"name {each}" for each in NAMES] + ["names"])
def test_names_stay_as_they_were_on_their_sheets(made, name):
    directory, said = made

    assert said[name] == ""
    before = names_in(directory / f"{name}.xlsx")
    assert names_in(directory / "saved" / f"{name}.xlsx") == before


WORDS = {
    "name print area of nothing": "print area",
    "name criteria": "defined name", "sheet watches": "cell watch",
    "sheet protection that is off": "sheet protection", "sheet sort order": "sort order",
    "book sharing": "write protection", "book function groups": "function group",
    "sheet protected ranges": "protected range", "sheet ignored errors": "ignored error",
    "book published objects": "published object",
}  # fmt: skip


@pytest.mark.parametrize("name", WORDS)
def test_what_openpyxl_by_itself_loses_is_named(made, name):
    directory, _ = made
    path = directory / f"{name}.xlsx"

    words = {word for word, _ in lost(path, directory / "plain" / path.name, {"Plan": "Plan"})}

    assert WORDS[name] in words


def test_an_untouched_copy_has_lost_nothing(made):
    directory, _ = made

    same = {"Plan": "Plan", "Data": "Data", "Chart": "Chart"}
    assert [p.name for p in directory.glob("*.xlsx") if lost(p, p, same)] == []


CHANGES = """
sheet = book["Plan"]
sheet.page_setup.orientation = "portrait"
sheet.sheet_view.zoomScale = 120
sheet.oddHeader.center.text = "ours"
sheet.print_area = "A1:B9"
sheet.row_breaks.append(openpyxl.worksheet.pagebreak.Break(id=20))
sheet.protection.sheet = False
book.defined_names.pop("secret", None)
book.calculation.iterate = False
book["Data"].title = "Rows"
"""


def test_what_code_changes_is_as_code_wants_it_and_the_rest_of_it_stays(tmp_path):
    names = ("view", "page", "headers", "row breaks", "protection")
    settings.write_with(tmp_path / "book.xlsx", SHEET, *(OF_SHEET[each] for each in names))
    parts = settings.read_parts(tmp_path / "book.xlsx")
    listed = settings.read_parts(settings.write_names(tmp_path / "names.xlsx"))[BOOK]
    settings.write_parts(tmp_path / "book.xlsx", {**parts, BOOK: listed})

    said = save(tmp_path, CHANGES)["book"]

    result = tmp_path / "saved" / "book.xlsx"
    _, page, _, _ = child(result, SHEET, "pageSetup")
    _, _, _, [[_, view, _, _]] = child(result, SHEET, "sheetViews")
    _, _, _, headers = child(result, SHEET, "headerFooter")
    _, _, _, breaks = child(result, SHEET, "rowBreaks")
    found = {(name, owner): text for name, owner, text, _ in names_in(result)}
    assert {("orientation", "portrait"), ("paperHeight", "297mm"), ("copies", "3")} <= set(page)
    assert {("zoomScale", "120"), ("view", "pageBreakPreview")} <= set(view)
    assert ("oddFooter", "Page &P") in [(each[0], each[2]) for each in headers]
    assert "ours" in next(each[2] for each in headers if each[0] == "oddHeader")
    assert [dict(each[1])["id"] for each in breaks] == ["3", "9", "20"]
    assert found["_xlnm.Print_Area", "Plan"] == "'Plan'!$A$1:$B$9"
    assert found["Local", "Rows"] == "Rows!$A$1:$B$4"
    assert found["Both", ""] == "Plan!$A$1,Rows!$B$2"
    assert ("secret", "") not in found
    assert "1 defined name" in said
    assert "1 sheet protection on 'Plan'" in said


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """A workbook of `write_other`, in both endings, saved; and what was printed."""
    directory = tmp_path_factory.mktemp("other")
    settings.write_other(directory / "macros.xlsm")
    settings.write_other(directory / "plain.xlsx")
    return directory, save(directory)


def test_only_a_macro_sheet_is_lost_and_only_where_a_file_may_have_none(other):
    directory, said = other
    result = directory / "saved" / "macros.xlsm"
    parts = settings.read_parts(result)
    sheet = next(parts[name] for name in parts if "macrosheets" in name)

    assert (said["macros"], "lost in saving: 1 macro sheet" in said["plain"]) == ("", True)
    assert b"RETURN()" in sheet
    assert b'<is><t xmlns="' in sheet
    assert b">top<" in sheet.partition(b'r="B1"')[2]  # its text was in a table that is gone
    assert b' s="1"' not in sheet
    assert ("Auto_Open", "Macro1", "Macro1!$A$1", [("xlm", "1")]) in names_in(result)
    with EditablePackage(result) as package:
        kinds = [each.kind for each in package.relationships("xl/workbook.xml")]
    assert kinds.count("xlMacrosheet") == kinds.count("worksheet") == 1


def cells(path):
    """Return the cells of the first worksheet, without a prefix, by name: type and content."""
    root = etree.fromstring(settings.read_parts(path)[SHEET])
    return {cell.get("r"): cell for cell in root.iter("{*}c")}


def test_formats_and_values_under_a_merged_cell_stay(other):
    directory, _ = other
    before = openpyxl.load_workbook(directory / "macros.xlsm")  # without the guard
    found = cells(directory / "saved" / "macros.xlsm")
    styles = etree.fromstring(
        settings.read_parts(directory / "saved" / "macros.xlsm")["xl/styles.xml"]
    )
    formats = [xf.get("fillId") for xf in styles.find("{*}cellXfs")]

    fills = {name: formats[int(found[name].get("s"))] for name in ("B2", "C2", "B3", "D3")}
    assert len(set(fills.values())) == 1
    assert before["Plan"]["C2"].fill.fgColor.rgb != "FFFF0000"  # what openpyxl reads by itself
    assert found["C2"].findtext("{*}v") == "5"
    assert found["D3"].findtext("{*}f") == "1+1"


def test_texts_that_openpyxl_simplifies_stay(other):
    directory, _ = other
    found = cells(directory / "saved" / "macros.xlsm")

    def inside(name):
        return [etree.QName(each).localname for each in found[name].find("{*}is")]

    assert inside("C7") == ["t", "rPh", "phoneticPr"]
    assert found["C8"].findtext("{*}is/{*}t") == "_x005F_x000D_"
    assert inside("C9") == ["r", "r"]
    assert found["F20"].get("cm") == "1"


def test_parts_beside_the_cells_stay(other):
    directory, _ = other
    before, parts = (
        settings.read_parts(at / "macros.xlsm") for at in (directory, directory / "saved")
    )
    both = b"".join(parts.values())

    for text in (b"<Company>Ours</Company>", b"<Manager>Ann</Manager>", b"&amp;CShown",
                 b'altTextSummary="of a year"', b'Target="#Plan!A1"', b"mruColors", b'"Ours"'):  # fmt: skip
        assert text in both, text
    assert parts["docProps/thumbnail.png"] == before["docProps/thumbnail.png"]
    [comments] = [parts[name] for name in parts if "comments" in name and name.endswith(".xml")]
    assert comments == before["xl/comments1.xml"]


def test_part_names_in_another_case_are_found(tmp_path):
    parts = settings.read_parts(settings.write_with(tmp_path / "plain.xlsx", SHEET))
    renamed = {
        name.replace("chartsheets/_rels/sheet1", "chartsheets/_rels/Sheet1"): content
        for name, content in parts.items()
    }
    settings.write_parts(tmp_path / "book.xlsx", renamed)
    (tmp_path / "plain.xlsx").unlink()
    with EditablePackage(tmp_path / "book.xlsx") as package:
        related = package.relationships("xl/chartsheets/sheet1.xml")

    assert [each.kind for each in related] == ["drawing"]
    assert "chart" in {word for word, _ in _inventory(tmp_path / "book.xlsx")}


def _inventory(path):
    with EditablePackage(path) as package:
        return inventory(package)


def test_each_pivot_cache_keeps_its_own_records(tmp_path):
    make_shared_caches(tmp_path / "book.xlsx")

    save(tmp_path)

    with EditablePackage(tmp_path / "saved" / "book.xlsx") as package:
        definitions = [n for n in package.names if "Definition" in n and n.endswith(".xml")]
        records = [[r.target for r in package.relationships(name)] for name in definitions]
    assert len(definitions) > 1
    assert len({tuple(each) for each in records if each}) == len([r for r in records if r])


ALONE = """
import sys, openpyxl
from notebooks.workbooks import pandas_defaults
pandas_defaults.apply()
book = openpyxl.load_workbook(sys.argv[1])
for _ in range(6):
    book.save(sys.argv[2])
"""


def test_programs_that_save_into_one_directory_at_once_do_not_disturb_each_other(tmp_path):
    settings.write_with(tmp_path / "book.xlsx", SHEET)
    commands = [
        [sys.executable, "-c", ALONE, str(tmp_path / "book.xlsx"), str(tmp_path / f"{n}.xlsx")]
        for n in range(3)
    ]

    running = [subprocess.Popen(each, stderr=subprocess.PIPE) for each in commands]

    assert [each.communicate()[1] for each in running] == [b""] * 3
    assert list(tmp_path.glob(".save-*")) == []
