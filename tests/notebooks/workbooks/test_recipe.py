"""Recipes load what the profile tells, of any sheet; where much is left out they stay readable."""

import datetime

import openpyxl
import pytest
import xlsxwriter

from notebooks.workbooks.profile import profile_file
from tests.corpus import odd_files
from tests.corpus.cell_soup import write_sheet, write_text
from tests.corpus.score import run_recipe

SEEDS = [range(150), pytest.param(range(150, 3_000), marks=pytest.mark.soak)]


@pytest.mark.parametrize("seeds", SEEDS, ids=["few", "many"])
@pytest.mark.parametrize(("write", "name"), [(write_sheet, "a.xlsx"), (write_text, "a.csv")])
def test_the_frame_has_the_names_and_rows_that_the_profile_tells(tmp_path, write, name, seeds):
    """Of sheets of random cells, where nobody knows what is a table."""
    for seed in seeds:
        path = tmp_path / name
        write(path, seed)

        for table in profile_file(path)["sheets"][0]["tables"]:
            frame = run_recipe(table["recipe"])

            told = [eval(c["name"], {"datetime": datetime.datetime}) for c in table["columns"]]
            assert list(frame.columns) == told, f"seed {seed}\n{table['recipe']}"
            assert len(frame) == table["data_rows"], f"seed {seed}\n{table['recipe']}"


def written(path, rows):
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                if value is not None:
                    (sheet.write_string if isinstance(value, str) else sheet.write)(
                        number, column, value
                    )
    (table,) = profile_file(path)["sheets"][0]["tables"]
    return table


def month(path, regions, *totals):
    book = openpyxl.Workbook()
    book.active.append(["Region", "Units", "Sales"])
    for number, region in enumerate(regions, 1):
        book.active.append([region, number, number * number * 1.25])
    for at, label in totals:
        book.active.insert_rows(at)
        book.active.cell(at, 1, label)
        above = [book.active.cell(row, 3).value or 0 for row in range(2, at)]
        book.active.cell(at, 3, sum(above))
    book.save(path)


@pytest.mark.parametrize("label", ["Total", "Eindtotaal", "合計", "Total for the month"])
def test_the_recipe_of_one_month_leaves_out_the_total_row_of_a_longer_one(tmp_path, label):
    march, april = tmp_path / "march.xlsx", tmp_path / "april.xlsx"
    month(march, ["North", "South", "West"] * 4, (14, label))
    month(april, ["North", "South", "West", "Total Sud"] * 5, (22, label))
    [table] = profile_file(march)["sheets"][0]["tables"]

    frame = run_recipe(table["recipe"].replace(str(march), str(april)))

    assert list(frame["Units"]) == list(range(1, 21))
    assert frame["Units"].dtype == "int64"
    assert list(frame["Region"]) == ["North", "South", "West", "Total Sud"] * 5


def test_thousands_of_subtotals_are_left_out_by_their_text(tmp_path):
    rows = [["Customer", "Month", "Sales"]]
    for group in range(300):
        amounts = [10.25 + (group * 7 + n * 13) % 91 for n in range(3)]
        rows += [[f"Customer {group}", f"M{n}", amount] for n, amount in enumerate(amounts)]
        rows.append([f"Customer {group} Total", None, sum(amounts)])

    table = written(tmp_path / "a.xlsx", rows)

    assert len(table["totals"]) == 300
    assert "Total" in table["recipe"]
    assert len(table["recipe"]) < 1_000
    assert len(run_recipe(table["recipe"])) == 900


def test_rows_in_a_long_table_are_left_out_by_their_places_blank_rows_counted(tmp_path):
    rows = [["Customer", "Sales"]]
    for n in range(20_100):
        rows += [[None, None]] if n % 50 == 0 and n else []
        rows += [rows[0]] if n == 15_000 else []
        rows.append([f"Customer {n}", n + 0.25])

    table = written(tmp_path / "a.xlsx", rows)
    frame = run_recipe(table["recipe"])

    assert len(frame) == table["data_rows"] == 20_100
    assert frame["Sales"].sum() == sum(n + 0.25 for n in range(20_100))


def test_many_blank_rows_are_left_out_without_a_list(tmp_path):
    rows = [["Item", "Price"]]
    for number in range(250):
        rows += [[f"i{number}", number * 1.5], [None, None]]

    table = written(tmp_path / "a.xlsx", rows)
    frame = run_recipe(table["recipe"])

    assert table["data_rows"] == len(frame) == 250
    assert 'dropna(how="all"' in table["recipe"]
    assert list(frame.index) == list(range(250))


def test_a_repeated_name_keeps_a_type_of_its_own(tmp_path):
    rows = [["Total", "Item", "Total"], *([f"{n:05d}", f"i{n}", n * 1.5] for n in range(1, 9))]

    frame = run_recipe(written(tmp_path / "a.xlsx", rows)["recipe"])

    assert list(frame.columns) == ["Total", "Item", "Total.1"]
    assert list(frame.iloc[0]) == ["00001", "i1", 1.5]


def test_a_total_in_a_large_sheet_is_left_out_and_types_stay(tmp_path):
    rows = [["Sold", "Sales"], *([f"k{n}", n * 0.25] for n in range(25_000)), ["Total", 78121875.0]]

    table = written(tmp_path / "a.xlsx", rows)
    frame = run_recipe(table["recipe"])

    assert [total["row"] for total in table["totals"]] == [25_002]
    assert len(frame) == 25_000
    assert frame["Sales"].dtype == "float64"


@pytest.mark.parametrize("name", odd_files.TABLES)
def test_every_kind_of_table_file_has_a_profile_and_a_recipe(tmp_path, name):
    """The same four rows as .xlsx in every spelling, .xlsb, .xls, .ods, XML 2003 and more."""
    (table,) = profile_file(odd_files.make(name, tmp_path))["sheets"][0]["tables"]

    frame = run_recipe(table["recipe"])

    assert table["header_rows"] == [1]
    assert [c["kind"] for c in table["columns"]] == ["text", "number", "date"]
    assert list(frame.columns) == odd_files.GRID[0]
    assert [list(row) for row in frame.itertuples(index=False)] == odd_files.GRID[1:]
