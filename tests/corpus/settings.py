"""Workbooks that each hold settings openpyxl drops or simplifies, written into the parts by hand.

Source: ECMA-376 part 1, sections 18.2 (workbook), 18.3.1 (worksheets), 18.8 (styles) and 22.2
(document properties).
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import xlsxwriter
from lxml import etree

from tests.corpus.rich_template import picture

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET, BOOK = "xl/worksheets/sheet1.xml", "xl/workbook.xml"
ORDER = {
    SHEET: (
        "sheetPr dimension sheetViews sheetFormatPr cols sheetData sheetCalcPr sheetProtection "
        "protectedRanges scenarios autoFilter sortState dataConsolidate customSheetViews "
        "mergeCells phoneticPr conditionalFormatting dataValidations hyperlinks printOptions "
        "pageMargins pageSetup headerFooter rowBreaks colBreaks customProperties cellWatches "
        "ignoredErrors smartTags drawing legacyDrawing tableParts extLst"
    ).split(),
    BOOK: (
        "fileVersion fileSharing workbookPr workbookProtection bookViews sheets functionGroups "
        "externalReferences definedNames calcPr oleSize customWorkbookViews pivotCaches "
        "smartTagPr smartTagTypes webPublishing fileRecoveryPr webPublishObjects extLst"
    ).split(),
    "xl/styles.xml": (
        "numFmts fonts fills borders cellStyleXfs cellXfs cellStyles dxfs tableStyles colors extLst"
    ).split(),
}
FILTERS = (
    '<filters blank="1"><filter val="a"/><dateGroupItem year="2024" month="2" '
    'dateTimeGrouping="month"/></filters>',
    '<customFilters and="1"><customFilter operator="greaterThan" val="1"/></customFilters>',
    '<top10 top="0" percent="1" val="10" filterVal="3"/>',
    '<dynamicFilter type="aboveAverage" val="2.5"/>',
    '<colorFilter dxfId="0" cellColor="0"/>',
    '<iconFilter iconSet="3Arrows" iconId="1"/>',
)
_SORTED = (
    '<sortState ref="A2:B4" caseSensitive="1"><sortCondition descending="1" ref="A2:A4" '
    'customList="low,high"/></sortState>'
)
OF_SHEET = {
    "sheet properties": '<sheetPr codeName="Plan" published="0" syncHorizontal="1" syncRef="A1" '
    'transitionEvaluation="1" enableFormatConditionsCalculation="0"><tabColor theme="4" '
    'tint="-0.25"/><outlinePr applyStyles="1" summaryBelow="0" showOutlineSymbols="0"/>'
    '<pageSetUpPr autoPageBreaks="0" fitToPage="1"/></sheetPr>',
    "view": '<sheetViews><sheetView showGridLines="0" showRowColHeaders="0" showZeros="0" '
    'rightToLeft="1" tabSelected="1" showRuler="0" view="pageBreakPreview" topLeftCell="B2" '
    'zoomScale="85" zoomScaleNormal="85" zoomScaleSheetLayoutView="60" workbookViewId="0">'
    '<pane xSplit="1" ySplit="2" topLeftCell="B3" activePane="bottomRight" state="frozen"/>'
    '<selection pane="bottomRight" activeCell="C4" sqref="C4:D5 F1"/><extLst><ext uri="{x}"/>'
    "</extLst></sheetView></sheetViews>",
    "default sizes": '<sheetFormatPr baseColWidth="12" defaultColWidth="9.5" customHeight="1" '
    'defaultRowHeight="22" zeroHeight="1" thickTop="1" thickBottom="1" outlineLevelRow="2"/>',
    "column without width": '<cols><col min="2" max="3" width="0" customWidth="1"/></cols>',
    "protection that is off": '<sheetProtection formatCells="0" deleteRows="0"/>',
    "protection": '<sheetProtection password="CC1A" sheet="1" objects="1" scenarios="1" sort="0" '
    'autoFilter="0" pivotTables="0" selectLockedCells="1"/>',
    "protection with salt": '<sheetProtection algorithmName="SHA-512" hashValue="AAAA" '
    'saltValue="BBBB" spinCount="100000" sheet="1" objects="1"/>',
    "protected ranges": '<protectedRanges><protectedRange password="CC1A" sqref="B2:B4" '
    'name="Inputs" securityDescriptor="O:WDG:WD"/></protectedRanges>',
    "scenarios": '<scenarios current="0" show="0" sqref="C1"><scenario name="Low" locked="1" '
    'count="1" user="Ann" comment="of Ann"><inputCells r="B2" val="1" numFmtId="9"/></scenario>'
    "</scenarios>",
    "sorted filter": f'<autoFilter ref="A1:B4">{_SORTED}</autoFilter>',
    "sort order": _SORTED,
    "consolidation": '<dataConsolidate function="average" leftLabels="1"><dataRefs count="1">'
    '<dataRef ref="A1:B4" sheet="Data"/></dataRefs></dataConsolidate>',
    "phonetics": '<phoneticPr fontId="0" type="Hiragana" alignment="center"/>',
    "print options": '<printOptions horizontalCentered="1" gridLines="1" gridLinesSet="0"/>',
    "margins": '<pageMargins left="0.11811023622047245" right="0.2" top="0.3" bottom="0.4" '
    'header="0.5" footer="0.6"/>',
    "page": '<pageSetup paperSize="9" paperHeight="297mm" paperWidth="210mm" scale="55" '
    'firstPageNumber="7" fitToWidth="2" fitToHeight="0" pageOrder="overThenDown" '
    'orientation="landscape" usePrinterDefaults="0" blackAndWhite="1" draft="1" '
    'cellComments="atEnd" useFirstPageNumber="1" errors="NA" horizontalDpi="300" verticalDpi="300" '
    'copies="3"/>',
    "page without values": '<pageSetup orientation="default" errors="displayed"/>',
    "headers": '<headerFooter differentOddEven="1" differentFirst="1" scaleWithDoc="0" '
    'alignWithMargins="0"><oddHeader>&amp;L&amp;"Arial,Bold"&amp;12A&amp;K00FF00B</oddHeader>'
    "<oddFooter>Page &amp;P</oddFooter><evenHeader>&amp;Ceven</evenHeader><firstFooter>first"
    "</firstFooter></headerFooter>",
    "headers without text": '<headerFooter alignWithMargins="0"/>',
    "row breaks": '<rowBreaks count="2" manualBreakCount="1"><brk id="3" min="1" max="16383" '
    'man="1"/><brk id="9" max="16383" pt="1"/></rowBreaks>',
    "column breaks": '<colBreaks count="1" manualBreakCount="1"><brk id="2" max="1048575" man="1"/>'
    "</colBreaks>",
    "watches": '<cellWatches><cellWatch r="A1"/></cellWatches>',
    "ignored errors": '<ignoredErrors><ignoredError sqref="A1:A9" numberStoredAsText="1"/>'
    "</ignoredErrors>",
    "validation": '<dataValidations count="1" disablePrompts="1" xWindow="3" yWindow="4">'
    '<dataValidation type="list" imeMode="hiragana" errorStyle="warning" allowBlank="1" '
    'showDropDown="1" showInputMessage="1" errorTitle="no" error="never" promptTitle="pick" '
    'prompt="one" sqref="D2:D4"><formula1>"low,high"</formula1></dataValidation>'
    "</dataValidations>",
    "unknown extension": '<extLst><ext uri="{00000000-1111-2222-3333-444444444444}"><z:q '
    'xmlns:z="urn:z" a="1"/></ext></extLst>',
    **{
        f"filter {number}": f'<autoFilter ref="A1:B4"><filterColumn colId="0" hiddenButton="1">'
        f"{each}</filterColumn></autoFilter>"
        for number, each in enumerate(FILTERS)
    },
}
"""Children of a worksheet, by what they are."""
OF_BOOK = {
    "version": '<fileVersion appName="xl" lastEdited="7" lowestEdited="6" rupBuild="22228" '
    'codeName="{37E998C4-C9E5-D4B9-71C8-EB1FF731991C}"/>',
    "sharing": '<fileSharing readOnlyRecommended="1" userName="Ann" reservationPassword="CC1A"/>',
    "properties": '<workbookPr date1904="1" showObjects="placeholders" showBorderUnselectedTables='
    '"0" filterPrivacy="1" promptedSolutions="1" showInkAnnotation="0" backupFile="1" '
    'saveExternalLinkValues="0" updateLinks="never" codeName="Book" hidePivotFieldList="1" '
    'allowRefreshQuery="1" publishItems="1" checkCompatibility="1" autoCompressPictures="0" '
    'refreshAllConnections="1" defaultThemeVersion="166925"/>',
    "protection": '<workbookProtection workbookPassword="CC1A" lockStructure="1" lockWindows="1" '
    'revisionsAlgorithmName="SHA-512" revisionsHashValue="AAAA" revisionsSpinCount="9"/>',
    "views": '<bookViews><workbookView visibility="visible" minimized="1" showHorizontalScroll="0" '
    'showSheetTabs="0" xWindow="-120" yWindow="-120" windowWidth="20000" windowHeight="15000" '
    'tabRatio="300" firstSheet="0" autoFilterDateGrouping="0"/><workbookView xWindow="5" '
    'yWindow="5" windowWidth="100" windowHeight="100"/></bookViews>',
    "function groups": '<functionGroups builtInGroupCount="17"><functionGroup name="Ours"/>'
    "</functionGroups>",
    "calculation": '<calcPr calcId="191029" calcMode="manual" refMode="R1C1" iterate="1" '
    'iterateCount="7" iterateDelta="0.01" fullPrecision="0" calcOnSave="0" concurrentCalc="0" '
    'concurrentManualCount="2" forceFullCalc="1"/>',
    "size of an object": '<oleSize ref="A1:C9"/>',
    "smart tags": '<smartTagPr embed="1" show="noIndicator"/>',
    "types of smart tags": '<smartTagTypes><smartTagType namespaceUri="urn:x" name="date"/>'
    "</smartTagTypes>",
    "publishing": '<webPublishing css="0" allowPng="1" dpi="120" codePage="1252"/>',
    "recovery": '<fileRecoveryPr autoRecover="0" crashSave="1"/>',
    "published objects": '<webPublishObjects count="1"><webPublishObject id="1" divId="d_1" '
    'destinationFile="C:\\\\a.htm"/></webPublishObjects>',
}
"""Children of a workbook, by what they are."""
NAMES = {
    "print area of nothing": ("_xlnm.Print_Area", 1, "#REF!", ""),
    "print area of the sheet of nothing": ("_xlnm.Print_Area", 1, "Plan!#REF!", ""),
    "print area of two ranges": ("_xlnm.Print_Area", 1, "Plan!$A$1:$B$2,Plan!$D$1:$E$2", ""),
    "print area of columns": ("_xlnm.Print_Area", 1, "Plan!$A:$C", ""),
    "print area of rows": ("_xlnm.Print_Area", 1, "Plan!$1:$9", ""),
    "computed print area": (
        "_xlnm.Print_Area",
        1,
        "OFFSET(Plan!$A$1,0,0,COUNTA(Plan!$A:$A),2)",
        "",
    ),
    "print area of another file": ("_xlnm.Print_Area", 1, "[1]Other!$A$1:$B$2", ""),
    "print titles": ("_xlnm.Print_Titles", 1, "Plan!$A:$B,Plan!$1:$2", ""),
    "print titles in quotes": ("_xlnm.Print_Titles", 1, "'Plan'!$1:$2", ""),
    "criteria": ("_xlnm.Criteria", 1, "Plan!$D$1:$D$2", ""),
    "extract": ("_xlnm.Extract", 1, "Plan!$F$1", ""),
    "consolidated": ("_xlnm.Consolidate_Area", 1, "Plan!$A$1:$B$2", ""),
    "database": ("_xlnm.Database", None, "Plan!$A$1:$B$4", ""),
    "filter without a filter": ("_xlnm._FilterDatabase", 1, "Plan!$A$1:$B$4", 'hidden="1"'),
    "hidden name": ("secret", None, "Plan!$A$1", 'hidden="1" comment="of Ann"'),
    "name of nothing": ("Gone", None, "#REF!", ""),
    "name of a sheet": ("Local", 2, "Data!$A$1:$B$4", ""),
    "constant": ("Rate", None, "0.19", ""),
    "macro": ("Refresh", None, "#NAME?", 'function="1" vbProcedure="1" xlm="1" hidden="1"'),
    "union": ("Both", None, "Plan!$A$1,Data!$B$2", 'shortcutKey="b" description="two cells"'),
    "lambda": ("Twice", None, "_xlfn.LAMBDA(_xlpm.x,_xlpm.x*2)", ""),
}
"""Defined names: name, sheet (numbered with the chartsheet in front), text, attributes."""


def write_with(path: Path, part: str, *fragments: str) -> Path:
    """Write a workbook of a chartsheet and the sheets Plan and Data, with *fragments* in a part.

    Args:
        path: Where it goes.
        part: `SHEET` (Plan), `BOOK` or the part of the styles.
        fragments: Children of the part's root; each takes the place of the one of its name.
    """
    parts = _plain()
    root = etree.fromstring(parts[part])
    order = ORDER[part]
    for fragment in fragments:
        end = next(at for at, sign in enumerate(fragment) if sign in " />")
        declared = f'{fragment[:end]} xmlns="{MAIN}" xmlns:r="{OFFICE}"{fragment[end:]}'
        new = etree.fromstring(declared)
        name = etree.QName(new).localname
        for old in [each for each in root if etree.QName(each).localname == name]:
            root.remove(old)
        later = order[order.index(name) + 1 :]
        places = (at for at, each in enumerate(root) if etree.QName(each).localname in later)
        root.insert(next(places, len(root)), new)
    parts[part] = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    return write_parts(path, parts)


def write_names(path: Path) -> Path:
    """Write a workbook with every name of `NAMES` that has a name of its own, at its sheet."""
    taken, listed = set(), []
    for name, sheet, text, attributes in NAMES.values():
        if (name, sheet) in taken:
            continue
        taken.add((name, sheet))
        listed.append(_name(name, sheet, text, attributes))
    return write_with(path, BOOK, f"<definedNames>{''.join(listed)}</definedNames>")


def write_name(path: Path, which: str) -> Path:
    """Write a workbook with one of `NAMES`."""
    return write_with(path, BOOK, f"<definedNames>{_name(*NAMES[which])}</definedNames>")


def _name(name: str, sheet: int | None, text: str, attributes: str) -> str:
    local = "" if sheet is None else f'localSheetId="{sheet}" '
    return f'<definedName name="{name}" {local}{attributes}>{text}</definedName>'


def _plain() -> dict[str, bytes]:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        chart = book.add_chart({"type": "line"})
        chart.add_series({"values": "=Plan!$B$2:$B$4"})
        book.add_chartsheet("Chart").set_chart(chart)
        for name in ("Plan", "Data"):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["Name", "Amount"])
            for row in range(1, 4):
                sheet.write_row(row, 0, ["abc"[row - 1], row])
    return read_parts(content)


def write_parts(path: Path, parts: dict[str, bytes]) -> Path:
    """Write a package of these parts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def read_parts(path: Path | io.BytesIO) -> dict[str, bytes]:
    """Return the parts of a package."""
    with zipfile.ZipFile(path) as package:
        return {name: package.read(name) for name in package.namelist()}


