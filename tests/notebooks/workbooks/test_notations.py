"""Amounts, dates and formats as people write them: what is read, what is named, what is neither."""

import pytest

from notebooks.workbooks.profile.amounts import read_amount, read_notation
from notebooks.workbooks.profile.body import Body
from notebooks.workbooks.profile.dates import read_dates
from notebooks.workbooks.profile.number_formats import read_format, scale_of
from notebooks.workbooks.profile.totals import find_totals
from tests.corpus.grids import grid_of

pytestmark = pytest.mark.check


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["(1,250.00)", "3.50"], [-1250, 3.5]),
        (["1.250,00-", "-0,5"], [-1250, -0.5]),
        (["1'250.00", "2’000.50"], [1250, 2000.5]),
        (["1\u202f250,00", "15,5"], [1250, 15.5]),
        (["12,34,567.00", "15.00"], [1234567, 15]),
        (["EUR (15.00)", "CHF 2,000.00"], [-15, 2000]),
        (["- €5,25", "€ 1.000,00"], [-5.25, 1000]),
        (["15 %", "2,5%"], [0.15, 0.025]),
        (["-", "10.25", "--"], [0, 10.25, 0]),
        (["1.234.567", "1.000"], [1234567, 1000]),
        (["\u22125.5", "–2"], [-5.5, -2]),
    ],
)
def test_amounts_are_read_in_the_notation_of_their_column(texts, numbers):
    notation = read_notation(texts)

    assert not notation.ambiguous
    assert [read_amount(text, notation) for text in texts] == pytest.approx(numbers)


@pytest.mark.parametrize("texts", [["1.250", "2.375"], ["1,250"], ["1,250.00", "3.50 DR"]])
def test_amounts_that_can_be_read_in_two_ways_are_named(texts):
    assert read_notation(texts).ambiguous


@pytest.mark.parametrize(
    "text", ["+49 30 123", "030 123 456", "1.2.3", "12-34", "A5", "12:30", "5 kg", "", "(5"]
)
def test_what_is_no_amount_is_not_read_as_one(text):
    notation = read_notation([text, "1.5", "2.5"])

    assert read_amount(text, notation) is None


@pytest.mark.parametrize(
    ("texts", "form", "proven"),
    [
        (["31/01/2024", "01/02/2024"], "%d/%m/%Y", True),
        (["01/31/2024", "02/01/2024"], "%m/%d/%Y", True),
        (["01/02/2024", "03/04/2024"], "%d/%m/%Y", False),
        (["01.02.2024"], "%d.%m.%Y", True),
        (["2024-01-31T10:00:00Z"], "%Y-%m-%dT%H:%M:%S%z", True),
        (["01/31/2024 05:30 PM"], "%m/%d/%Y %I:%M %p", True),
        (["5 Jan 2024", "16 Feb 2024"], "%d %b %Y", True),
        (["January 5, 2024"], "%B %d, %Y", True),
    ],
)
def test_the_order_of_a_date_is_proven_over_the_whole_column(texts, form, proven):
    found = read_dates(texts)

    assert (found.format, found.proven) == (form, proven)


@pytest.mark.parametrize("texts", [["30/02/2024"], ["2024-13-01"], ["1.2.3"], ["12/2024"], ["abc"]])
def test_what_is_no_date_is_not_read_as_one(texts):
    assert read_dates(texts) is None


@pytest.mark.parametrize(
    ("code", "kind", "currency"),
    [
        ("#,##0.00 [$€-407]", "currency", "EUR"),
        ('_("$"* #,##0.00_)', "currency", "USD"),
        ('#,##0 "Kč"', "currency", "CZK"),
        ("[$CHF] #,##0", "currency", "CHF"),
        ("0.0%", "percent", ""),
        ("dd.mm.yyyy", "date", ""),
        ("mmm-yy", "date", ""),
        ("[h]:mm", "time", ""),
        ("00000", "digits", ""),
        ("000-00-0000", "digits", ""),
        ("@", "text", ""),
        ("[Red]#,##0;-#,##0", "number", ""),
        ("General", "number", ""),
        ('0.00 "kg"', "number", ""),
    ],
)
def test_a_number_format_says_what_a_number_is(code, kind, currency):
    assert read_format(code)[:2] == (kind, currency)


@pytest.mark.parametrize(
    ("rows", "totals"),
    [
        ([["a", 10.5], ["b", 20.25], ["Total", 30.75]], [2]),
        ([["a", 10.5], ["b", 20.25], ["Total", 31.0]], [2]),  # named, though it does not add up
        ([["Total Energies", 10.5], ["b", 20.25], ["c", 4.5]], []),
        ([["a", 10.5], ["b", 20.25], ["c", 7.25], [None, 38.0]], [3]),
        ([["a", 100, 101], ["b", 200, 205], ["c", 300, 306]], []),  # by chance
        ([["*", 30.75], ["a", 10.5], ["b", 20.25]], [0]),
        ([["North Total", 30.75], ["North", 10.5], ["North", 20.25], ["South", 4.0]], [0]),
        ([["北京", 10.5], ["上海", 20.25], ["合计", 30.75]], [2]),
    ],
)
def test_total_rows_are_found_by_word_and_by_arithmetic(rows, totals):
    grid = grid_of(rows)

    found = find_totals(Body(grid, (0, 0, grid.bottom, grid.right)))

    assert [total.row for total in found] == totals


def test_a_total_that_does_not_add_up_is_told():
    rows = [["a", 10.5], ["b", 20.25], ["Total", 31.0]]

    (total,) = find_totals(Body(grid_of(rows), (0, 0, 2, 1)))

    assert total.ties is False


@pytest.mark.parametrize(
    ("code", "scale"),
    [
        ("#,##0,", 1_000),
        ("0.0,,", 1_000_000),
        ('#,##0.0,,"M"', 1_000_000),
        ("0,.0", 1_000),
        ('[>=1000000]0.0,,"M";[>=1000]0.0,"k";0', 1_000_000),
        ('_-* #,##0,\\ "k€"_-;-* #,##0,\\ "k€"_-', 1_000),
        ("#,##0,_);(#,##0,)", 1_000),
        ("0,,,", 1_000_000_000),
        ("#,##0", 1),
        ("#,##0.00", 1),
        ('0", "0', 1),
        ("General", 1),
        ("yyyy, mmm", 1),
        ("#,##0.00_);[Red](#,##0.00)", 1),
    ],
)
def test_commas_behind_the_digits_of_a_format_show_thousands(code, scale):
    assert scale_of(code) == scale
