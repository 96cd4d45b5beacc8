"""Total rows are found by arithmetic where no word names them, and data rows never are."""

import random

import openpyxl
import pytest

from notebooks.workbooks.profile import profile_file


@pytest.fixture
def totals_of(tmp_path):
    """Write rows as a sheet; return the total rows of its table as row → level."""

    def totals(header, rows):
        book = openpyxl.Workbook()
        for row in (header, *rows):
            book.active.append(row)
        book.save(tmp_path / "book.xlsx")
        [sheet] = profile_file(tmp_path / "book.xlsx", "book.xlsx")["sheets"]
        [table] = sheet["tables"]
        assert table["header_rows"] == [1]
        return {total["row"]: total["level"] for total in table["totals"]}

    return totals


MONTHS = ["Line", "Jan", "Feb", "Mar"]


def added(label, *rows):
    return [label, *(sum(numbers) for numbers in zip(*(row[1:] for row in rows), strict=True))]


def less(label, row, *rows):
    return [
        label,
        *(first - sum(rest) for first, *rest in zip(row[1:], *(r[1:] for r in rows), strict=True)),
    ]


@pytest.mark.parametrize("label", ["Alles bij elkaar", "All regions", "Σ", "Hovedtotal"])
def test_a_grand_total_right_behind_a_subtotal_needs_no_known_word(totals_of, label):
    one = [["Rent", 120.5, 130, 99], ["Power", 45.25, 51, 60], ["Water", 12, 19, 25.5]]
    two = [["Sales", 900, 310.25, 777], ["Fees", 31, 42, 57.75]]
    costs, income = added("Total costs", *one), added("Total income", *two)

    found = totals_of(MONTHS, [*one, costs, *two, income, added(label, *one, *two)])

    assert found == {5: "subtotal", 8: "subtotal", 9: "total"}


@pytest.mark.parametrize("sign", [1, -1])
def test_lines_of_an_income_statement_that_run_on_are_totals(totals_of, sign):
    def cost(*numbers):
        return [f"Cost {numbers[0]}", *(sign * number for number in numbers)]

    def after(label, row, *costs):
        return added(label, row, *costs) if sign < 0 else less(label, row, *costs)

    lines = [["Product sales", 812.5, 790, 905], ["Services", 120, 133.75, 98]]
    net = added("Net sales", *lines)
    goods = [cost(310, 299, 347.5), cost(95.25, 101, 88)]
    gross = after("Gross profit", net, *goods)
    running = [cost(210, 188, 230), cost(33, 34.5, 36)]
    ebit = after("EBIT", gross, *running)
    interest = cost(21.5, 22, 23)
    profit = after("Profit before tax", ebit, interest)

    found = totals_of(MONTHS, [*lines, net, *goods, gross, *running, ebit, interest, profit])

    assert list(found) == [4, 7, 10, 12]


def chart_of_accounts(draw):
    """Accounts of three levels, each above its sub-accounts: code, name, two sums."""
    rows = []
    for group in "12":
        inner = []
        for part in "123":
            leaves = [
                [
                    f"{group}{part}{n:02d}",
                    f"Account {n}",
                    draw.randint(50, 9000),
                    draw.randint(50, 9000) / 4,
                ]
                for n in range(1, draw.randint(2, 5))
            ]
            inner.append(
                [f"{group}{part}", f"Part {part}", *(sum(r[c] for r in leaves) for c in (2, 3))]
            )
            inner += leaves
        leaves = [row for row in inner if len(row[0]) == 4]
        rows.append([group, f"Group {group}", *(sum(r[c] for r in leaves) for c in (2, 3))])
        rows += inner
    return rows


@pytest.mark.parametrize("numeric", [True, False])
def test_accounts_above_their_sub_accounts_are_subtotals_and_sub_accounts_are_data(
    totals_of, numeric
):
    rows = chart_of_accounts(random.Random(7))
    parents = {at for at, row in enumerate(rows, 2) if len(row[0]) < 4}
    if numeric:
        rows = [[int(code), *rest] for code, *rest in rows]

    found = totals_of(["Account", "Name", "Debit", "Credit"], rows)

    assert set(found) == parents


