"""What was read is tied out against what was written, over real files and pandas as in kernels."""

import datetime
import math
import tracemalloc
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from notebooks.workbooks.tie_out.accounts import notes_of
from notebooks.workbooks.tie_out.flow import Program
from notebooks.workbooks.tie_out.judge import result_to_json, tie_out
from notebooks.workbooks.tie_out.tables import Column, Table
from tests.notebooks.workbooks.tied import codes, tied

ROWS = 60
REGIONS = ("North", "South", "West")


def sales() -> pd.DataFrame:
    """Sixty sales: Sales adds up to 18,430.50, 26 rows have more than 350."""
    return pd.DataFrame(
        {
            "Date": [
                datetime.datetime(2024, 1, 1) + datetime.timedelta(days=n) for n in range(ROWS)
            ],
            "Region": [REGIONS[n % 3] for n in range(ROWS)],
            "Customer": [f"C{n % 20}" for n in range(ROWS)],
            "Units": [n % 7 + 1 for n in range(ROWS)],
            "Sales": [10.25 * n + 4.8 for n in range(ROWS)],
        }
    )


def customers(count: int = 20, *, twice: int = 0) -> pd.DataFrame:
    names = [f"C{n}" for n in range(count)] + [f"C{n}" for n in range(twice)]
    return pd.DataFrame({"Customer": names, "Name": [f"Name {n}" for n in range(len(names))]})


def with_subtotals(file: Path) -> None:
    """Regions with a total row each, and a grand total: 60, of 180 with the total rows."""
    book = openpyxl.Workbook()
    rows: list[tuple[str, int]] = []
    for region in REGIONS:
        rows += [(region, 1 + n % 3) for n in range(10)] + [(f"{region} Total", 19)]
    for row in [("Region", "Sales"), *rows, ("Grand Total", 57)]:
        book.active.append(row)
    book.save(file)


@pytest.fixture
def work(tmp_path):
    """A workspace with sales as workbook and text, and customers."""
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    sales().to_excel(inputs / "sales.xlsx", index=False)
    sales().to_csv(inputs / "sales.csv", index=False)
    customers().to_excel(inputs / "customers.xlsx", index=False)
    return tmp_path


READ = "frame = pd.read_excel('inputs/sales.xlsx')\n"
WRITE = "frame.to_excel('outputs/out.xlsx', index=False)"


def of(work, code):
    [result] = tied(work, f"{READ}{code}\n{WRITE}")
    return result


def test_a_filter_is_counted_named_and_not_suspicious(work):
    result = of(work, "least = 350\nframe = frame[frame['Sales'] > least]")

    assert result.status == "tied-out"
    assert result.line == (
        "1 file, 60 rows read -> 26 rows written to outputs/out.xlsx; 34 left out by filter "
        "Sales > 350 (line 3); Sales 18,430.50 -> 12,517.05; Units 234 -> 101"
    )
    assert result.left_out == [
        {"rows": 34, "why": "filter Sales > 350", "line": 3, "cell": "cell-0"}
    ]


@pytest.mark.parametrize(
    ("code", "left_out"),
    [
        ("frame = frame.query('Sales > 350')", [(34, "filter Sales > 350")]),
        ("chosen = frame.Sales > 350\nframe = frame.loc[chosen]", [(34, "filter Sales > 350")]),
        ("frame = frame[frame.Region.isin(['North'])]", [(40, "filter Region.isin(['North'])")]),
        ("frame = frame.drop_duplicates(subset='Customer')", [(40, "drop_duplicates")]),
        ("frame.loc[3, 'Region'] = None\nframe = frame.dropna(subset=['Region'])",
         [(1, "dropna of ['Region']")]),
        ("frame = frame.nlargest(5, 'Sales')", [(55, "nlargest")]),
        ("frame = frame.iloc[:10]", [(50, "choosing rows [:10]")]),
        ("frame = frame[frame.Units > 1]\nframe = frame[frame.Sales > 350]",
         [(9, "filter Units > 1"), (29, "filter Sales > 350")]),
        ("rows = []\nfor row in frame.to_dict('records'):\n    if row['Sales'] > 350:\n"
         "        rows.append(row)\nframe = pd.DataFrame(rows)", [(34, "filter Sales > 350")]),
        ("frame = pd.DataFrame([r for r in frame.to_dict('records') if r['Sales'] > 350])",
         [(34, "filter Sales > 350")]),
        ("frame = frame[['Region', 'Sales']].rename(columns={'Sales': 'Net'})", []),
        ("columns = ['Region', 'Sales']\nframe = frame[columns].sort_values('Sales')", []),
    ],
)  # fmt: skip
def test_rows_left_out_are_counted_by_reason(work, code, left_out):
    result = of(work, code)

    assert [(each["rows"], each["why"]) for each in result.left_out] == left_out
    assert result.status == "tied-out", result.line


