"""The front page of an export says what a reviewer asks first, as the record has it."""

import hashlib
import json

import pytest
from bs4 import BeautifulSoup

from notebooks.export.formats import EXPORTS
from notebooks.ledger.review import SIGN_OFF, sign_notebook
from notebooks.ledger.signing import KeyRing, own_signer
from notebooks.ledger.statement import attester_of
from tests.corpus.reviewed_notebook import MODEL, reviewed_notebook, sha256


@pytest.fixture
async def notebook(tmp_path):
    return await reviewed_notebook(tmp_path)


def page_of(notebook):
    return BeautifulSoup(EXPORTS["html"](notebook), "html.parser")


def verdict(page, name):
    """Return word, reason and colour of one of the boxes at the top."""
    [box] = [b for b in page.select(".verdict") if b.dt.text == name]
    return box.select_one(".word").text, box.select_one(".why").text, box["class"][1:]


def table(page, heading):
    """Return the rows below a heading, as texts."""
    head = next(h for h in page.select(".front h2") if h.text == heading)
    rows = head.find_next("table").select("tbody tr")
    return [[" ".join(cell.stripped_strings) for cell in row.select("td")] for row in rows]


def test_it_names_who_asked_what_and_when_the_answer_and_the_model(notebook):
    [first, second] = table(page_of(notebook), "What was asked and answered")

    assert first == [
        "1",
        "Stack these 3 workbooks and keep rows where Sales > 1000",
        "anna.keller@example.com 2026-03-02 09:10:00 UTC",
        "The result is in `outputs/stacked_sales.xlsx`: 111 of 180 rows.",
        MODEL,
    ]
    assert second[3] == "The totals are by region now."


def test_it_lists_each_file_with_its_hash_its_readers_and_writers(notebook):
    files = {row[0]: row[1:] for row in table(page_of(notebook), "Files")}

    assert files["inputs/sales_q1.xlsx"] == ["input", "2", "", sha256(b"quarter 1")]
    assert files["outputs/stacked_sales.xlsx"] == ["output", "", "2 , 10", sha256(b"stacked")]
    assert list(files) == sorted(files)


def test_it_lists_each_cell_with_its_end_risk_who_allowed_it_and_what_it_changed(notebook):
    ran = {row[0]: row for row in table(page_of(notebook), "What ran")}

    assert [ran[n][1] for n in ("2", "6", "7", "8", "9", "10")] == [
        "ok", "blocked", "denied", "died", "error", "undone",
    ]  # fmt: skip
    assert ran["2"][2:5] == ["low", "not asked", "outputs/stacked_sales.xlsx: written"]
    assert ran["7"][3] == "denied by anna.keller@example.com, 2026-03-02 09:20:30 UTC"
    assert ran["10"][2:5] == [
        "high",
        "allowed once by anna.keller@example.com, 2026-03-02 09:22:30 UTC",
        "outputs/stacked_sales.xlsx: changed",
    ]


def test_it_has_every_finding_in_amber(notebook):
    page = page_of(notebook)

    amber = "\n".join(line.text for line in page.select(".front ul.amber li"))
    for finding in (
        "cell 6 was blocked and did not run: Line 2: it starts a process.",
        "cell 8 died: It took more memory than 1 GB.",
        "cell 10 was undone and does not count: by anna.keller@example.com",
        "Tie-out: cell 5: the join gives 126 rows from 111: a key is there several times",
        "numbers are stored as text in B2:B8 (7 times) Convert them before you write.",
        "1 formula with the error #DIV/0! (Sheet1!C4)",
    ):
        assert finding in amber
    assert verdict(page, "Tie-out") == ("1 suspicious", "1 of 2 results tie out", ["amber"])
    assert verdict(page, "Workbook checks")[0] == "2 findings"
    assert verdict(page, "Code")[0] == "3 of 7 cells ran"


def test_it_says_whether_the_record_verifies_and_which_cell_was_changed(notebook):
    fine = verdict(page_of(notebook), "Hash chain")
    notebook.write_text(notebook.read_text().replace("frames = ", "frames= "))

    changed = page_of(notebook)

    assert (fine[0], fine[2]) == ("verified", ["good"])
    assert verdict(changed, "Hash chain")[::2] == ("NOT verified", ["bad"])
    assert "Hash chain: cell 2: its code was changed" in changed.select_one(".front ul.bad").text


