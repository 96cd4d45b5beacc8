"""What a writer states and another leaves out, though it says the same, is no difference."""

import re

import pytest

from notebooks.workbooks.compare.workbooks import compare_workbooks
from tests.corpus import settings
from tests.corpus.settings import BOOK, SHEET

_FILTER = '<autoFilter ref="A1:B4"><filterColumn colId="0"{}>{}</filterColumn></autoFilter>'
SAME = {
    "protection": (
        SHEET,
        '<sheetProtection sheet="1" sort="0"/>',
        '<sheetProtection selectLockedCells="0" sheet="true" objects="0" scenarios="0" sort="0" '
        'formatCells="1" insertRows="1" autoFilter="1" pivotTables="true"/>',
    ),
    "page": (
        SHEET,
        '<pageSetup paperSize="9"/>',
        '<pageSetup paperSize="9" scale="100" orientation="default" copies="1" errors="displayed" '
        'useFirstPageNumber="0" pageOrder="downThenOver"/>',
    ),
    "print options": (SHEET, "<printOptions/>", '<printOptions gridLinesSet="1" headings="0"/>'),
    "headers": (
        SHEET,
        "<headerFooter><oddHeader>a</oddHeader></headerFooter>",
        '<headerFooter differentFirst="false" scaleWithDoc="1"><oddHeader>a</oddHeader>'
        "</headerFooter>",
    ),
    "validation": (
        SHEET,
        '<dataValidations><dataValidation type="whole" sqref="D2:D2"><formula1>1</formula1>'
        "</dataValidation></dataValidations>",
        '<dataValidations count="1"><dataValidation type="whole" operator="between" '
        'errorStyle="stop" imeMode="noControl" showDropDown="0" sqref="D2"><formula1>1</formula1>'
        "</dataValidation></dataValidations>",
    ),
    "top of a filter": (
        SHEET,
        _FILTER.format("", '<top10 val="3"/>'),
        _FILTER.format(' hiddenButton="0" showButton="1"', '<top10 top="1" percent="0" val="3"/>'),
    ),
    "condition of a filter": (
        SHEET,
        _FILTER.format("", '<customFilters><customFilter val="3"/></customFilters>'),
        _FILTER.format("", '<customFilters and="0"><customFilter operator="equal" val="3"/>'
                           "</customFilters>"),
    ),
    "conditional format": (
        SHEET,
        '<conditionalFormatting sqref="A1"><cfRule type="expression" priority="1"><formula>TRUE'
        "</formula></cfRule></conditionalFormatting>",
        '<conditionalFormatting sqref="A1:A1"><cfRule type="expression" priority="1" '
        'stopIfTrue="0"><formula>TRUE</formula></cfRule></conditionalFormatting>',
    ),
    "width": (
        SHEET,
        '<cols><col min="2" max="2" width="358064e-6"/></cols>',
        '<cols><col min="2" max="2" width="0.358064"/></cols>',
    ),
    "format of a row that is not applied": (
        SHEET,
        '<sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData>',
        '<sheetData><row r="1" s="1"><c r="A1"><v>1</v></c></row></sheetData>',
    ),
    "empty text": (
        SHEET,
        '<sheetData><row r="1"><c r="A1"><v>1</v></c><c r="B1"/></row></sheetData>',
        '<sheetData><row r="1"><c r="A1"><v>1</v></c><c r="B1" t="inlineStr"><is><t></t></is></c>'
        "</row></sheetData>",
    ),
    "line break in a formula": (
        SHEET,
        '<sheetData><row r="1"><c r="A1"><f>A2&amp;"a&#13;&#10;b"</f><v>1</v></c></row></sheetData>',
        '<sheetData><row r="1"><c r="A1">\n <f>A2&amp;"a&#10;b"</f>\n<v>1</v></c></row></sheetData>',
    ),
    "name": (
        BOOK,
        "<definedNames><definedName name=\"N\">'Plan'!$A$1,'Plan'!$B$2</definedName></definedNames>",
        '<definedNames><definedName name="N">Plan!$A$1,Plan!$B$2</definedName></definedNames>',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_a_usual_value_that_is_stated_is_no_difference(tmp_path, name):
    part, left_out, stated = SAME[name]
    paths = [tmp_path / "left out.xlsx", tmp_path / "stated.xlsx"]
    for path, fragment in zip(paths, (left_out, stated), strict=True):
        parts = settings.read_parts(settings.write_with(path, part, fragment))
        parts["xl/styles.xml"] = parts["xl/styles.xml"].replace(
            b'<cellXfs count="1">',
            b'<cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0">'
            b'<alignment vertical="center"/></xf>',
        )
        settings.write_parts(path, parts)

    assert compare_workbooks(*paths).differences == ()
    assert compare_workbooks(*reversed(paths)).differences == ()


MARGINS = '<pageMargins left="{}" right="0.75" top="1" bottom="1" header="0.5" footer="0.5"/>'


def test_margins_and_a_theme_that_are_the_usual_ones_are_no_difference(tmp_path):
    stated = settings.write_with(tmp_path / "stated.xlsx", SHEET, MARGINS.format("0.75"))
    parts = settings.read_parts(stated)
    del parts["xl/theme/theme1.xml"]
    parts[SHEET] = re.sub(rb"<pageMargins[^>]*/>", b"", parts[SHEET])
    left_out = settings.write_parts(tmp_path / "left out.xlsx", parts)

    assert compare_workbooks(left_out, stated).differences == ()


def test_an_edit_to_a_usual_value_shows_both(tmp_path):
    one, other = (
        settings.write_with(tmp_path / f"{left}.xlsx", SHEET, MARGINS.format(left))
        for left in ("0.7", "0.75")
    )

    [found] = compare_workbooks(one, other).differences

    assert (found.before, found.after) == ("left: 0.7", "left: 0.75")