def test_what_earlier_cells_read_and_left_out_counts(work):
    [result] = tied(work, READ, "frame = frame[frame.Units > 1]", WRITE)

    assert [each["cell"] for each in result.left_out] == ["cell-1"]
    assert "60 rows read -> 51 rows written" in result.line
    assert "line 1 of an earlier cell" in result.line


@pytest.mark.parametrize(
    "code",
    [
        "frame = frame.groupby('Region', as_index=False)['Sales'].sum()",
        "frame = frame.groupby('Region').agg(Total=('Sales', 'sum')).reset_index()",
        "frame['Month'] = frame.Date.dt.month\n"
        "frame = frame.pivot_table(index='Region', columns='Month', values='Sales', "
        "aggfunc='sum', margins=True).reset_index()",
        "frame = pd.DataFrame({'Total': [frame['Sales'].sum()]})",
        "frame = frame[frame.Units > 1].groupby('Region')[['Sales']].sum().reset_index()",
    ],
)
def test_groups_that_add_up_to_what_was_read_tie_out(work, code):
    result = of(work, code)

    assert (result.status, result.sums[0].ties) == ("tied-out", True)
    assert "brought together" in result.line
    assert "ties out" in result.line


def test_of_means_no_sum_is_compared_and_that_is_said(work):
    result = of(work, "frame = frame.groupby('Region', as_index=False)['Sales'].mean()")

    assert (result.status, result.sums) == ("not-tied-out", [])
    assert "no sum of what was aggregated can be compared" in result.line


def test_several_files_and_other_names_are_added_up(work):
    frame = sales().rename(columns={"Sales": "Revenue"})
    frame.to_excel(work / "inputs" / "more.xlsx", index=False)

    result = of(
        work,
        "more = pd.read_excel('inputs/more.xlsx').rename(columns={'Revenue': 'Sales'})\n"
        "frame = pd.concat([frame, more])",
    )

    assert result.status == "tied-out"
    assert "2 files, 120 rows read -> 120 rows written" in result.line
    assert "Sales 36,861 ties out" in result.line


def test_sheets_written_group_by_group_are_added_up(work):
    [result] = tied(
        work,
        f"{READ}with pd.ExcelWriter('outputs/out.xlsx') as writer:\n"
        "    for region, part in frame.groupby('Region'):\n"
        "        part.to_excel(writer, sheet_name=region, index=False)",
    )

    assert (result.status, len(result.written)) == ("tied-out", 3)
    assert "60 rows read -> 60 rows written" in result.line


JOIN = "other = pd.read_excel('inputs/customers.xlsx')\n"


@pytest.mark.parametrize(
    "after", ["", "\nframe = frame.groupby('Region', as_index=False)['Sales'].sum()"]
)
def test_rows_multiplied_by_a_join_are_suspicious(work, after):
    customers(twice=2).to_excel(work / "inputs" / "customers.xlsx", index=False)

    result = of(work, f"{JOIN}frame = frame.merge(other, on='Customer', how='left'){after}")

    assert codes([result]) == ["rows-multiplied"]
    assert "made 66 rows of 60 and 22" in result.findings[0].message
    assert "'Sales' is counted more than once" in result.findings[0].message


