"""A workbook whose pivot table and Excel table are filtered by slicers and a timeline."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path

import xlsxwriter

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
X14 = "http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"
X15 = "http://schemas.microsoft.com/office/spreadsheetml/2010/11/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
R2007 = "http://schemas.microsoft.com/office/2007/relationships"
R2011 = "http://schemas.microsoft.com/office/2011/relationships"
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"
MICROSOFT = "application/vnd.ms-excel"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"
DML = "http://schemas.openxmlformats.org/drawingml/2006/main"
MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"
REGIONS = ("North", "South")
ROWS = [("North", datetime.date(2025, 1, 5), 10), ("South", datetime.date(2025, 2, 5), 20)]


def _frame(kind: str, name: str, column: int) -> str:
    """Return the anchor of a slicer's or a timeline's frame."""
    space, prefix, element, needs = {
        "slicer": (
            "http://schemas.microsoft.com/office/drawing/2010/slicer",
            "sle",
            "slicer",
            "http://schemas.microsoft.com/office/drawing/2010/main",
        ),
        "timeline": (
            "http://schemas.microsoft.com/office/drawing/2012/timeslicer",
            "tsle",
            "timeslicer",
            "http://schemas.microsoft.com/office/drawing/2012/timeslicer",
        ),
    }[kind]
    return (
        f"<xdr:twoCellAnchor><xdr:from><xdr:col>{column}</xdr:col><xdr:colOff>0</xdr:colOff>"
        "<xdr:row>1</xdr:row><xdr:rowOff>0</xdr:rowOff></xdr:from>"
        f"<xdr:to><xdr:col>{column + 2}</xdr:col><xdr:colOff>0</xdr:colOff><xdr:row>9</xdr:row>"
        f'<xdr:rowOff>0</xdr:rowOff></xdr:to><mc:AlternateContent xmlns:mc="{MC}">'
        f'<mc:Choice xmlns:need="{needs}" Requires="need"><xdr:graphicFrame macro="">'
        f'<xdr:nvGraphicFramePr><xdr:cNvPr id="{column}" name="{name}"/><xdr:cNvGraphicFramePr/>'
        "</xdr:nvGraphicFramePr>"
        '<xdr:xfrm><a:off x="0" y="0"/><a:ext cx="0" cy="0"/></xdr:xfrm>'
        f'<a:graphic><a:graphicData uri="{space}"><{prefix}:{element} xmlns:{prefix}="{space}" '
        f'name="{name}"/></a:graphicData></a:graphic></xdr:graphicFrame></mc:Choice>'
        "<mc:Fallback/></mc:AlternateContent><xdr:clientData/></xdr:twoCellAnchor>"
    )


def _drawing(*anchors: str) -> str:
    return f'<xdr:wsDr xmlns:xdr="{DRAWING}" xmlns:a="{DML}">{"".join(anchors)}</xdr:wsDr>'


def _cache(name: str, field: str, sheet: int, number: int) -> str:
    items = "".join(f'<i x="{n}" s="1"/>' for n in range(len(REGIONS)))
    return (
        f'<slicerCacheDefinition xmlns="{X14}" name="{name}" sourceName="{field}"><pivotTables>'
        f'<pivotTable tabId="{sheet}" name="Sums"/></pivotTables><data><tabular '
        f'pivotCacheId="{number}"><items count="2">{items}</items></tabular></data>'
        "</slicerCacheDefinition>"
    )


def _pivot_cache(number: int | None) -> str:
    known = f' pivotCacheId="{number}"' if number else ""
    regions = "".join(f'<s v="{region}"/>' for region in REGIONS)
    return (
        f'<pivotCacheDefinition xmlns="{MAIN}" xmlns:r="{OFFICE}" r:id="rId1" refreshedBy="Ann" '
        'refreshedDate="45000" createdVersion="5" refreshedVersion="5" minRefreshableVersion="3" '
        'recordCount="2"><cacheSource type="worksheet"><worksheetSource name="Sales"/>'
        '</cacheSource><cacheFields count="3"><cacheField name="Region"><sharedItems count="2">'
        f"{regions}</sharedItems></cacheField>"
        '<cacheField name="Date" numFmtId="14"><sharedItems containsSemiMixedTypes="0" '
        'containsNonDate="0" containsDate="1" containsString="0" minDate="2025-01-05T00:00:00" '
        'maxDate="2025-02-06T00:00:00"/></cacheField>'
        '<cacheField name="Amount"><sharedItems containsSemiMixedTypes="0" containsString="0" '
        'containsNumber="1" containsInteger="1" minValue="10" maxValue="20"/></cacheField>'
        f'</cacheFields><extLst><ext uri="{{725AE2AE-9491-48be-B2B4-4EB974FC3084}}" '
        f'xmlns:x14="{X14}"><x14:pivotCacheDefinition{known}/></ext></extLst>'
        "</pivotCacheDefinition>"
    )


RECORDS = (
    f'<pivotCacheRecords xmlns="{MAIN}" count="2"><r><x v="0"/><d v="2025-01-05T00:00:00"/>'
    '<n v="10"/></r><r><x v="1"/><d v="2025-02-05T00:00:00"/><n v="20"/></r></pivotCacheRecords>'
)
PIVOT = (
    f'<pivotTableDefinition xmlns="{MAIN}" name="Sums" cacheId="7" dataCaption="Values" '
    'updatedVersion="5" createdVersion="5"><location ref="A3:B6" firstHeaderRow="1" '
    'firstDataRow="1" firstDataCol="1"/><pivotFields count="3"><pivotField axis="axisRow" '
    'showAll="0"><items count="3"><item x="0"/><item x="1"/><item t="default"/></items>'
    '</pivotField><pivotField numFmtId="14" showAll="0"/><pivotField dataField="1" showAll="0"/>'
    '</pivotFields><rowFields count="1"><field x="0"/></rowFields><rowItems count="3"><i><x/></i>'
    '<i><x v="1"/></i><i t="grand"><x/></i></rowItems><colItems count="1"><i/></colItems>'
    '<dataFields count="1"><dataField name="Sum of Amount" fld="2"/></dataFields>'
    "</pivotTableDefinition>"
)
TABLE_CACHE = (
    f'<slicerCacheDefinition xmlns="{X14}" xmlns:x="{MAIN}" name="Slicer_Region1" '
    'sourceName="Region"><extLst><x:ext uri="{2F2917AC-EB37-4324-AD4E-5DD8C200BD13}" '
    f'xmlns:x15="{X15}"><x15:tableSlicerCache tableId="1" column="1"/></x:ext></extLst>'
    "</slicerCacheDefinition>"
)
TIMELINE_CACHE = (
    f'<timelineCacheDefinition xmlns="{X15}" name="NativeTimeline_Date" sourceName="Date">'
    '<pivotTables><pivotTable tabId="3" name="Sums"/></pivotTables><state '
    'minimalRefreshVersion="6" lastRefreshVersion="6" pivotCacheId="{}" filterType="unknown">'
    '<bounds startDate="2025-01-01T00:00:00" endDate="2026-01-01T00:00:00"/></state>'
    "</timelineCacheDefinition>"
)


def _slicers(**caches: str) -> str:
    listed = "".join(
        f'<slicer name="{name}" cache="{cache}" caption="{name}" rowHeight="241300"/>'
        for name, cache in caches.items()
    )
    return f'<slicers xmlns="{X14}">{listed}</slicers>'


def make_slicers(path: Path, *, numbered: bool = True) -> Path:
    """Write the workbook: sheets Cover, Data (a table with a slicer), Pivot (with three filters).

    Args:
        path: Where to write it.
        numbered: The pivot cache states the number that slicers know it by, as newer versions
            of Excel write it; else that is the number that the workbook gives it.
    """
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Cover").write("A1", "Sales")
        data, pivot = book.add_worksheet("Data"), book.add_worksheet("Pivot")
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for row, (region, date, amount) in enumerate(ROWS, 1):
            data.write(row, 0, region)
            data.write_datetime(row, 1, date, day)
            data.write(row, 2, amount)
        header = [{"header": name} for name in ("Region", "Date", "Amount")]
        data.add_table("A1:C3", {"name": "Sales", "columns": header})
        for row, line in enumerate([("Row Labels", "Sum of Amount"), ("North", 10), ("South", 20), ("Grand Total", 30)]):  # fmt: skip
            pivot.write_row(row + 2, 0, line)
        for name in ("Slicer_Region", "Slicer_Region1", "Slicer_Amount", "NativeTimeline_Date"):
            book.define_name(name, "=#N/A")
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name).decode() for name in package.namelist()}
    _add_parts(parts, 4711 if numbered else None)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def _add_parts(parts: dict[str, str], number: int | None) -> None:
    book, data, pivot = "xl/workbook.xml", "xl/worksheets/sheet2.xml", "xl/worksheets/sheet3.xml"
    known = number or 7
    table = "xl/pivotTables/pivotTable1.xml"
    cache = "xl/pivotCache/pivotCacheDefinition1.xml"
    records = "xl/pivotCache/pivotCacheRecords1.xml"
    for owner, identity, kind, name, content, content_type in (
        (book, "rId50", f"{OFFICE}/pivotCacheDefinition", cache, _pivot_cache(number), f"{SPREADSHEET}.pivotCacheDefinition+xml"),
        (cache, "rId1", f"{OFFICE}/pivotCacheRecords", records, RECORDS, f"{SPREADSHEET}.pivotCacheRecords+xml"),
        (pivot, "rId50", f"{OFFICE}/pivotTable", table, PIVOT, f"{SPREADSHEET}.pivotTable+xml"),
        (table, "rId1", f"{OFFICE}/pivotCacheDefinition", cache, "", ""),
        (book, "rId51", f"{R2007}/slicerCache", "xl/slicerCaches/slicerCache1.xml", _cache("Slicer_Region", "Region", 3, known), f"{MICROSOFT}.slicerCache+xml"),
        (book, "rId52", f"{R2007}/slicerCache", "xl/slicerCaches/slicerCache2.xml", TABLE_CACHE, f"{MICROSOFT}.slicerCache+xml"),
        (book, "rId53", f"{R2007}/slicerCache", "xl/slicerCaches/slicerCache3.xml", _cache("Slicer_Amount", "Amount", 3, known), f"{MICROSOFT}.slicerCache+xml"),
        (book, "rId54", f"{R2011}/timelineCache", "xl/timelineCaches/timelineCache1.xml", TIMELINE_CACHE.format(known), f"{MICROSOFT}.timelineCache+xml"),
        (pivot, "rId51", f"{R2007}/slicer", "xl/slicers/slicer1.xml", _slicers(Region="Slicer_Region", Amount="Slicer_Amount"), f"{MICROSOFT}.slicer+xml"),
        (pivot, "rId52", f"{R2011}/timeline", "xl/timelines/timeline1.xml", f'<timelines xmlns="{X15}"><timeline name="Date" cache="NativeTimeline_Date" caption="Date" level="2" selectionLevel="2"/></timelines>', f"{MICROSOFT}.timeline+xml"),
        (pivot, "rId53", f"{OFFICE}/drawing", "xl/drawings/drawing1.xml", _drawing(_frame("slicer", "Region", 4), _frame("slicer", "Amount", 7), _frame("timeline", "Date", 10)), "application/vnd.openxmlformats-officedocument.drawing+xml"),
        (data, "rId51", f"{R2007}/slicer", "xl/slicers/slicer2.xml", _slicers(Region1="Slicer_Region1"), f"{MICROSOFT}.slicer+xml"),
        (data, "rId53", f"{OFFICE}/drawing", "xl/drawings/drawing2.xml", _drawing(_frame("slicer", "Region1", 6)), "application/vnd.openxmlformats-officedocument.drawing+xml"),
    ):  # fmt: skip
        _relate(parts, owner, identity, kind, name)
        if content:
            parts[name] = content
            types = f'<Override PartName="/{name}" ContentType="{content_type}"/></Types>'
            parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace("</Types>", types)
    x14, x15 = f'xmlns:x14="{X14}"', f'xmlns:x15="{X15}"'
    parts[book] = parts[book].replace(
        "</workbook>",
        '<pivotCaches><pivotCache cacheId="7" r:id="rId50"/></pivotCaches><extLst>'
        f'<ext uri="{{BBE1A952-AA13-448e-AADC-164F8A28A991}}" {x14}><x14:slicerCaches>'
        '<x14:slicerCache r:id="rId51"/><x14:slicerCache r:id="rId53"/></x14:slicerCaches></ext>'
        f'<ext uri="{{46BE6895-7355-4a93-B00E-2C351335B9C9}}" {x15}><x15:slicerCaches {x14}>'
        '<x14:slicerCache r:id="rId52"/></x15:slicerCaches></ext>'
        f'<ext uri="{{D0CA8CA8-9F24-4464-BF8E-62219DCF47F9}}" {x15}><x15:timelineCacheRefs>'
        '<x15:timelineCacheRef r:id="rId54"/></x15:timelineCacheRefs></ext></extLst></workbook>',
    )
    drawn = '<drawing r:id="rId53"/>'
    slicer_list = '<x14:slicerList><x14:slicer r:id="rId51"/></x14:slicerList></ext>'
    parts[pivot] = parts[pivot].replace(
        "</worksheet>",
        f'{drawn}<extLst><ext uri="{{A8765BA9-456A-4dab-B4F3-ACF838C121DE}}" {x14}>{slicer_list}'
        f'<ext uri="{{7E03D99C-DC04-49d9-9315-930204A7B6E9}}" {x15}><x15:timelineRefs>'
        '<x15:timelineRef r:id="rId52"/></x15:timelineRefs></ext></extLst></worksheet>',
    )
    parts[data] = parts[data].replace("<tableParts", f"{drawn}<tableParts")
    parts[data] = parts[data].replace(
        "</worksheet>",
        f'<extLst><ext uri="{{3A4CF648-6AED-40f4-86FF-DC5316D8AED3}}" {x14}>{slicer_list}</extLst>'
        "</worksheet>",
    )


def make_shared_caches(path: Path) -> Path:
    """Write the workbook with two more pivot tables: one of other data, one of the same cache.

    They are ``First`` on Cover, of the range Others, and ``Again`` on Data, of the table Sales.
    """
    make_slicers(path)
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name).decode() for name in package.namelist()}
    book, cache = "xl/workbook.xml", "xl/pivotCache/pivotCacheDefinition{}.xml"
    parts[cache.format(2)] = _pivot_cache(4712).replace('name="Sales"', 'name="Others"')
    parts["xl/pivotCache/pivotCacheRecords2.xml"] = RECORDS
    _relate(parts, cache.format(2), "rId1", f"{OFFICE}/pivotCacheRecords", "xl/pivotCache/pivotCacheRecords2.xml")  # fmt: skip
    _relate(parts, book, "rId60", f"{OFFICE}/pivotCacheDefinition", cache.format(2))
    parts[book] = parts[book].replace("</pivotCaches>", '<pivotCache cacheId="8" r:id="rId60"/></pivotCaches>')  # fmt: skip
    more = [("pivotCache/pivotCacheDefinition2", "pivotCacheDefinition"), ("pivotCache/pivotCacheRecords2", "pivotCacheRecords")]  # fmt: skip
    for number, name, cache_id, sheet in ((2, "First", 8, 1), (3, "Again", 7, 2)):
        part = f"xl/pivotTables/pivotTable{number}.xml"
        parts[part] = PIVOT.replace('"Sums"', f'"{name}"').replace('cacheId="7"', f'cacheId="{cache_id}"').replace("A3:B6", "H3:I6")  # fmt: skip
        _relate(parts, part, "rId1", f"{OFFICE}/pivotCacheDefinition", cache.format(2 if cache_id == 8 else 1))  # fmt: skip
        _relate(parts, f"xl/worksheets/sheet{sheet}.xml", f"rId6{number}", f"{OFFICE}/pivotTable", part)  # fmt: skip
        more.append((f"pivotTables/pivotTable{number}", "pivotTable"))
    for name, kind in more:
        types = f'<Override PartName="/xl/{name}.xml" ContentType="{SPREADSHEET}.{kind}+xml"/></Types>'  # fmt: skip
        parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace("</Types>", types)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def _relate(parts: dict[str, str], owner: str, identity: str, kind: str, name: str) -> None:
    directory, _, file = owner.rpartition("/")
    described = f"{directory}/_rels/{file}.rels"
    empty = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"></Relationships>'
    line = f'<Relationship Id="{identity}" Type="{kind}" Target="/{name}"/></Relationships>'
    parts[described] = parts.get(described, empty).replace("</Relationships>", line)
