"""A profile notes what a careful colleague would: exact names, errors, formulas, keys, objects."""

import datetime

import openpyxl
import pytest
import xlsxwriter

from agent.context.profile_text import render_profile
from notebooks.workbooks.profile import profile_file
from tests.corpus.score import run_recipe

pytestmark = pytest.mark.check


@pytest.fixture
def told(tmp_path):
    """Profile rows written to a sheet; other keywords write it further."""

    def write(rows, *, formats=None, then=None, most_cells=1_000_000):
        path = tmp_path / "book.xlsx"
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet("Data")
            styles = {c: book.add_format({"num_format": f}) for c, f in (formats or {}).items()}
            for r, row in enumerate(rows):
                for c, value in enumerate(row):
                    style = styles.get(c) if r else None
                    if isinstance(value, datetime.date) and style is None:
                        style = book.add_format({"num_format": "yyyy-mm-dd"})
                    if isinstance(value, str):
                        sheet.write_string(r, c, value, style)
                    elif isinstance(value, datetime.date):
                        sheet.write_datetime(r, c, value, style)
                    elif value is not None:
                        sheet.write(r, c, value, style)
            if then:
                then(book, sheet)
        return profile_file(path, most_cells=most_cells)

    return write


def table_of(profile, sheet=0):
    (table,) = profile["sheets"][sheet]["tables"]
    return table


def column(table, letter):
    return next(c for c in table["columns"] if c["letter"] == letter)


def test_names_are_given_exactly_with_their_type(told):
    """Blanks, line breaks, numbers, dates and repeats are as the frame will have them."""
    names = ["Net  Amount", "VAT\nAmount", "Cost\xa0Center ", 2023, datetime.datetime(2024, 1, 31), "Net  Amount", None]  # fmt: skip
    rows = [names, *([n + 0.5, n, f"C{n}", n * 7, n * 9, n * 11, n] for n in range(1, 9))]

    table = table_of(told(rows))

    assert [c["name"] for c in table["columns"]] == [
        "'Net  Amount'", "'VAT\\nAmount'", "'Cost\\xa0Center '", "2023", "datetime(2024, 1, 31)",
        "'Net  Amount.1'", "'Unnamed: 6'",
    ]  # fmt: skip
    frame = run_recipe(table["recipe"])
    assert list(frame.columns) == [
        "Net  Amount", "VAT\nAmount", "Cost\xa0Center ", 2023, datetime.datetime(2024, 1, 31),
        "Net  Amount.1", "Unnamed: 6",
    ]  # fmt: skip


def test_account_numbers_are_identifiers_however_they_are_kept(told):
    rows = [["Account", "Customer", "Card", "Cost center"]]
    rows += [
        [40_100 + n, f"{n:07d}", f"4{n:017d}", f"{n:03d}" if n % 2 else n] for n in range(1, 7)
    ]

    table = table_of(told(rows, formats={0: "00000000"}))

    assert [c["kind"] for c in table["columns"]] == ["identifier"] * 4
    assert (column(table, "A")["stored_as"], column(table, "A")["digits"]) == ("number", 8)
    assert column(table, "D")["stored_as"] == "mixed"
    first = run_recipe(table["recipe"]).iloc[1]
    assert list(first) == ["00040102", "0000002", "400000000000000002", "002"]