def two_header_rows(work):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Konto", None, "Saldo", None])
    sheet.append(["Nr", "Name", "Soll", "Haben"])
    sheet.merge_cells("A1:B1")
    sheet.merge_cells("C1:D1")
    for n in range(12):
        sheet.append([1000 + 37 * n * n, f"Konto {n}", 17.5 * n * n, 3.25 * (n % 5)])
    book.save(work / "inputs" / "balance.xlsx")


@pytest.mark.parametrize(
    ("names", "index"),
    [
        ("", "True"),
        *(("frame.columns = map(' / '.join, frame.columns)\n", i) for i in ("True", "False")),
    ],
)
def test_a_table_with_two_header_rows_ties_out(work, names, index):
    two_header_rows(work)

    [result] = tied(
        work,
        f"frame = pd.read_excel('inputs/balance.xlsx', header=[0, 1])\n{names}"
        f"frame.to_excel('outputs/out.xlsx', index={index})",
    )

    assert (result.status, result.why) == ("tied-out", "")
    assert {s.name: s.ties for s in result.sums}["Saldo / Soll"] is True


def test_a_table_with_dates_as_headers_ties_out(work):
    months = [datetime.datetime(2025, 7 + n, 1) for n in range(4)]
    rows = [[f"Dept {n}", 13.5 * n * n, 200, 7, n] for n in range(9)]
    pd.DataFrame(rows, columns=["Dept", *months]).to_excel(work / "inputs" / "b.xlsx", index=False)

    [result] = tied(
        work,
        "frame = pd.read_excel('inputs/b.xlsx')\nframe.to_excel('outputs/out.xlsx', index=False)",
    )

    assert (result.status, result.why) == ("tied-out", "")
    assert {s.name: s.ties for s in result.sums}["2025-07-01"] is True


def test_an_outer_join_with_rows_alone_on_both_sides_multiplies_nothing(work):
    (work / "inputs" / "ours.csv").write_text(
        "Key,Ours\n" + "".join(f"{n},{n}\n" for n in range(80))
    )
    theirs = "".join(f"{n},{n}\n" for n in range(5, 85))
    (work / "inputs" / "theirs.csv").write_text(f"Key,Theirs\n{theirs}")

    [result] = tied(
        work,
        "ours, theirs = pd.read_csv('inputs/ours.csv'), pd.read_csv('inputs/theirs.csv')\n"
        "both = ours.merge(theirs, on='Key', how='outer')\n"
        "both.to_excel('outputs/out.xlsx', index=False)",
    )

    assert "rows-multiplied" not in codes([result])


def test_columns_that_a_join_leaves_blank_are_named_together(work):
    some = customers(15).assign(Tier="A", Since=2020)
    some.to_excel(work / "inputs" / "customers.xlsx", index=False)

    result = of(work, f"{JOIN}frame = frame.merge(other, on='Customer', how='left')")

    assert codes([result]) == ["blanks-appeared"]
    assert "'Tier' and 'Since' have 15 blank cells more each" in result.findings[0].message


def ledger(work, codes):
    frame = pd.DataFrame({"Account": codes, "Amount": [n * n * 1.5 for n in range(len(codes))]})
    frame.to_excel(work / "inputs" / "ledger.xlsx", index=False)


AS_TEXT = "frame = pd.read_excel('inputs/ledger.xlsx', dtype={'Account': str})\n"


def test_digits_without_leading_zeros_lose_nothing_in_a_text_file(work):
    ledger(work, [str(4000 + 10 * n) for n in range(12)])

    [result] = tied(work, f"{AS_TEXT}frame.to_csv('outputs/out.csv', sep=';', index=False)")

    assert codes([result]) == []


