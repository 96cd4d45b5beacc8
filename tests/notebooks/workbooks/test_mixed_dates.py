"""True dates among which some are kept as text or day number are one column of dates."""

import datetime

import openpyxl
import pytest

from agent.context.profile_text import render_profile
from notebooks.workbooks.profile import profile_file
from tests.corpus.score import run_recipe

DAYS = [datetime.datetime(2026, 1 + n % 3, 1 + n % 28) for n in range(60)]


@pytest.fixture
def dated(tmp_path):
    """Write cells as a column with a number format; return the profile of the file."""

    def write(values, form="yyyy-mm-dd", name="Date"):
        book = openpyxl.Workbook()
        book.active.append(["Doc", name, "Amount"])
        for n, value in enumerate(values):
            book.active.append([f"d{n}", value, n + 0.25])
            book.active.cell(n + 2, 2).number_format = "General" if isinstance(value, int) else form
        book.save(tmp_path / "book.xlsx")
        return profile_file(tmp_path / "book.xlsx")

    return write


def column_and_frame(profile):
    [table] = profile["sheets"][0]["tables"]
    return table["columns"][1], run_recipe(table["recipe"])


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y", "%Y-%m-%d", "%d %b %Y"])
def test_texts_among_dates_have_their_format_and_become_dates(dated, form):
    profile = dated([day.strftime(form) if n % 4 == 0 else day for n, day in enumerate(DAYS)])

    column, frame = column_and_frame(profile)

    assert (column["kind"], column["date_format"]) == ("date", form)
    assert "ambiguous" not in column
    assert list(frame["Date"]) == DAYS
    assert f"date, 15 of them kept as text, format {form}" in render_profile("a", profile)


@pytest.mark.parametrize("texts", [False, True])
def test_day_numbers_among_dates_become_dates(dated, texts):
    values = [
        (day - datetime.datetime(1899, 12, 30)).days
        if n % 5 == 0
        else f"{day:%d/%m/%Y}"
        if texts and n % 4 == 0
        else day
        for n, day in enumerate(DAYS)
    ]

    profile = dated(values)

    column, frame = column_and_frame(profile)
    assert (column["kind"], column["serials"]) == ("date", 12)
    assert list(frame["Date"]) == DAYS


def test_placeholders_among_them_are_blank(dated):
    values = ["n/a" if n == 7 else f"{d:%d/%m/%Y}" if n % 3 else d for n, d in enumerate(DAYS)]

    column, frame = column_and_frame(dated(values))

    assert column["strays"] == {"n/a": 1}
    assert [n for n, blank in enumerate(frame["Date"].isna()) if blank] == [7]


@pytest.mark.parametrize(
    ("form", "told"), [("dd/mm/yyyy", "%d/%m/%Y"), ("m/d/yyyy", "%m/%d/%Y"), ("mm-dd-yy", "")]
)
def test_the_number_format_decides_what_the_texts_leave_open(dated, form, told):
    """Not the built-in one, which each computer shows in its own order."""
    texts = ["01/02/2026", "03/04/2026", "05/06/2026"]

    column, frame = column_and_frame(dated(texts + DAYS, form))

    assert column.get("ambiguous", False) is not bool(told)
    if told:
        assert list(frame["Date"][:3]) == [datetime.datetime.strptime(t, told) for t in texts]
    else:
        assert list(frame["Date"][:3]) == texts


def test_dates_that_a_program_swapped_are_asked_for(dated):
    """It read 05/03 as 3 May, and left 13/03 as text."""
    values = [
        f"{d:%d/%m/%Y}" if d.day > 12 else datetime.datetime(d.year, d.day, d.month) for d in DAYS
    ]

    column, frame = column_and_frame(dated(values))

    assert column["swapped"]
    assert column["ambiguous"]
    assert sum(isinstance(v, str) for v in frame["Date"]) == sum(d.day > 12 for d in DAYS)


@pytest.mark.parametrize("other", ["see note", "Q1 2026", "31/02/2026"])
def test_other_texts_among_dates_stay_as_they_are(dated, other):
    column, frame = column_and_frame(
        dated([other if n % 4 == 0 else d for n, d in enumerate(DAYS)])
    )

    assert column["kind"] == "mixed"
    assert frame["Date"][0] == other


def test_small_numbers_among_dates_are_no_days(dated):
    column, _ = column_and_frame(dated([n if n % 4 == 0 else d for n, d in enumerate(DAYS)]))

    assert column["kind"] == "mixed"
