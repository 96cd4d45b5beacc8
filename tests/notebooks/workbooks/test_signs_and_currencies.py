"""Amounts by side, triangle or currency: never a wrong sign, never dollars added to euros."""

import datetime
import math

import openpyxl
import pytest

from agent.context.profile_text import render_profile
from notebooks.workbooks.profile import profile_file
from notebooks.workbooks.recipe_values import AMOUNT
from tests.corpus.score import run_recipe

NUMBERS = [3171.01, -6284.71, 2716.82, -15.5, 1250.0, -0.25, 88.1, -1234567.89]
WIDE = str.maketrans("0123456789-,.", "０１２３４５６７８９－，．")
ARABIC = str.maketrans("0123456789.,", "٠١٢٣٤٥٦٧٨٩٫٬")


def english(number):
    return f"{abs(number):,.2f}"


def german(number):
    return english(number).translate(str.maketrans(",.", ".,"))


def sided(write, minus, plus="", gap=" "):
    return lambda n: f"{write(n)}{gap if (n < 0 or plus) else ''}{minus if n < 0 else plus}"


NOTATIONS = {
    "Tally": sided(english, "Cr", "Dr"),
    "Tally with points": sided(english, "Cr.", "Dr."),
    "side before": lambda n: f"{'Cr' if n < 0 else 'Dr'} {english(n)}",
    "German sides": sided(german, "H", "S"),
    "German words": sided(german, "Haben", "Soll"),
    "English letters": sided(english, "C", "D"),
    "Italian letters": sided(german, "A", "D"),
    "Polish letters": sided(german, "Ma", "Wn"),
    "US bank": sided(english, "CR", gap=""),
    "with currency": lambda n: f"€ {german(n)}{' H' if n < 0 else ' S'}",
    "plus or minus behind": sided(english, "-", "+", gap=""),
    "wide": lambda n: f"{n:,.2f}".translate(WIDE),
    "Arabic digits": lambda n: f"{n:,.2f}".translate(ARABIC),
    "white triangle": lambda n: ("△" if n < 0 else "") + english(n),
    "black triangle": lambda n: ("▲" if n < 0 else "") + english(n),
    "triangle and yen": lambda n: ("△" if n < 0 else "") + "¥" + english(n),
    "up and down": lambda n: ("▼" if n < 0 else "▲") + english(n),
}


@pytest.fixture
def profiled(tmp_path):
    """Write columns (name → cells, formats) into a workbook; return its profile."""

    def profile(columns, formats=None, *, text=""):
        path = tmp_path / ("book.csv" if text else "book.xlsx")
        rows = list(zip(*columns.values(), strict=True))
        if text:
            lines = [text.join(map(str, row)) for row in [list(columns), *rows]]
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            return profile_file(path)
        book = openpyxl.Workbook()
        book.active.append(list(columns))
        for row in rows:
            book.active.append(row)
        for (row, column), code in (formats or {}).items():
            book.active.cell(row, column).number_format = code
        book.save(path)
        return profile_file(path)

    return profile


def column(profile, at=1):
    return profile["sheets"][0]["tables"][0]["columns"][at]


def frame_of(profile):
    return run_recipe(profile["sheets"][0]["tables"][0]["recipe"])


@pytest.mark.parametrize("delimiter", ["", "\t"], ids=["xlsx", "tsv"])
@pytest.mark.parametrize("notation", NOTATIONS)
def test_amounts_have_the_sign_that_side_or_triangle_gives_them(profiled, notation, delimiter):
    texts = [NOTATIONS[notation](number) for number in NUMBERS]

    found = profiled({"Line": list("abcdefgh"), "Saldo": texts}, text=delimiter)

    assert column(found)["kind"] in ("number", "currency")
    assert math.isclose(column(found)["sum"], math.fsum(NUMBERS))
    assert list(frame_of(found)["Saldo"]) == pytest.approx(NUMBERS)


def test_the_profile_says_which_side_is_minus(profiled):
    texts = [NOTATIONS["Tally"](number) for number in NUMBERS]

    found = profiled({"Line": list("abcdefgh"), "Balance": texts})

    assert "Cr is minus, Dr is plus" in render_profile("a.xlsx", found)


@pytest.mark.parametrize(
    "texts",
    [
        ["1,250.00", "300.00 DR", "15.10"],  # the rest may be credit, or simply positive
        ["-1,250.00 CR", "300.00 DR", "15.10 CR"],  # minus a credit?
        ["▲1,250.00", "▲300.00", "▲15.10"],  # all up, or all negative?
    ],
)
def test_signs_that_nothing_explains_are_asked_for(profiled, texts):
    found = profiled({"Line": list("abc"), "Amount": texts})

    assert column(found)["ambiguous"]
    assert "sum" not in column(found)
    assert list(frame_of(found)["Amount"]) == texts