def test_parents_in_one_column_of_numbers_are_known_by_indents(totals_of):
    rows = [
        ["Assets", 1500], ["  Cash", 400], ["  Stock", 1100],
        ["Liabilities", 1500], ["  Loans", 900], ["  Creditors", 350], ["  Tax", 250],
    ]  # fmt: skip

    assert set(totals_of(["Item", "Amount"], rows)) == {2, 5}


def test_gross_net_and_tax_lines_of_invoices_are_data(totals_of):
    rows = [
        line
        for n in range(1, 9)
        for line in (
            [f"INV-{n:03d}", "receivable", 119.0 * n * n], [f"INV-{n:03d}", "revenue", 100.0 * n * n],
            [f"INV-{n:03d}", "tax", 19.0 * n * n],
        )
    ]  # fmt: skip

    assert totals_of(["Document", "Line", "Amount"], rows) == {}


def test_a_running_balance_beside_its_amounts_is_data(totals_of):
    draw, balance, rows = random.Random(3), 1000.0, []
    for n in range(60):
        amount = draw.randint(-400, 400) + 0.25
        balance += amount
        rows.append([f"2026-03-{n % 28 + 1:02d}", f"Payment {n}", amount, balance])

    assert totals_of(["Day", "Text", "Amount", "Balance"], rows) == {}


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "-Infinity", "1e307"])
def test_numbers_that_are_no_amounts_sum_nothing(tmp_path, odd):
    records = [f'{{"code": "{n}00", "amount": {odd if n == 1 else n * 5.25}}}' for n in range(1, 7)]
    (tmp_path / "a.json").write_text(f"[{', '.join(records)}]")

    [sheet] = profile_file(tmp_path / "a.json", "a.json")["sheets"]

    assert [(t["data_rows"], t["totals"]) for t in sheet["tables"]] == [(6, [])]


@pytest.mark.parametrize("seed", range(6))
def test_rows_of_small_or_repeated_numbers_are_data(totals_of, seed):
    draw = random.Random(seed)
    rows = [
        [f"Item {n}", draw.randint(0, 4), *(draw.choice([10, 20, 50]) * k for k in (1, 2, 5))]
        for n in range(300)
    ]

    assert totals_of(["Item", "Count", "Price", "Cost", "Value"], rows) == {}


DEPARTMENTS = [
    [d, a, 100.25 * n + 7 * len(a), 90.5 * n * n + 3 * len(d), 31.75 * n]
    for n, (d, a) in enumerate(
        [(d, a) for d in ("Sales", "IT") for a in ("Pay", "Travel", "Fees")], 1
    )
]
COSTS = ["Department", "Account", "Jan", "Feb", "Mar"]


def summed(label, account, rows):
    return [label, account, *(sum(row[c] for row in rows) for c in (2, 3, 4))]


@pytest.mark.parametrize(
    ("label", "account"),
    [("Company", None), ("All departments", "Pay"), ("Alle Abteilungen", "x"), ("全社", "x"), ("Abc", None)],
)  # fmt: skip
def test_a_total_in_the_first_row_needs_no_known_word(totals_of, label, account):
    top = summed(label, account, DEPARTMENTS)

    assert totals_of(COSTS, [top, *DEPARTMENTS]) == {2: "total"}


def test_totals_above_their_groups_are_found_by_what_they_leave_blank(totals_of):
    groups = DEPARTMENTS[:3], DEPARTMENTS[3:]
    rows = [row for group in groups for row in (summed(group[0][0], None, group), *group)]

    assert totals_of(COSTS, rows) == {2: "subtotal", 6: "subtotal"}
    assert set(totals_of(COSTS, [summed("Group", None, DEPARTMENTS), *rows])) == {2, 3, 7}


@pytest.mark.parametrize("last", ["Profit", "Closing cash"])
def test_the_first_line_of_a_statement_is_data_though_the_others_add_up_to_it(totals_of, last):
    sales = ["Sales", 900.5, 810.25, 777]
    costs = [["Goods", 310, 299.5, 347.5], ["Pay", 95.25, 101, 88], ["Rent", 33, 34.5, 36]]

    assert totals_of(MONTHS, [sales, *costs, less(last, sales, *costs)]) == {}