def test_formulas_that_were_never_calculated_are_named_and_not_called_empty(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Invoice", "Net", "Gross"])
    for row in range(2, 6):
        sheet.append([f"INV-{row}", row * 100, f"=B{row}*1.19"])
    book.save(tmp_path / "a.xlsx")

    table = table_of(profile_file(tmp_path / "a.xlsx"))

    gross = column(table, "C")
    assert (gross["kind"], gross["uncalculated"]) == ("formula", 4)
    assert gross["first_formula"] == "C2: =B2*1.19"
    assert "have no value" in table["recipe"]


def test_error_cells_are_counted_by_kind_and_are_no_blanks(told):
    def then(book, sheet):
        sheet.write_formula("B3", "=NA()", None, "#N/A")
        sheet.write_formula("B5", "=1/0", None, "#DIV/0!")

    rows = [["Item", "Price"], *([f"P{n}", n * 1.5] for n in range(1, 9))]

    price = column(table_of(told(rows, then=then)), "B")

    assert price["errors"] == {"#N/A": 1, "#DIV/0!": 1}
    assert "blanks" not in price


def test_a_date_order_that_one_column_proves_holds_for_the_others(told):
    unclear = [["Day", "Amount"], *([f"0{n}/0{n + 1}/2024", n] for n in range(1, 6))]
    alone = table_of(told(unclear))
    rows = [["Day", "Amount", "Due"]]
    rows += [[*row, f"{n + 12}/03/2024"] for n, row in enumerate(unclear[1:], 1)]

    both = table_of(told(rows))

    assert column(alone, "A")["ambiguous"]
    assert "ask" in alone["recipe"]
    assert "ambiguous" not in column(both, "A")
    assert column(both, "A")["date_format"] == "%d/%m/%Y"


def test_an_amount_whose_separator_is_unclear_is_named_and_not_guessed(told):
    table = table_of(told([["Item", "Net"], ["a", "1.250"], ["b", "2.375"], ["c", "1.100"]]))

    assert column(table, "B")["ambiguous"]
    assert "sum" not in column(table, "B")
    assert "ask before" in table["recipe"]
    assert list(run_recipe(table["recipe"])["Net"]) == ["1.250", "2.375", "1.100"]


def test_an_unclear_separator_is_read_as_another_column_of_the_file_shows_it(told):
    rows = [["Item", "Net", "Tax"], ["a", "1.250", "19,25"], ["b", "2.375", "1.020,50"]]

    table = table_of(told(rows))

    assert list(run_recipe(table["recipe"])["Net"]) == [1250, 2375]


def test_texts_that_are_no_amounts_are_counted_and_not_made_zero(told):
    rows = [["Item", "Net"], *([f"i{n}", f"{n}.250,50-"] for n in range(1, 12)), ["x", "see note"]]

    net = column(table_of(told(rows)), "B")

    assert net["unread"] == 1
    assert net["strays"] == {"see note": 1}
    assert net["notation"].startswith("1.234,56")


def test_country_codes_and_texts_like_na_stay_texts(told):
    rows = [["Customer", "Country"], *([f"C{n}", "NA" if n % 2 else "DE"] for n in range(8))]

    table = table_of(told(rows))

    assert list(run_recipe(table["recipe"])["Country"]) == [r[1] for r in rows[1:]]


def test_codes_that_look_like_numbers_with_exponents_stay_texts(told):
    rows = [["Part", "Qty"], *([f"{n}E{n + 2}", n] for n in range(1, 9))]

    table = table_of(told(rows))

    assert list(run_recipe(table["recipe"])["Part"]) == [row[0] for row in rows[1:]]


def test_cells_merged_downwards_mean_the_value_of_the_first(told):
    def then(book, sheet):
        sheet.merge_range("A2:A4", "Sales")
        sheet.merge_range("A5:A6", "IT")

    rows = [["Department", "Name", "Cost"], *([None, f"N{n}", n * 1.5] for n in range(1, 6))]

    table = table_of(told(rows, then=then))

    assert column(table, "A")["merged_down"] == 3
    assert "blanks" not in column(table, "A")
    assert list(run_recipe(table["recipe"])["Department"]) == ["Sales"] * 3 + ["IT"] * 2


def test_objects_of_a_sheet_are_told(told):
    def then(book, sheet):
        chart = book.add_chart({"type": "line"})
        chart.add_series({"values": "=Data!$B$2:$B$4"})
        sheet.insert_chart("E2", chart)
        sheet.write_comment("A2", "why?")
        sheet.data_validation("C2:C4", {"validate": "list", "source": ["low", "high"]})
        sheet.conditional_format("B2:B4", {"type": "data_bar"})
        sheet.add_sparkline("D2", {"range": "Data!B2:C2"})
        sheet.protect()
        sheet.set_row(3, None, None, {"hidden": True})
        sheet.set_column("F:G", None, None, {"hidden": True})
        sheet.freeze_panes(1, 0)
        book.define_name("Rate", "=Data!$B$2")

    profile = told([["Item", "Price", "Note"], ["a", 1.5], ["b", 2.5], ["c", 3.5]], then=then)
    sheet = profile["sheets"][0]

    assert sheet["objects"]["charts"] == 1
    assert sheet["objects"]["comments"] == 1
    assert sheet["validations"] == ['C2:C4: list "low,high"']
    assert (sheet["sparklines"], sheet["conditional_formats"]) == (1, 1)
    assert sheet["protected"]
    assert (sheet["hidden_rows"], sheet["hidden_columns"]) == (["4"], ["F:G"])
    assert sheet["frozen_at"] == "A2"
    assert profile["defined_names"] == [{"name": "Rate", "refers_to": "Data!$B$2"}]


def test_a_small_form_is_told_whole_with_its_empty_inputs(told):
    def then(book, sheet):
        sheet.write_formula("B4", "=B2*2", None, 84)

    rows = [["Travel request", None], ["Days:", 42], ["Destination:", None], ["Cost:", None]]

    sheet = told(rows, then=then)["sheets"][0]

    assert sheet["whole"]["rows"] == [
        ["Travel request", None],
        ["Days:", 42],
        ["Destination:", None],
        ["Cost:", {"formula": "=B2*2", "value": 84}],
    ]
    assert {"at": "A3", "label": "Destination", "value": None} in sheet["facts"]
    assert sheet["tables"] == []


def test_the_key_and_repeated_rows_are_told(told):
    rows = [["Doc", "Day", "Amount"], *([f"D{n:03d}", "x", n % 3] for n in range(9))]
    twice = [["Region", "Amount"], ["N", 5], ["S", 7], ["N", 5], ["W", 9]]

    assert table_of(told(rows))["key"] == ["'Doc'"]
    assert table_of(told(twice))["duplicate_rows"] == 1


def test_dates_that_count_from_1904_are_told(tmp_path):
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path, {"date_1904": True}) as book:
        book.add_worksheet().write_column(0, 0, ["Serial", 1, 2])

    assert profile_file(path)["date_system"] == 1904