@pytest.mark.parametrize(
    "texts",
    [
        ["12.5 s", "13.5 h", "9.25 s"], ["36 S", "40 M", "38 L"], ["20.50 C", "21.75 C", "19.25 C"],
        ["CR 1001", "CR 1002", "DR 1003"], ["3.2k", "-6.3k", "2.7k"], ["3.17 Mio.", "1.2 Mrd.", "5 Tsd."],
        ["5 kg", "7 kg", "2.5 kg"],
    ],
)  # fmt: skip
def test_sizes_hours_and_document_numbers_are_no_amounts(profiled, texts):
    assert column(profiled({"Line": list("abc"), "Value": texts}))["kind"] == "text"


@pytest.mark.parametrize(
    ("text", "given", "number"),
    [
        ("3,171.01 Cr", {}, None), ("3,171.01CR", {}, None), ("3.171,01 H", {"decimal": ","}, None),
        ("△3,171", {}, None), ("▲3,171.00", {}, None), ("3,171.01 Cr", {"minus": "Cr"}, -3171.01),
        ("-3,171.01 Cr", {"minus": "Cr"}, None), ("3.2k", {}, None), ("2026-03-01", {}, None),
        ("－３１７１", {}, -3171), ("(1,250.00)", {}, -1250), ("1'250.00-", {}, -1250), ("15 %", {}, 0.15),
        ("–", {}, 0), ("$ (5.50)", {}, -5.5), ("CHF 1’250.00", {}, 1250), ("n/a", {}, None), ("", {}, None),
        ("−1 250,5 Kč", {"decimal": ","}, -1250.5), ("1.250,00", {}, None), (7, {}, 7),
    ],
)  # fmt: skip
def test_the_recipes_amount_is_blank_where_a_sign_or_size_is_unclear(text, given, number):
    space = {}
    exec("import re, unicodedata\n" + AMOUNT, space)

    assert space["amount"](text, **given) == (number if number is None else pytest.approx(number))


@pytest.mark.parametrize("delimiter", ["", "\t"], ids=["xlsx", "tsv"])
def test_amounts_in_several_currencies_have_no_sum_and_keep_their_currency(profiled, delimiter):
    texts = ["-3.171,01 €", "6.284,71 USD", "(15,50 EUR)", "£1,00"]

    found = profiled({"Line": list("abcd"), "Amount": texts}, text=delimiter)

    told, frame = column(found), frame_of(found)
    assert told["kind"] == "currency"
    assert told["currencies"] == {"EUR": 2, "USD": 1, "GBP": 1}
    assert not {"sum", "min", "max", "currency"} & told.keys()
    assert list(frame["Amount"]) == [-3171.01, 6284.71, -15.5, 1]
    assert list(frame["Amount currency"]) == ["EUR", "USD", "EUR", "GBP"]
    assert "3 currencies (EUR 2, USD 1, GBP 1; never add them up)" in render_profile("a", found)


def test_number_formats_of_several_currencies_give_no_sum_either(profiled):
    codes = {(n, 2): '#,##0.00 "€"' if n < 90 else "[$USD] #,##0.00" for n in range(2, 122)}

    found = profiled(
        {"Line": [f"l{n}" for n in range(120)], "Fee": [n + 0.5 for n in range(120)]}, codes
    )

    assert column(found)["currencies"] == {"EUR": 88, "USD": 32}
    assert "sum" not in column(found)


@pytest.mark.parametrize(
    "write",
    [
        lambda d: f"{d.year}年{d.month}月{d.day}日", lambda d: f"{d.year}년 {d.month}월 {d.day}일",
        lambda d: f"{d.year}年{d.month:02d}月{d.day:02d}日".translate(WIDE), lambda d: f"R{d.year - 2018}.{d.month}.{d.day}",
        lambda d: f"令和{'元' if d.year == 2019 else d.year - 2018}年{d.month}月{d.day}日",
        lambda d: f"{d:%Y/%m/%d}".translate(WIDE),
    ],
    ids=["Japan", "Korea", "wide signs", "era letter", "era name", "wide slashes"],
)  # fmt: skip
def test_dates_of_japan_and_korea_are_dates(profiled, write):
    days = [datetime.datetime(2019 + n % 8, 5 + n % 7, 1 + n) for n in range(20)]

    found = profiled({"行": [f"l{n}" for n in range(20)], "日付": [write(day) for day in days]})

    assert column(found)["kind"] == "date"
    assert list(frame_of(found)["日付"]) == days


def test_numbers_of_sections_are_no_dates_of_an_era(profiled):
    found = profiled({"Line": list("abc"), "Section": ["S1.2.3", "H1.1.2", "R8.3.1"]})

    assert column(found)["kind"] == "text"