@pytest.mark.parametrize(
    ("numbers", "said"),
    [([str(4000 + 10 * n) for n in range(12)], "holds numbers: a lookup finds no text"),
     ([f"{n:05d}" for n in range(12)], "zeros and digits may be lost")],
)  # fmt: skip
def test_identifiers_written_as_numbers_are_suspicious(work, numbers, said):
    ledger(work, numbers)

    [result] = tied(
        work,
        f"{AS_TEXT}frame['Account'] = frame['Account'].astype(int)\n"
        "frame.to_excel('outputs/out.xlsx', index=False)",
    )

    assert codes([result]) == ["identifiers-became-numbers"]
    assert said in result.findings[0].message


@pytest.mark.parametrize("how", ["inner", "outer"])
def test_keys_that_are_there_several_times_on_both_sides_multiply_rows(work, how):
    customers(twice=2).to_excel(work / "inputs" / "customers.xlsx", index=False)

    result = of(work, f"{JOIN}frame = frame.merge(other, on='Customer', how='{how}')")

    assert codes([result]) == ["rows-multiplied"]


def test_a_join_of_every_row_with_every_row_is_meant(work):
    result = of(work, f"{JOIN}frame = frame[['Region']].merge(other, how='cross')")

    assert "rows-multiplied" not in codes([result])


def test_a_join_to_one_row_each_ties_out(work):
    result = of(work, f"{JOIN}frame = frame.merge(other, on='Customer', how='left')")

    assert (result.status, result.findings) == ("tied-out", [])


def test_rows_without_a_match_are_suspicious(work):
    customers(15).to_excel(work / "inputs" / "customers.xlsx", index=False)

    kept = of(work, f"{JOIN}frame = frame.merge(other, on='Customer', how='left')")
    lost = of(work, f"{JOIN}frame = frame.merge(other, on='Customer')")

    assert [(f.code, f.count) for f in kept.findings] == [("blanks-appeared", 15)]
    assert "rows without a match in the join" in kept.findings[0].message
    assert [(f.code, f.count) for f in lost.findings] == [("rows-unmatched", 15)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("frame = pd.concat([frame, frame])", ["sum-changed", "sum-changed"]),
        ("frame['Sales'] = frame['Sales'].map('{:,.2f}'.format)", ["numbers-became-text"]),
        ("days = (frame['Date'] - pd.Timestamp('1899-12-30')).dt.days\n"
         "frame['Date'] = pd.to_datetime(days)", ["dates-in-1970"]),
        ("frame['Date'] = (frame['Date'] - pd.Timestamp('1899-12-30')).dt.days",
         ["dates-became-numbers"]),
        ("frame['Region'] = frame['Region'].where(frame['Units'] > 1)", ["blanks-appeared"]),
        ("kept = {}\nfor row in frame.to_dict('records'):\n    kept[row['Customer']] = row\n"
         "frame = pd.DataFrame(list(kept.values()))", ["rows-lost"]),
        ("frame = pd.read_excel('inputs/sales.xlsx', header=5)", ["rows-not-read"]),
    ],
)  # fmt: skip
def test_what_is_suspicious_is_named(work, code, expected):
    result = of(work, code)

    assert (result.status, codes([result])) == ("suspicious", expected), result.line


@pytest.mark.parametrize(
    "code",
    [
        "",
        "frame['Tax'] = frame['Sales'] * 0.2",
        "frame['Sales'] = pd.to_numeric(frame['Sales'])",
        "frame['Date'] = frame['Date'].dt.strftime('%d.%m.%Y')",
        "other = pd.read_excel('inputs/customers.xlsx')\n"
        "frame['Name'] = frame['Customer'].map(other.set_index('Customer')['Name'])",
        "total = pd.DataFrame([{'Region': 'Total', 'Sales': frame.Sales.sum()}])\n"
        "frame = pd.concat([frame, total])",
        "shares = frame.groupby('Region', as_index=False)['Sales'].sum()\n"
        "frame = frame.merge(shares.rename(columns={'Sales': 'All'}), on='Region')",
    ],
)
def test_ordinary_work_is_not_suspicious(work, code):
    result = of(work, code)

    assert (result.status, result.findings) == ("tied-out", []), result.line