JAPANESE = (
    '<si><t>\u6771\u4eac</t><rPh sb="0" eb="2"><t>\u30c8\u30a6\u30ad\u30e7\u30a6</t></rPh>'
    '<phoneticPr fontId="0"/></si>'
)
ESCAPED = "<si><t>_x005F_x000D_</t></si>"
CUSTOM_STYLES = (
    '<extLst><ext uri="{EB79DEF2-80B8-43e5-95BD-54CBDDF9020C}" xmlns:x14="http://schemas.microsoft'
    '.com/office/spreadsheetml/2009/9/main"><x14:slicerStyles defaultSlicerStyle="Ours">'
    '<x14:slicerStyle name="Ours"/></x14:slicerStyles></ext></extLst>'
)
RECENT = '<colors><mruColors><color rgb="FF990000"/></mruColors></colors>'
MACRO_SHEET = (
    f'<xm:macrosheet xmlns="{MAIN}" xmlns:xm="http://schemas.microsoft.com/office/excel/2006/main">'
    '<sheetData><row r="1"><c r="A1" s="1"><f>RETURN()</f></c><c r="B1" t="s"><v>0</v></c></row>'
    "</sheetData></xm:macrosheet>"
)
APPLICATION = (
    '<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties">'
    "<Application>Microsoft Excel</Application><Manager>Ann</Manager><Company>Ours</Company>"
    "<HyperlinkBase>C:\\</HyperlinkBase><AppVersion>16.0300</AppVersion></Properties>"
)


