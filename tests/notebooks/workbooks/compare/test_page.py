"""A comparison in words and as a web page: whatever a file holds is text there."""

from __future__ import annotations

import html.parser
import json

from openpyxl import Workbook

from notebooks.workbooks.compare.difference import comparison_from_json, comparison_to_json
from notebooks.workbooks.compare.page import html_page
from notebooks.workbooks.compare.words import headline
from notebooks.workbooks.compare.workbooks import compare_workbooks

HOSTILE = '</td><script>alert(1)</script><img src="http://x.example/">'


def compared(tmp_path, before, after, title="Data"):
    for name, value in (("a.xlsx", before), ("b.xlsx", after)):
        book = Workbook()
        book.active.title = title
        book.active["B2"] = value
        book.save(tmp_path / name)
    return compare_workbooks(tmp_path / "a.xlsx", tmp_path / "b.xlsx")


class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_the_page_shows_what_differs_and_loads_nothing(tmp_path):
    page = Tags()
    page.feed(html_page(compared(tmp_path, HOSTILE, "plain", title="<b>&")))

    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "img", "link", "iframe", "b", "a"}
    assert not any(name in of for _, of in page.tags for name in ("src", "href", "onclick"))
    assert HOSTILE in page.text
    assert "<b>&!B2" in page.text


def test_a_comparison_survives_json(tmp_path):
    found = compared(tmp_path, 1, 2)

    assert comparison_from_json(json.loads(json.dumps(comparison_to_json(found)))) == found


def test_the_result_is_one_sentence(tmp_path):
    assert headline(compared(tmp_path, 1, 2)) == "values: 1 edited."
    assert headline(compared(tmp_path, 1, 1)) == "The same."


def test_long_texts_are_cut(tmp_path):
    found = compared(tmp_path, "a" * 30_000, "b" * 30_000)

    assert all(len(text) <= 200 for each in found.differences for text in (each.before, each.after))