def test_values_that_the_code_sets_are_not_called_suspicious(work):
    result = of(work, "frame.loc[frame['Region'] == 'North', 'Sales'] = 0")

    assert (result.status, result.findings) == ("not-tied-out", [])
    assert "'Sales': the code gives it other values" in result.line


@pytest.mark.parametrize(
    "code",
    [
        "frame = pd.DataFrame({'All': [frame['Sales'].sum()]})",
        "frame['Region'] = frame['Region'].str.split().str[0]\n"
        "frame = frame.groupby('Region', as_index=False)['Sales'].sum()",
    ],
)
def test_total_rows_that_are_added_up_again_are_suspicious(work, code):
    with_subtotals(work / "inputs" / "sales.xlsx")

    result = of(work, code)

    assert codes([result]) == ["totals-included"]
    assert "Without them it is 57." in result.findings[0].message
    assert "12, 23, 34, 35" in result.findings[0].message


@pytest.mark.parametrize("code", ["", "frame = frame[~frame.Region.str.contains('Total')]"])
def test_total_rows_that_stay_total_rows_or_are_left_out_tie_out(work, code):
    with_subtotals(work / "inputs" / "sales.xlsx")

    assert of(work, code).status == "tied-out"


def test_columns_that_one_file_lacks_are_named(work):
    frame = sales().rename(columns={"Sales": "Revenue"})
    frame.to_csv(work / "inputs" / "more.csv", index=False)

    result = of(work, "frame = pd.concat([frame, pd.read_csv('inputs/more.csv')])")

    assert codes([result]) == ["blanks-appeared"] * 2
    assert "'inputs/more.csv' has no such column" in result.findings[0].message


def test_text_files_tie_out_like_workbooks(work):
    [result] = tied(
        work,
        "frame = pd.read_csv('inputs/sales.csv')\n"
        "frame[frame.Sales > 350].to_csv('outputs/out.csv', index=False)",
    )

    assert result.status == "tied-out"
    assert "34 left out by filter Sales > 350" in result.line


def test_a_workbook_filled_by_openpyxl_is_compared_but_nothing_is_guessed(work):
    [result] = tied(
        work,
        "import openpyxl\n"
        "book = openpyxl.load_workbook('inputs/sales.xlsx')\n"
        "book.active['E2'] = 42\n"
        "book.save('outputs/out.xlsx')",
    )

    assert (result.status, result.findings) == ("not-tied-out", [])
    assert "60 rows read -> 60 rows written" in result.line
    assert "could not be followed" in result.line
    assert "Units 234 ties out" in result.line


def test_the_file_counts_and_not_what_the_frame_was(work):
    """The last thing that the cell does is to remove a row from what pandas wrote."""
    [result] = tied(
        work,
        f"{READ}{WRITE}\nimport openpyxl\nbook = openpyxl.load_workbook('outputs/out.xlsx')\n"
        "book.active.delete_rows(3)\nbook.save('outputs/out.xlsx')",
    )

    assert codes([result]) == ["rows-lost"]
    assert "60 rows read -> 59 rows written" in result.line


def test_data_that_come_from_the_code_alone_have_no_tie_out(work):
    assert tied(work, "pd.DataFrame({'a': [1]}).to_excel('outputs/out.xlsx')") == []


def test_what_is_too_large_to_measure_is_said_plainly():
    frame = Table(
        file="inputs/a.csv",
        rows=10,
        columns=(Column(name="Sales", kind="number", sum=5.0),),
        line=1,
    )
    source = "f = pd.read_csv('inputs/a.csv')\nf.to_csv('outputs/b.csv')"
    noted = {
        "reads": [
            {
                "file": "inputs/a.csv",
                "rows": 10,
                "line": 1,
                "columns": [{"name": "Sales", "kind": "number", "sum": 5.0}],
            }
        ],
        "writes": [
            {
                "file": "outputs/b.csv",
                "rows": 10,
                "line": 2,
                "columns": [{"name": "Sales", "kind": "number", "sum": 5.0}],
            }
        ],
    }

    [result] = tie_out([notes_of(source, noted)], ["outputs/b.csv"], {"inputs/a.csv": [frame]})

    assert result.status == "not-tied-out"
    assert (
        "outputs/b.csv is too large or of an unknown kind: the figures are the kernel's"
        in result.line
    )


