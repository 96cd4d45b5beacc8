"""Files on the service's own page: their versions, their rows, what can't be uploaded."""

import asyncio
from urllib.request import Request, urlopen

from tests.browser.pane import Pane

ROW = ".file[data-name='inputs/prices.csv']"


async def test_an_older_version_is_listed_downloaded_and_put_back(pane, start_gateway, tmp_path):
    gateway = (await start_gateway([])).gateway
    file = tmp_path / "prices.csv"

    def upload(content):
        file.write_text(content)
        pane.upload(file)

    def content_of(link):
        headers = {"Authorization": f"Bearer {gateway.services.token}"}
        with urlopen(Request(link.get_attribute("href"), headers=headers)) as response:
            return response.read().decode()

    def contents(count):
        pane.find(f"{ROW} .version:nth-child({count})")
        return [content_of(link) for link in pane.all(f"{ROW} .version a")]

    def drive():
        pane.open(gateway)
        upload("one")
        pane.find(f"{ROW} .file-size", "3 B")
        upload("two" * 1000)
        pane.find(f"{ROW} .file-size", "3.0 kB")
        pane.click("[aria-label='Versions of prices.csv']")
        before = contents(2)
        pane.click(f"{ROW} .put-back")
        pane.find(f"{ROW} .file-size", "3 B")
        return before, contents(3)

    before, after = await asyncio.to_thread(drive)

    assert before == ["two" * 1000, "one"]
    assert after == ["one", "two" * 1000, "one"]


async def test_a_preview_shows_rows_as_they_are_and_what_is_known_of_them(
    pane, start_gateway, examples
):
    gateway = (await start_gateway([])).gateway

    def drive(pane: Pane):
        pane.open(gateway)
        pane.upload(examples[1])
        pane.click("[aria-label='Preview sales_q2.xlsx']")
        header = pane.find(".preview .row-header").text
        facts = pane.find(".preview summary").text
        pane.click(".preview summary")
        columns = pane.find(".preview .sources ul").text
        findings = pane.findings()
        pane.click(".preview [role=tab]", "Notes")
        pane.find(".preview .scroller[aria-label='Rows of Notes']")
        return header, facts, columns, findings

    header, facts, columns, findings = await asyncio.to_thread(drive, pane)

    assert header.split("\n")[0].startswith("3")
    assert "Order Date" in header
    assert "A3:E52: 48 rows, 5 columns" in facts
    assert "date, kept as text" in columns
    assert findings == []


async def test_empty_and_refused_files_are_named_with_what_to_do(pane, start_gateway, tmp_path):
    gateway = (await start_gateway([], upload_limit_mb=0.001)).gateway
    (tmp_path / "nothing.xlsx").write_bytes(b"")
    (tmp_path / "large.csv").write_text("a,b\n" * 1000)
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 no workbook")

    def drive():
        pane.open(gateway)
        pane.upload(*sorted(tmp_path.glob("*.*")))
        broken = pane.find(".file[data-name='inputs/broken.xlsx'] .file-problem").text
        return [
            *(pane.find(".upload-problem", name).text for name in ("nothing.xlsx", "large.csv")),
            broken,
        ]

    empty, large, broken = await asyncio.to_thread(drive)

    assert "0 bytes" in empty
    assert "a file may have 1.0 kB" in large
    assert "damaged" in broken