def test_a_stray_cell_far_away_is_named_and_costs_nothing(tmp_path):
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for row in range(4):
            sheet.write_row(row, 0, ["Region", "Sales"] if row == 0 else [f"R{row}x", row * 2])
        sheet.write(1_048_575, 16_383, "stray")

    sheet = profile_file(path)["sheets"][0]

    assert sheet["far_outside"] == ["XFD1048576"]
    assert table_of({"sheets": [sheet]})["range"] == "A1:B4"


def test_what_lies_behind_the_cells_that_memory_has_room_for_still_counts(told):
    """Rows, the end of the table and a total at its end are told of a very large sheet."""
    rows = [["Id", "Sales"], *([f"K{n}", n * 0.5] for n in range(1, 400))]
    rows.append(["Total", sum(r[1] for r in rows[1:])])

    table = table_of(told(rows, most_cells=200))

    assert table["rows_looked_at"] == 100
    assert (table["range"], table["data_rows"]) == ("A1:B401", 399)
    assert [total["row"] for total in table["totals"]] == [401]
    assert len(run_recipe(table["recipe"])) == 399


def test_numbers_that_are_shown_in_thousands_are_told_to_be_in_full(told):
    rows = [["Item", "Fee kEUR"], *([f"i{n}", 125_000 + 1000 * n] for n in range(5))]

    profile = told(rows, formats={1: "#,##0,"})

    assert column(table_of(profile), "B")["shown_divided_by"] == 1000
    text = render_profile("a.xlsx", profile)
    assert "SHOWN IN thousands by its format '#,##0,': the values are in full" in text