@pytest.mark.parametrize(
    "noted",
    [
        None, 5, [], {"reads": 5, "steps": None}, {"reads": [None, 5, {}, {"file": 5}]},
        {"reads": [{"file": "a", "rows": -1, "line": True, "columns": [{"name": 5}, None]}],
         "steps": [{"step": "filter", "line": "x"}, {"step": [], "line": 1, "rows_in": 2**70, "rows_out": 0}],
         "writes": [{"file": "b", "rows": 10**30, "columns": {"a": 1}, "sheet": ["x"]}]},
        {"writes": [{"file": "outputs/b.csv", "rows": 3, "line": 10**9,
                     "columns": [{"name": "x" * 10**5, "kind": "number", "sum": math.nan}] * 1000}]},
    ],
)  # fmt: skip
def test_what_a_kernel_forges_is_read_as_bounded_data(noted):
    for source in ("f.to_csv('b')", "(" * 5000, "x" + ".a" * 50_000, "\0", "-" * 20_000 + "1"):
        notes = notes_of(source, noted)
        for result in tie_out([notes, notes], ["outputs/b.csv"], {}):
            assert len(str(result_to_json(result))) < 20_000


def test_a_frame_is_noted_without_being_changed(work):
    [result] = tied(work, f"{READ}same = frame.copy()\nassert frame.equals(same)\n{WRITE}")

    assert result.sums[0].before == pytest.approx(18430.5)


def test_values_that_reading_lost_are_named(work):
    """A text that pandas takes for a missing one, an error cell, a formula without a value."""
    book = openpyxl.Workbook()
    for row in [
        ("Country", "Price", "Gross", "Net"),
        ("NA", 5, "=D2*2", 1),
        ("DE", "#N/A", "=D3*2", 2),
    ]:
        book.active.append(row)
    book.active["B3"].data_type = "e"
    book.save(work / "inputs" / "sales.xlsx")

    result = of(work, "")

    said = {finding.message.split("'")[1]: finding.message for finding in result.findings}
    assert set(codes([result])) == {"blanks-appeared"}
    assert "1 text such as 'NA' became blank in reading" in said["Country"]
    assert "1 error cell (#N/A and the like) were read as blanks" in said["Price"]
    assert "2 formulas without a stored value were read as blanks" in said["Gross"]


@pytest.mark.parametrize("options", ["header=False", "startrow=3", "index=True", "startcol=2"])
def test_a_frame_is_found_where_it_was_written(work, options):
    [result] = tied(work, f"{READ}frame.to_excel('outputs/out.xlsx', {options})")

    assert result.findings == []
    assert "60 rows read -> 60 rows written" in result.line


def test_a_long_result_is_measured_without_its_profile(work):
    """Three thousand rows: a total row at the end is found all the same."""
    [result] = tied(
        work,
        f"{READ}frame = pd.concat([frame] * 50)\n"
        "total = pd.DataFrame([{'Units': frame.Units.sum(), 'Sales': frame.Sales.sum()}])\n"
        "frame = pd.concat([frame, total])\n"
        f"{WRITE}",
    )

    assert result.written[0] == {
        "file": "outputs/out.xlsx", "sheet": "Sheet1", "rows": 3001, "total_rows": 1
    }  # fmt: skip


