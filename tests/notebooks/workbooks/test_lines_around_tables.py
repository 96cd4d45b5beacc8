"""Lines that are no data: facts of the file above, numbers and units in the header, dashes, heads."""

import datetime

import openpyxl
import pytest

from agent.context.profile_text import render_profile
from notebooks.workbooks.profile import profile_file
from tests.corpus.score import run_recipe

AMOUNTS = [1250.5, 80.25, 2000.75, 15.1, 1234567.89, 310.4]


@pytest.fixture
def text_of(tmp_path):
    """Write lines as a text file; return its profile, only table, and frame."""

    def write(lines, encoding="utf-8"):
        path = tmp_path / "export.csv"
        path.write_text("\n".join(lines) + "\n", encoding=encoding)
        profile = profile_file(path)
        [sheet] = profile["sheets"]
        [table] = sheet["tables"]
        return profile, table, run_recipe(table["recipe"])

    return write


@pytest.fixture
def sheet_of(tmp_path):
    """Write rows as a sheet; return its profile, only table, and frame."""

    def write(rows):
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(tmp_path / "book.xlsx")
        profile = profile_file(tmp_path / "book.xlsx")
        [table] = profile["sheets"][0]["tables"]
        return profile, table, run_recipe(table["recipe"])

    return write


def german(number):
    return f"{number:.2f}".replace(".", ",")


DATEV = (
    '"EXTF";700;21;"Buchungsstapel";13;20260401101010000;;"RE";"";"";1001;1;20260101;4;20260301;'
    '20260331;"Maerz";"";1;0;0;"EUR"'
)
BANK = '"Kontoauszug";"DE02120300000000202051";20260301;20260331;"EUR"'


@pytest.mark.parametrize("above", [[DATEV], [BANK], [BANK, DATEV], ['"H";1;20260401;6;"x"']])
def test_a_line_of_facts_above_the_header_is_none_of_the_table(text_of, above):
    lines = [
        f'{german(a)};"{"SH"[n % 2]}";{4400 + n};0{n + 1}03;"RE{n:03d}"'
        for n, a in enumerate(AMOUNTS)
    ]
    names = ["Umsatz", "Soll/Haben-Kennzeichen", "Konto", "Belegdatum", "Beleg"]

    profile, table, frame = text_of([*above, ";".join(f'"{n}"' for n in names), *lines], "cp1252")

    assert table["header_rows"] == [len(above) + 1]
    assert list(frame.columns) == names
    assert list(frame["Umsatz"]) == AMOUNTS
    assert list(frame["Belegdatum"]) == [f"0{n + 1}03" for n in range(6)]
    assert all(any(map(str.isalpha, f["label"])) for f in profile["sheets"][0].get("facts", ()))
    assert "sign of amounts beside it that have none: H is minus, S is plus" in render_profile(
        "a", profile
    )


def test_data_above_a_row_of_texts_stay_data(text_of):
    rows = [f"2026-03-{n:02d},{n},{n * 1.5},x{n}" for n in range(1, 9)]

    _, table, _ = text_of(["Day,No,Amount,Text", *rows[:1], "a,b,c,d", *rows[1:]])

    assert table["header_rows"] == [1]


@pytest.mark.parametrize("under", [[], [["", "Revenue", "Other", "Cost"]], [["", "Revenue", "Other", "Cost"], ["", "EUR", "EUR", "EUR"]]])  # fmt: skip
def test_numbers_of_accounts_name_columns_with_what_stands_below_them(sheet_of, under):
    days = [datetime.datetime(2026, n, 1) for n in range(1, 11)]
    rows = [[day, n + 0.4, n * 2 + 0.3, n * 3 + 0.2] for n, day in enumerate(days)]

    _, table, frame = sheet_of([["Date", 4000, 4010, 5000], *under, *rows])

    assert table["header_rows"] == list(range(1, 2 + len(under)))
    assert len(frame) == 10
    assert [str(name)[:4] for name in frame.columns] == ["Date", "4000", "4010", "5000"]


@pytest.mark.parametrize("rule", ["-" * 40, "=====", "|----+-----|", "───────"])
def test_lines_of_dashes_are_no_rows(text_of, rule):
    lines = [f"|{400000 + n:010d}|{n + 1:02d}.03.2026|{german(a)}|" for n, a in enumerate(AMOUNTS)]
    total = f"|*||{german(sum(AMOUNTS))}|"

    _, table, frame = text_of(
        ["List of items", rule, "|Account|Date|Amount|", rule, *lines, rule, total, rule]
    )

    assert table["data_rows"] == len(frame) == 6
    assert list(frame["Amount"]) == AMOUNTS
    assert not any("--" in title or "==" in title for title in table.get("titles", ()))


def test_dashes_for_nothing_are_data(sheet_of):
    rows = [["-" if n % 2 else f"x{n}", n + 0.5, n * 2] for n in range(8)]

    _, table, _ = sheet_of([["Note", "Amount", "Count"], *rows])

    assert table["data_rows"] == 8


@pytest.mark.parametrize("word", ["Total", "Summe:", "合計"])
def test_a_total_without_numbers_is_no_row(text_of, word):
    lines = [f"2026-03-{n + 1:02d},Vendor {n},{a}" for n, a in enumerate(AMOUNTS)]

    _, table, frame = text_of(["Date,Text,Amount", *lines, f"{word},,"])

    assert [total["row"] for total in table["totals"]] == [8]
    assert list(frame["Amount"]) == AMOUNTS
    assert frame["Date"].dtype.kind == "M"


@pytest.mark.parametrize("kind", ["sheet", "text"])
def test_section_heads_are_written_into_the_rows_below_them(sheet_of, text_of, kind):
    rows = []
    for supplier in ("Alpha BV", "Beta NV", "Gamma SA"):
        rows.append([f"Supplier: {supplier}", None, None, None])
        rows += [[None, f"{len(rows):07d}", a, n] for n, a in enumerate(AMOUNTS[:4], 1)]
        rows.append([None, "Subtotal", sum(AMOUNTS[:4]), 10])
    header = ["Supplier", "Inv no", "Gross", "Items"]
    if kind == "text":
        lines = [",".join("" if v is None else str(v) for v in row) for row in [header, *rows]]
        profile, table, frame = text_of(lines)
    else:
        profile, table, frame = sheet_of([header, *rows])

    assert table["data_rows"] == len(frame) == 12
    assert list(frame["Supplier"][::4]) == [
        "Supplier: Alpha BV",
        "Supplier: Beta NV",
        "Supplier: Gamma SA",
    ]
    assert frame["Supplier"].notna().all()
    assert list(frame["Items"]) == [1, 2, 3, 4] * 3
    assert "section heads in rows 2, 8, 14, written into 'Supplier'" in render_profile("a", profile)


def test_headings_among_the_labels_of_a_statement_stay_rows(sheet_of):
    rows = [
        ["Income", None, None],
        ["Sales", 900.5, 810],
        ["Fees", 3.5, 4],
        ["Costs", None, None],
        ["Pay", 9, 8.5],
    ]

    _, table, frame = sheet_of([["Line", "Jan", "Feb"], *rows])

    assert table["data_rows"] == len(frame) == 5