def write_other(path: Path) -> Path:
    """Write a workbook with parts and cells that openpyxl drops or simplifies.

    Under the merged range B2:D3 are formats and values; C7 has a text with hints, C8 one with an
    escape, C9 one with several formats; A6 a comment with formats; F1 a picture with a link to a
    place in the workbook; the header is of the chartsheet; the table has a description; the
    sheets are written with a prefix.
    """
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        chart = book.add_chart({"type": "line"})
        chart.add_series({"values": "=Plan!$B$2:$B$4"})
        shown = book.add_chartsheet("Chart")
        shown.set_chart(chart)
        shown.set_header("&CShown")
        sheet = book.add_worksheet("Plan")
        red = book.add_format({"bg_color": "red", "bottom": 1, "num_format": "0.0"})
        sheet.merge_range("B2:D3", "top", red)
        sheet.write("C2", 5, red)
        sheet.write_formula("D3", "=1+1", red, 2)
        sheet.write_column("C7", ["japanese", "escaped"])
        sheet.write_rich_string("C9", "half ", book.add_format({"bold": True}), "bold")
        sheet.write_comment("A6", "as ever")
        image = {"image_data": io.BytesIO(picture()), "url": "internal:Plan!A1"}
        sheet.insert_image("F1", "logo.png", image)
        sheet.add_table("A12:B14", {"name": "Costs", "title": "Costs", "description": "of a year"})
        sheet.write_dynamic_array_formula("F20", "=SORT(B13:B14)", None, 1)
    parts = read_parts(content)
    strings = parts["xl/sharedStrings.xml"].decode()
    strings = strings.replace("<si><t>japanese</t></si>", JAPANESE)
    parts["xl/sharedStrings.xml"] = strings.replace("<si><t>escaped</t></si>", ESCAPED).encode()
    styles = parts["xl/styles.xml"].decode().replace("</styleSheet>", f"{RECENT}{CUSTOM_STYLES}</styleSheet>")  # fmt: skip
    parts["xl/styles.xml"] = styles.encode()
    parts["docProps/app.xml"] = APPLICATION.encode()
    parts["docProps/thumbnail.png"] = picture()
    _relate(parts, "_rels/.rels", "metadata/thumbnail", "docProps/thumbnail.png")
    parts[SHEET] = _prefixed(parts[SHEET])
    parts["xl/macrosheets/sheet1.xml"] = MACRO_SHEET.encode()
    identity = _relate(
        parts, "xl/_rels/workbook.xml.rels", "xlMacrosheet", "macrosheets/sheet1.xml"
    )
    book_part = parts[BOOK].decode().replace(
        "</sheets>",
        f'<sheet name="Macro1" sheetId="9" state="hidden" r:id="{identity}"/></sheets>'
        '<definedNames><definedName name="Auto_Open" localSheetId="2" xlm="1">Macro1!$A$1'
        "</definedName></definedNames>",
    )  # fmt: skip
    parts[BOOK] = book_part.encode()
    types = parts["[Content_Types].xml"].decode().replace(
        "</Types>",
        '<Override PartName="/xl/macrosheets/sheet1.xml" ContentType="application/vnd.ms-excel.'
        'macrosheet+xml"/></Types>',
    )  # fmt: skip
    parts["[Content_Types].xml"] = types.encode()
    return write_parts(path, parts)


def _relate(parts: dict[str, bytes], name: str, kind: str, target: str) -> str:
    base = OFFICE if "/" not in kind else OFFICE.replace("officeDocument", "package")
    new = f'<Relationship Id="rIdNew" Type="{base}/{kind}" Target="{target}"/></Relationships>'
    parts[name] = parts[name].replace(b"</Relationships>", new.encode())
    return "rIdNew"


def _prefixed(content: bytes) -> bytes:
    """Return a part as other writers write it: names with a prefix, a cell's name not first."""
    root = etree.fromstring(content)
    renamed = etree.Element(root.tag, nsmap={"x": MAIN, "r": OFFICE})
    for cell in root.iter(f"{{{MAIN}}}c"):
        attributes = sorted(cell.attrib.items(), reverse=True)
        cell.attrib.clear()
        cell.attrib.update(attributes)
    renamed.extend(list(root))
    etree.cleanup_namespaces(renamed, keep_ns_prefixes=["x", "r"])
    return etree.tostring(renamed, xml_declaration=True, encoding="UTF-8", standalone=True)