async def test_it_says_who_signed_the_record_and_who_signed_it_off(tmp_path, notebook):
    ring, reviewer = KeyRing(tmp_path / "keys"), own_signer(tmp_path / "reviewer.pem")
    signed = await reviewed_notebook(tmp_path / "signed", attester=attester_of(ring))
    sign_notebook(signed, reviewer, kind=SIGN_OFF, name="<b>Rita</b>", note="seen")

    page = page_of(signed)

    word, why, look = verdict(page, "Signature")
    assert (word, look) == ("signed", [])
    assert ring.signer().key_id in why
    assert verdict(page, "Review")[0] == "signed off"
    assert verdict(page, "Review")[1].startswith("<b>Rita</b>, ")
    assert verdict(page_of(notebook), "Signature")[0] == "none"


async def test_a_signature_that_is_not_the_keys_is_in_red(tmp_path):
    one, two = (attester_of(KeyRing(tmp_path / name)) for name in ("one", "two"))
    notebook = await reviewed_notebook(tmp_path / "one-signed", attester=one)
    other = await reviewed_notebook(tmp_path / "two-signed", attester=two)
    content, theirs = (json.loads(file.read_text()) for file in (notebook, other))
    [mine] = content["metadata"]["tallybook"]["statement"]["signatures"]
    [foreign] = theirs["metadata"]["tallybook"]["statement"]["signatures"]
    mine["sig"] = foreign["sig"]
    notebook.write_text(json.dumps(content))

    assert verdict(page_of(notebook), "Signature")[::2] == ("NOT valid", ["bad"])


RERUN = {
    "cells": [
        {"cell": 2, "verdict": "reproduced", "detail": ""},
        {"cell": 5, "verdict": "differs", "detail": "line 1: 126 → 127"},
    ],
    "files": [{"name": "outputs/a.xlsx", "verdict": "reproduced", "detail": ""}],
    "changed": False,
}


@pytest.mark.parametrize(
    ("report", "word", "look"),
    [
        (None, "not run", []),
        ({"verdict": "reproduced"}, "reproduced", ["good"]),
        ({"verdict": "differs"}, "differs", ["bad"]),
        ({"verdict": "incomplete"}, "incomplete", ["amber"]),
        ({"verdict": "reproduced", "of_sha256": "0" * 64}, "not of this file", ["amber"]),
        ("[" * 100_000, "unreadable", []),
        ("[1]", "not of this file", ["amber"]),
        ({"verdict": [], "cells": 1, "files": {"a": 1}}, "", ["bad"]),
    ],
    ids=range(8),
)
def test_it_has_the_verdict_of_a_rerun_of_this_very_file(notebook, report, word, look):
    if isinstance(report, dict):
        of = hashlib.sha256(notebook.read_bytes()).hexdigest()
        report = json.dumps({"of_sha256": of, **RERUN, **report})
    if report is not None:
        notebook.with_suffix(".rerun.json").write_text(report)

    page = page_of(notebook)

    assert verdict(page, "Re-run")[0] == word or not word
    assert verdict(page, "Re-run")[2] == look
    if word == "differs":
        assert "cell 5: differs line 1: 126 → 127" in page.select_one(".front ul.bad").text


@pytest.mark.parametrize("junk", [None, "text", 7, [1, "x", {}], {"a": 1}, {"a": {"b": [1]}}])
def test_a_record_with_values_of_any_type_still_has_a_page(notebook, junk):
    content = json.loads(notebook.read_text())
    for cell in content["cells"]:
        facts = cell["metadata"]["tallybook"]
        kept = {"kind", "status", "back_to", "without"}
        cell["metadata"]["tallybook"] = {k: v if k in kept else junk for k, v in facts.items()}
    content["metadata"]["tallybook"] = dict.fromkeys(content["metadata"]["tallybook"], junk)
    notebook.write_text(json.dumps(content))

    assert page_of(notebook).select(".front .verdict")


def test_a_foreign_notebook_has_a_page_that_says_so(tmp_path):
    cells = [{"cell_type": "code", "id": "a", "metadata": {}, "source": "1", "outputs": [],
              "execution_count": None}]  # fmt: skip
    (tmp_path / "x.ipynb").write_text(
        json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )

    page = page_of(tmp_path / "x.ipynb")

    assert "was not recorded by Tallybook" in page.select_one(".about").text
    assert verdict(page, "Hash chain")[0] == "NOT verified"
