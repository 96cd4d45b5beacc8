"""Values and formulas of two workbooks: rows matched by key or content, causes told apart."""

from __future__ import annotations

import datetime
import random

import pytest
import xlsxwriter
from openpyxl import Workbook, load_workbook

from notebooks.workbooks.compare.workbooks import compare_workbooks

HEAD = ["Account", "Region", "Amount", "Paid"]


def records(count, seed=1):
    made = random.Random(seed)
    regions = ["North", "South", "East", "West"]
    return [
        [f"A{n:04d}", regions[n % 4], round(made.random() * 10_000, 2), n % 3 == 0]
        for n in range(count)
    ]


def save(path, rows, title="Data"):
    book = Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def computed(path, cells, name="Data"):
    """Write formulas with stored values: address → constant, or (formula, value)."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet(name)
        for place, content in cells.items():
            if isinstance(content, tuple):
                sheet.write_formula(place, content[0], None, content[1])
            else:
                sheet.write(place, content)
    return path


def brief(found, layer="values"):
    return [
        (d.cause, d.what, d.place, d.before, d.after) for d in found.differences if d.layer == layer
    ]


def compare(tmp_path, before, after, **options):
    one = save(tmp_path / "before.xlsx", before)
    other = save(tmp_path / "after.xlsx", after)
    return compare_workbooks(one, other, **options)


def test_equal_workbooks_do_not_differ(tmp_path):
    found = compare(tmp_path, [HEAD, *records(50)], [HEAD, *records(50)])

    assert found.same
    assert (found.counts, found.differences, found.notes) == ({}, (), ())


def test_a_changed_cell_is_named_with_its_key_and_column(tmp_path):
    rows = records(50)
    changed = [list(row) for row in rows]
    changed[7][2] = 1.5

    found = compare(tmp_path, [HEAD, *rows], [HEAD, *changed])

    assert brief(found) == [("edited", "cell", "C9", str(rows[7][2]), "1.5")]
    assert found.counts == {"values": {"edited": 1}}
    assert "Amount" in found.differences[0].label


@pytest.mark.parametrize("count", [3, 200])
def test_a_sort_is_no_change_but_a_note(tmp_path, count):
    rows = records(count)
    found = compare(tmp_path, [HEAD, *rows], [HEAD, *sorted(rows, key=lambda row: -row[2])])

    assert found.counts == {}
    assert any("another order" in note for note in found.notes)


def test_a_sort_of_rows_without_a_key_is_no_change(tmp_path):
    rows = [[region, amount] for _, region, amount, _ in records(200)]
    doubled = rows + rows[:50]
    found = compare(
        tmp_path, [["Region", "Amount"], *doubled], [["Region", "Amount"], *sorted(doubled)]
    )

    assert found.counts == {}


def test_sorted_and_edited_rows_are_matched_by_their_key(tmp_path):
    rows = records(300)
    changed = [list(row) for row in rows]
    changed[10][2] += 1
    changed[200][1] = "Centre"
    found = compare(tmp_path, [HEAD, *rows], [HEAD, *sorted(changed, key=lambda row: row[2])])

    assert found.counts == {"values": {"edited": 2}}
    assert found.sheets[0].by == "key 'Account'"


@pytest.mark.parametrize("at", [0, 1, 150, 299])
def test_inserted_and_deleted_rows_are_only_that(tmp_path, at):
    rows = records(300)
    more = [*rows[:at], ["NEW1", "East", 5, True], ["NEW2", "East", 6, True], *rows[at:]]

    inserted = compare(tmp_path, [HEAD, *rows], [HEAD, *more])
    deleted = compare(tmp_path, [HEAD, *more], [HEAD, *rows])

    place = f"{at + 2}:{at + 3}"
    assert inserted.counts == {"values": {"added": 2}}
    assert [(d.cause, d.place) for d in inserted.differences] == [("added", place)]
    assert deleted.counts == {"values": {"removed": 2}}
    assert "NEW1" in deleted.differences[0].before


def test_rows_without_a_key_are_matched_by_content(tmp_path):
    made = random.Random(4)
    rows = [[made.choice("abc"), made.choice("xyz"), made.randrange(5)] for _ in range(300)]
    changed = [*rows[:100], ["new", "x", 1], *rows[100:200], *rows[203:]]
    changed[50] = [*changed[50][:2], 99]
    found = compare(tmp_path, [["A", "B", "C"], *rows], [["A", "B", "C"], *changed])

    assert found.counts["values"]["added"] == 1
    assert found.counts["values"]["removed"] == 3
    assert found.counts["values"]["edited"] == 1


def test_rows_numbered_anew_are_not_all_edited(tmp_path):
    """A running number is unique, but it names no row once one was inserted."""
    rows = [[n, f"text {n}", n * 1.5] for n in range(1, 201)]
    more = [[n, *row[1:]] for n, row in enumerate([*rows[:90], [0, "new", 0.5], *rows[90:]], 1)]
    found = compare(
        tmp_path, [["No.", "Text", "Amount"], *rows], [["No.", "Text", "Amount"], *more]
    )

    assert found.counts["values"]["added"] == 1
    assert found.counts["values"]["edited"] == 110  # the numbers themselves


def test_an_inserted_column_is_one_column(tmp_path):
    rows = records(40)
    wide = [[row[0], "x", *row[1:]] for row in rows]
    found = compare(tmp_path, [HEAD, *rows], [["Account", "New", *HEAD[1:]], *wide])

    assert found.counts == {"values": {"added": 1}}
    assert brief(found) == [("added", "columns", "B:B", None, "New")]


def test_columns_in_another_order_are_no_change(tmp_path):
    rows = records(40)
    found = compare(tmp_path, [HEAD, *rows], [HEAD[::-1], *(row[::-1] for row in rows)])

    assert found.counts == {}
    assert any("columns are in another order" in note for note in found.notes)


def test_a_blank_row_that_was_inserted_is_named(tmp_path):
    rows = records(20)
    found = compare(tmp_path, [HEAD, *rows], [HEAD, *rows[:5], [], *rows[5:]])

    assert brief(found) == [("added", "blank rows", "7:7", None, None)]


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [
        (0.1 + 0.2, 0.3, False),
        (1, 1.0, False),
        (1e12 + 0.0001, 1e12, False),
        (0.3, 0.3000001, True),
        (123456789012, 123456789013, True),
        (True, 1, True),
        ("1", 1, True),
        (None, 0, True),
        (datetime.date(2024, 1, 31), datetime.datetime(2024, 1, 31), False),
        (datetime.datetime(2024, 1, 31, 12), datetime.datetime(2024, 1, 31, 12, 0, 1), True),
        ("a", "A", True),
    ],
)
def test_values_are_compared_as_a_person_would(tmp_path, one, other, differs):
    found = compare(tmp_path, [["x", one, "end"]], [["x", other, "end"]], layers=("values",))

    assert found.same is not differs


def test_the_tolerance_can_be_set(tmp_path):
    before, after = [["x", 100.5]], [["x", 100.6]]

    assert not compare(tmp_path, before, after).same
    assert compare(tmp_path, before, after, tolerance=0.01).same


def test_dates_of_both_date_systems_are_the_same_days(tmp_path):
    day = datetime.datetime(2024, 2, 29, 18, 30)
    for name, options in (("a.xlsx", {}), ("b.xlsx", {"date_1904": True})):
        with xlsxwriter.Workbook(tmp_path / name, options) as book:
            form = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
            book.add_worksheet().write_datetime(0, 0, day, form)

    found = compare_workbooks(tmp_path / "a.xlsx", tmp_path / "b.xlsx")

    assert "values" not in found.counts
    assert found.counts["objects"] == {"added": 1}  # the date system itself


@pytest.mark.parametrize("from_1904", [False, True])
def test_a_date_shown_as_a_number_differs_in_format_only(tmp_path, from_1904):
    for name, code in (("a.xlsx", "yyyy-mm-dd"), ("b.xlsx", "0.00")):
        with xlsxwriter.Workbook(tmp_path / name, {"date_1904": from_1904}) as book:
            book.add_worksheet().write_number(0, 0, 45000, book.add_format({"num_format": code}))

    found = compare_workbooks(tmp_path / "a.xlsx", tmp_path / "b.xlsx")

    assert set(found.counts) == {"formats"}


def test_a_value_computed_anew_is_told_from_an_edit(tmp_path):
    before = computed(tmp_path / "a.xlsx", {"A1": 1, "A2": ("=A1*2", 2), "A3": ("=A2+1", 3)})
    after = computed(tmp_path / "b.xlsx", {"A1": 5, "A2": ("=A1*2", 10), "A3": ("=A2+1", 11)})

    found = compare_workbooks(before, after)

    assert found.counts == {"values": {"edited": 1, "recalculated": 2}}
    assert ("recalculated", "cell", "A2", "2", "10") in brief(found)


@pytest.mark.parametrize("formula", ["=RAND()", "=NOW()", '=INDIRECT("B1")', "=OFFSET(B1,0,0)+1"])
def test_volatile_values_and_what_depends_on_them_are_named(tmp_path, formula):
    made = [
        computed(
            tmp_path / f"{value}.xlsx",
            {"A1": (formula, value), "A2": ("=A1*2", 2 * value), "A3": ("=SUM(A1:A2)", 3 * value),
             "B2": ('="NOW()"&B1', str(value))},
        )
        for value in (1, 2)
    ]  # fmt: skip

    found = compare_workbooks(*made)

    assert found.counts == {"values": {"volatile": 3, "recalculated": 1}}


def test_a_formula_without_a_stored_value_is_not_an_edit(tmp_path):
    before = computed(tmp_path / "a.xlsx", {"A1": 1, "A2": ("=A1*2", 2)})
    load_workbook(before).save(tmp_path / "b.xlsx")  # openpyxl stores no values

    found = compare_workbooks(before, tmp_path / "b.xlsx", layers=("values", "formulas"))

    assert found.counts == {"values": {"not computed": 1}}


def test_formulas_only_sheets_are_matched_without_stored_values(tmp_path):
    cells = {
        f"{column}{row}": (f"={column}{row}*1", row) for row in range(1, 30) for column in "AB"
    }
    before = computed(
        tmp_path / "a.xlsx", {place: (f"=Z{place[1:]}*2", v[1]) for place, v in cells.items()}
    )
    load_workbook(before).save(tmp_path / "b.xlsx")

    found = compare_workbooks(before, tmp_path / "b.xlsx", layers=("values", "formulas"))

    assert found.counts == {"values": {"not computed": 58}}


def test_a_changed_formula_and_a_hardcoded_one_are_named(tmp_path):
    before = computed(
        tmp_path / "a.xlsx", {"A1": 1, "A2": ("=A1*2", 2), "A3": ("=A1*3", 3), "A4": 4}
    )
    after = computed(
        tmp_path / "b.xlsx", {"A1": 1, "A2": ("=A1*4", 4), "A3": 3, "A4": ("=A1*4", 4)}
    )

    found = compare_workbooks(before, after)

    assert found.counts == {"formulas": {"edited": 3}}
    assert brief(found, "formulas") == [
        ("edited", "cell", "A2", "=A1*2", "=A1*4"),
        ("edited", "formula replaced by a value", "A3", "=A1*3", "3"),
        ("edited", "cell", "A4", "4", "=A1*4"),
    ]


def test_formulas_that_moved_with_their_rows_are_the_same(tmp_path):
    def book(path, names):
        cells = {"A1": "Name", "B1": "Sales", "C1": "Share"}
        last = len(names) + 1
        for row, name in enumerate(names, 2):
            cells |= {f"A{row}": name, f"B{row}": len(name)}
            cells[f"C{row}"] = (f"=B{row}/B${last + 1}", len(name) / 10)
        cells[f"A{last + 1}"] = "Total"
        cells[f"B{last + 1}"] = (f"=SUM(B2:B{last})", 10)
        return computed(path, cells)

    before = book(tmp_path / "a.xlsx", ["one", "two", "three", "four"])
    after = book(tmp_path / "b.xlsx", ["one", "two", "2 and a half", "three", "four"])

    found = compare_workbooks(before, after)

    assert found.counts == {"values": {"added": 1}}


def test_shared_formulas_are_compared_as_their_cells_show_them(tmp_path):
    """Excel writes a filled-down formula once; openpyxl writes it for every cell."""
    import zipfile

    cells = {f"A{n}": n for n in range(1, 6)} | {f"B{n}": (f"=A{n}*$A$1", n) for n in range(1, 6)}
    plain = computed(tmp_path / "plain.xlsx", cells)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(tmp_path / "shared.xlsx", "w") as made:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("sheet1.xml"):
                for n in range(2, 6):
                    content = content.replace(b"<f>A%d*$A$1</f>" % n, b'<f t="shared" si="0"/>')
                content = content.replace(
                    b"<f>A1*$A$1</f>", b'<f t="shared" ref="B1:B5" si="0">A1*$A$1</f>'
                )
            made.writestr(name, content)

    assert compare_workbooks(plain, tmp_path / "shared.xlsx").same


def test_counts_are_exact_where_the_list_is_cut(tmp_path):
    rows = [[n, f"x{n}"] for n in range(500)]
    changed = [[n, f"y{n}"] for n in range(500)]
    found = compare(tmp_path, [["Id", "Text"], *rows], [["Id", "Text"], *changed], most=10)

    assert found.counts == {"values": {"edited": 500}}
    assert len(found.differences) == 10
    assert found.more == {"values": 490}


def test_sparse_sheets_cost_no_memory(tmp_path):
    """One cell in the last corner, a million rows below the others."""
    for name, value in (("a.xlsx", "here"), ("b.xlsx", "there")):
        with xlsxwriter.Workbook(tmp_path / name) as book:
            sheet = book.add_worksheet("S")
            sheet.write(0, 0, 1)
            sheet.write(1_048_575, 16_383, value)

    found = compare_workbooks(tmp_path / "a.xlsx", tmp_path / "b.xlsx")

    assert brief(found) == [("edited", "cell", "XFD1048576", "here", "there")]


def test_text_files_are_compared_by_value(tmp_path):
    (tmp_path / "a.csv").write_text("Id;Amount\n1;1.50\n2;2\n")
    (tmp_path / "b.csv").write_text("Id,Amount\n2,2.0\n1,1.5\n3,3\n")

    found = compare_workbooks(tmp_path / "a.csv", tmp_path / "b.csv")

    assert found.counts == {"values": {"added": 1}}
    assert any("Only sheets and values" in note for note in found.notes)


def test_a_workbook_is_compared_with_its_export(tmp_path):
    rows = [["Id", "Amount"], [1, 1.5], [2, 2.25]]
    save(tmp_path / "a.xlsx", rows)
    (tmp_path / "a.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))

    assert compare_workbooks(tmp_path / "a.xlsx", tmp_path / "a.csv", layers=("values",)).same


def test_edited_rows_between_many_inserted_ones_are_found_in_little_time(tmp_path):
    made = random.Random(3)
    rows = [
        [made.choice("abc"), made.choice("xyz"), made.random(), made.random()] for _ in range(4000)
    ]
    changed = [[*row[:3], 1.5] if at % 2 else row for at, row in enumerate(rows)]
    changed[100:100] = [["new", "new", 1, 2]]

    found = compare(tmp_path, rows, changed)

    assert found.counts == {"values": {"added": 1, "edited": 2000}}


def test_rows_that_are_all_alike_are_matched(tmp_path):
    found = compare(tmp_path, [["a", 1]] * 3000, [["a", 1]] * 2990)

    assert found.counts == {"values": {"removed": 10}}