def test_values_that_name_each_other_do_not_grow_a_querys_text(work):
    chained = "".join(f"v{n} = '{f'@v{n + 1}' * 400}'\n" for n in range(3))
    code = f"{READ}{chained}frame = frame.query('@v0')\n{WRITE}"
    notes = notes_of(code, {"writes": [{"file": "o.xlsx", "line": 6, "rows": 1}]})
    tracemalloc.start()

    tie_out([notes], ["o.xlsx"], {})

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_conditions_of_a_loop_are_taken_once_for_all_its_statements():
    skips = "".join(f"    if name == {n}:\n        continue\n" for n in range(300))
    adds = "".join(f"    found.append(names[{n}])\n" for n in range(300))
    code = f"found = []\nfor name in names:\n{skips}{adds}pd.concat(found).to_excel('o.xlsx')\n"
    program = Program([code])

    flow = program.flow(0, code.count("\n"))

    texts = [placed.operation.text for placed in flow.operations]
    assert texts.count("not name == 7") == 1
    assert len(texts) == 300


def test_sums_that_are_no_numbers_any_more_are_left_out():
    huge = Column(name="Sales", kind="number", sum=1.7e308)
    reads = [
        {
            "file": f"{name}.csv",
            "line": 1,
            "rows": 1,
            "columns": [{"name": "Sales", "sum": 1.7e308}],
        }
        for name in "ab"
    ]
    out = Table(file="o.csv", rows=2, columns=[huge], measured=True)

    [result] = tie_out([notes_of("x = 1", {"reads": reads})], ["o.csv"], {"o.csv": [out]})

    assert result.sums == []


def test_sums_of_a_step_are_bounded():
    sums = {f"{n}" * 500: 1.0 for n in range(1000)}
    step = {"step": "aggregation", "line": 1, "rows_in": 1, "rows_out": 1, "sums": sums}

    [kept] = notes_of("", {"steps": [step]}).steps

    assert len(kept.sums) <= 50
    assert max(map(len, kept.sums)) <= 200


BOTH = """
with pd.ExcelWriter('outputs/out.xlsx') as book:
    for name, each in {'Detail': frame, 'Other': other}.items():
        each.to_excel(book, sheet_name=name, index=False)
"""


@pytest.mark.parametrize(
    "other",
    ["frame.groupby('Region', as_index=False)['Sales'].sum()", "frame[frame['Sales'] > 350]"],
)
def test_a_table_and_its_summary_written_by_one_line_are_not_counted_twice(work, other):
    [result] = tied(work, f"{READ}other = {other}\n{BOTH}")

    assert result.findings == []
    assert [each.ties for each in result.sums if each.name == "Sales"] == [True]


def test_all_rows_on_each_of_several_sheets_are_suspicious(work):
    code = """
with pd.ExcelWriter('outputs/out.xlsx') as book:
    for region in frame['Region'].unique():
        frame.to_excel(book, sheet_name=region, index=False)
"""
    assert codes(tied(work, READ + code)) == ["sum-changed", "sum-changed"]


WITH_TOTAL = "frame = pd.read_excel('inputs/total.xlsx', {})\n"


def with_a_total_row(work):
    total = pd.DataFrame([{"Region": "Total", "Units": 234, "Sales": 18_430.5}])
    pd.concat([sales(), total]).to_excel(work / "inputs" / "total.xlsx", index=False)


PIVOT = "frame.pivot_table(index='Region', columns='Customer', values='Sales', aggfunc='sum'{})"


@pytest.mark.parametrize(
    "pivot",
    [
        PIVOT.format(", margins=True"),
        PIVOT.format(", margins=True, margins_name='Summe'"),
        f"{PIVOT.format('')}\nout['Total'] = out.sum(axis=1)\nout.loc['Total'] = out.sum()",
        "pd.crosstab(frame.Region, frame.Customer, values=frame.Sales, aggfunc='sum', margins=True)",
    ],
)
@pytest.mark.parametrize(
    "read",
    [WITH_TOTAL.format("skipfooter=1"),
     WITH_TOTAL.format("") + "frame = frame[frame.Region != 'Total']\n"],
)  # fmt: skip
def test_totals_of_a_pivot_itself_are_not_taken_for_total_rows_that_were_read(work, read, pivot):
    with_a_total_row(work)

    [result] = tied(work, f"{read}out = {pivot}\nout.to_excel('outputs/out.xlsx')")

    assert (result.status, codes([result])) == ("tied-out", []), result.line


