"""Columns that add up other columns are named, so that nobody counts their amounts twice."""

import random

import openpyxl
import pytest

from notebooks.workbooks.profile import profile_file


@pytest.fixture
def sums_of(tmp_path):
    """Write rows as a sheet; return name → what it adds up, of the columns that do."""

    def sums(header, rows):
        book = openpyxl.Workbook()
        for row in (header, *rows):
            book.active.append(row)
        book.save(tmp_path / "book.xlsx")
        [sheet] = profile_file(tmp_path / "book.xlsx", "book.xlsx")["sheets"]
        [table] = sheet["tables"]
        return {each["name"]: each["of"] for each in table.get("sum_columns", ())}

    return sums


def amounts(count, seed=1):
    draw = random.Random(seed)
    return [round(draw.uniform(40, 900), 2) for _ in range(count)]


def test_quarters_halves_and_the_year_are_sums_of_what_they_cover(sums_of):
    def year(q1, q2, q3, q4):
        return [q1, q2, q1 + q2, q3, q4, q3 + q4, q1 + q2 + q3 + q4]

    rows = [[name, *year(*amounts(4, seed))] for seed, name in enumerate("ABCD")]

    found = sums_of(["Unit", "Q1", "Q2", "H1", "Q3", "Q4", "H2", "FY"], rows)

    assert found == {"'H1'": ["B:C"], "'H2'": ["E:F"], "'FY'": ["D", "G"]}


def test_a_total_over_quarters_between_their_months_is_a_sum_of_them(sums_of):
    rows = []
    for seed in range(5):
        a, b, c, d, e, f = amounts(6, seed)
        rows.append(
            [f"Cost {seed}", a, b, c, a + b + c, d, e, f, d + e + f, sum((a, b, c, d, e, f))]
        )
    header = ["Centre", *"abc", "Q1 FY26", *"def", "Q2 FY26", "Grand Total"]

    found = sums_of(header, rows)

    assert found == {"'Q1 FY26'": ["B:D"], "'Q2 FY26'": ["F:H"], "'Grand Total'": ["E", "I"]}


def test_a_total_in_front_of_its_parts_is_a_sum_of_them(sums_of):
    parts = [amounts(3, seed) for seed in range(4)]

    found = sums_of(["All", "x", "y", "z"], [[sum(each), *each] for each in parts])

    assert found == {"'All'": ["B:D"]}


def test_gross_is_named_as_the_sum_of_net_and_tax(sums_of):
    rows = [[f"INV{n}", net, round(net * 0.19, 2)] for n, net in enumerate(amounts(6))]

    found = sums_of(["Invoice", "Net", "Tax", "Gross"], [[*r, r[1] + r[2]] for r in rows])

    assert found == {"'Gross'": ["B:C"]}


@pytest.mark.parametrize("seed", range(5))
def test_columns_that_agree_in_some_rows_or_by_small_numbers_are_data(sums_of, seed):
    draw = random.Random(seed)
    rows = [
        [f"r{n}", *(draw.randint(0, 3) for _ in range(4)), draw.randint(40, 90)] for n in range(40)
    ]
    rows[0][1:5] = [10, 20, 30, 60]

    assert sums_of(["Item", "a", "b", "c", "d", "e"], rows) == {}


def test_zeros_and_copies_are_no_sums(sums_of):
    rows = [[f"r{n}", value, 0, value, 0] for n, value in enumerate(amounts(6))]

    assert sums_of(["Item", "a", "b", "c", "d"], rows) == {}