LOOPS = (
    "for r, g in frame.groupby('Region'):\n    g.to_excel(f'outputs/{r}.xlsx', index=False)",
    "with pd.ExcelWriter('outputs/out.xlsx') as w:\n    for r, g in frame.groupby('Region'):\n"
    "        g.to_excel(w, sheet_name=r, index=False)",
    "for r in frame.Region.unique():\n    g = frame[frame.Region == r]\n"
    "    g.to_excel(f'outputs/{r}.xlsx', index=False)",
    "out = pd.concat([g for r, g in frame.groupby('Region')])\nout.to_excel('outputs/out.xlsx')",
    "def ordered(g):\n    x = g.sort_values('Sales')\n    return x\n"
    "out = ordered(frame)\nout.to_excel('outputs/out.xlsx')",
)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_name_that_code_gives_anew_is_not_what_an_earlier_cell_read_by_it(work, loop):
    earlier = f"x = 1\n{READ}g = frame.head(7)\n{LOOPS[0]}"

    results = tied(work, earlier, f"\n\n{READ}{loop}")

    assert codes(results) == []
    assert all(result.line.startswith("1 file, 60 rows read") for result in results)


ADD_TABLE = (
    "    sheet.add_table(2, 0, 62, 4, {'columns': [{'header': c} for c in frame.columns]})\n"
)


@pytest.mark.parametrize("table", ["", ADD_TABLE])
@pytest.mark.parametrize("label", ["", "    sheet.write(63, 1, 'Somma')\n"])
def test_a_row_of_sums_that_code_writes_below_a_frame_is_its_total_row(work, table, label):
    [result] = tied(
        work,
        f"{READ}with pd.ExcelWriter('outputs/out.xlsx', engine='xlsxwriter') as w:\n"
        "    frame.to_excel(w, sheet_name='D', index=False, startrow=2)\n"
        "    sheet = w.sheets['D']\n"
        f"    sheet.write_formula(63, 4, '=SUM(E4:E63)', value=18430.5)\n{table}{label}",
    )

    assert (result.status, codes([result])) == ("tied-out", [])
    assert result.written[0]["total_rows"] == 1


def test_a_row_below_a_frame_that_is_no_sum_is_data(work):
    [result] = tied(
        work,
        f"{READ}with pd.ExcelWriter('outputs/out.xlsx', engine='xlsxwriter') as w:\n"
        "    frame.to_excel(w, sheet_name='D', index=False)\n"
        "    w.sheets['D'].write(61, 4, 18000.5)\n",
    )

    assert "sum-changed" in codes([result])


def test_columns_renamed_where_nobody_can_follow_are_not_called_suspicious(work):
    names = ["Net sales", "Net Sales", "Nettoumsatz"]
    for n, name in enumerate(names):
        month = sales().iloc[20 * n : 20 * n + 20].rename(columns={"Sales": name})
        month.to_excel(work / "inputs" / f"m{n}.xlsx", index=False)

    results = tied(
        work,
        f"names = {names!r}\nframes = []\nfor n in range(3):\n"
        "    part = pd.read_excel(f'inputs/m{n}.xlsx')\n"
        "    part.columns = ['Net' if c in names else c for c in part.columns]\n"
        "    frames.append(part.rename(columns={'Net': 'Net sales'}))\n"
        "frame = pd.concat(frames)\n"
        "groups = frame.groupby('Region', as_index=False)[['Units', 'Net sales']].sum()\n"
        "with pd.ExcelWriter('outputs/out.xlsx') as w:\n"
        "    frame.to_excel(w, sheet_name='Sales', index=False)\n"
        "    groups.to_excel(w, sheet_name='By region', index=False)",
    )

    assert codes(results) == []
    assert "columns were renamed in a way that could not be followed" in results[0].line
