"""pandas, openpyxl and xlsxwriter in a kernel write nothing that Excel would repair or change."""

import subprocess
import sys

import pytest

from tests.corpus import odd_files

START = """
import datetime, sys, warnings
import numpy as np, pandas as pd
pd.set_option("io.excel.xlsx.writer", "xlsxwriter")
from notebooks.workbooks import pandas_defaults
pandas_defaults.apply()
from openpyxl import Workbook, load_workbook
import xlsxwriter
warnings.simplefilter("error")
path = sys.argv[1]
engine = sys.argv[2]
def cells(sheet=None):
    book = load_workbook(path)
    sheet = book[sheet] if sheet else book.active
    return [(c.data_type, c.value) for row in sheet.iter_rows(min_row=2) for c in row]
"""


@pytest.fixture
def written(tmp_path):
    """Returns what a piece of code prints, run with the defaults, ``path`` and an engine."""

    def run(code: str, engine: str = "xlsxwriter") -> str:
        command = [sys.executable, "-c", START + code, str(tmp_path / "made.xlsx"), engine]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return run


engines = pytest.mark.parametrize("engine", ["openpyxl", "xlsxwriter"])


@engines
def test_texts_of_a_frame_that_start_like_formulas_stay_text(written, engine):
    code = """
frame = pd.DataFrame({"Text": ["=> see invoice 17", "=SUM(A1)", "+1", "-x", "@name", "https://a.b/c"]})
frame.to_excel(path, index=False, engine=engine)
assert cells() == [("s", text) for text in frame.Text], cells()
"""

    assert "2 text(s) that start with '=' kept as text" in written(code, engine)


@engines
def test_formulas_that_are_meant_are_formulas(written, engine):
    code = """
with pd.ExcelWriter(path, engine=engine) as writer:
    pd.DataFrame({"a": [1, 2]}).to_excel(writer, index=False)
    sheet = writer.sheets["Sheet1"]
    if engine == "openpyxl":
        sheet["A4"] = "=SUM(A2:A3)"
    else:
        sheet.write_formula("A4", "=SUM(A2:A3)")
        sheet.write("A5", "=A4*2")
assert cells()[2] == ("f", "=SUM(A2:A3)"), cells()
assert engine == "openpyxl" or cells()[3] == ("f", "=A4*2")
"""

    assert written(code, engine) == ""


def test_what_the_caller_states_about_formulas_counts(written):
    code = """
with pd.ExcelWriter(path, engine_kwargs={"options": {"strings_to_formulas": True}}) as writer:
    pd.DataFrame({"a": ["=1+1"]}).to_excel(writer, index=False)
assert cells() == [("f", "=1+1")]
"""

    written(code)


@engines
def test_values_that_no_cell_holds_are_replaced_and_said_in_one_line(written, engine):
    code = """
zoned = pd.Timestamp("2024-01-01 12:00", tz="Europe/Berlin")
frame = pd.DataFrame({
    "time": [zoned] * 2, "object": pd.Series([zoned, "x"], dtype=object),
    "text": ["EUR 7\\x16 500", "a\\x0bb"], "long": ["x" * 40_000, "y"],
    "number": [np.inf, 1.5], "id": [123456789012345678, 1],
    "early": pd.Series([datetime.date(1850, 1, 1), "x"], dtype=object),
})
frame.to_excel(path, index=False, engine=engine)
back = pd.read_excel(path)
assert back.time[0] == pd.Timestamp("2024-01-01 12:00") and back.object[0] == back.time[0], back
assert back.text.tolist() == ["EUR 7  500", "a b"]
assert len(back.long[0]) == 32_767
assert str(back.number[0]) == "inf" and back.number[1] == 1.5
assert back.id.astype(str).tolist() == ["123456789012345678", "1"]
assert back.early[0] == "1850-01-01"
"""

    (line,) = written(code, engine).splitlines()

    for part in (
        "control characters replaced by a space in 2 text(s)",
        "1 text(s) cut at 32,767 characters",
        "1 infinite number(s)",
        "1 whole number(s) of more than 15 digits",
        "1 date(s) before 1900",
        "(Europe/Berlin)",
    ):
        assert part in line


@engines
def test_a_long_sheet_name_is_shortened_said_and_still_found_by_its_name(written, engine):
    code = """
long = "Reconciliation of intercompany balances"
with pd.ExcelWriter(path, engine=engine) as writer:
    for at, name in enumerate((long, long + " II", "a/b", "ok")):
        pd.DataFrame({"n": [at]}).to_excel(writer, sheet_name=name, index=False)
    pd.DataFrame({"n": [9]}).to_excel(writer, sheet_name=long, index=False, startrow=3)
    assert writer.sheets[long] is not None
names = load_workbook(path).sheetnames
assert names == [long[:30], long[:29] + "~2", "a_b", "ok"], names
assert pd.read_excel(path, names[0]).n.tolist()[-1] == 9
"""

    said = written(code, engine)

    assert said.count("is named") == 3


def test_openpyxl_keeps_text_that_is_no_formula_and_says_what_it_changed(written):
    code = """
book = Workbook(); sheet = book.active
sheet.append(["Text"])
for value in ("=> see invoice", "===== reversal =====", "=SUM(A1:A2)", "=A1&\\" x\\"", "=CMD ref 8",
              "a\\x0bb", datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)):
    sheet.append([value])
book.create_sheet("Reconciliation of intercompany balances")
book.save(path)
kinds = [kind for kind, _ in cells("Sheet")]
assert kinds == ["s", "s", "f", "f", "s", "s", "d"], cells("Sheet")
assert load_workbook(path).sheetnames[1] == "Reconciliation of intercompany"
"""

    said = written(code)

    assert "3 text(s) that start with '='" in said
    assert "is named" in said


def test_xlsxwriter_keeps_text_that_is_no_formula_and_cuts_what_it_would_leave_out(written):
    code = """
book = xlsxwriter.Workbook(path); sheet = book.add_worksheet()
for row, value in enumerate(("Text", "=> see", "=SUM(A1:A2)", "=====")):
    sheet.write(row, 0, value)
sheet.write(4, 0, "x" * 40_000)
book.close()
assert [kind for kind, _ in cells()] == ["s", "f", "s", "s"], cells()
assert len(cells()[-1][1]) == 32_767
"""

    said = written(code)

    assert "2 text(s) that start with '='" in said
    assert "1 text(s) cut" in said


LARGE = """
n = 30_000
frame = pd.DataFrame({
    "day": pd.date_range("2020-01-01", periods=n, freq="min", tz="Europe/Berlin"),
    "text": [f"=row {i} <&> \\x0b" if i % 7 == 0 else f" _x0041_ {i}\\n" for i in range(n)],
    "number": np.where(np.arange(n) % 5 == 0, np.nan, np.arange(n) / 3),
    "whole": np.arange(n), "flag": np.arange(n) % 2 == 0,
    "lasts": pd.to_timedelta(np.arange(n), unit="h"),
    "mixed": pd.Series([i if i % 2 else f"t{i}" for i in range(n)], dtype=object),
    "kind": pd.Categorical([f"k{i % 3}" for i in range(n)]),
})
"""


def test_a_large_frame_is_written_with_the_same_values_as_a_small_one(written):
    """The large way differs in speed only: the same cells, types and formats, formulas and all."""
    code = (
        LARGE
        + """
frame["text"] = frame["text"].str.replace("_x0041_", "x")  # openpyxl reads it back as it stands
def write(frame):
    with pd.ExcelWriter(path, engine="xlsxwriter") as writer:
        frame.to_excel(writer, sheet_name="Data", startrow=2, startcol=1, na_rep="-", freeze_panes=(3, 0))
        sheet = writer.sheets["Data"]
        money = writer.book.add_format({"num_format": "#,##0.00", "bold": True})
        sheet.set_column("D:F", 12, money)
        sheet.set_row(5, 30)
        sheet.write("A1", "Title", money)
        sheet.write_formula("E6", "=SUM(E1:E2)", money)
        sheet.write_string("L9", "beside")
        sheet.autofilter("B3:J50")
        sheet.conditional_format("D4:D20", {"type": "data_bar"})
    sheet = load_workbook(path)["Data"]
    assert sheet.row_dimensions[6].height == 30 and sheet.auto_filter.ref == "B3:J50"
    assert sheet.freeze_panes == "A4"
    return [[(c.value, c.data_type, c.number_format, c.font.b) for c in row]
            for row in sheet.iter_rows(max_row=5_000)]
from notebooks.workbooks.writing import row_stream
large = write(frame)
row_stream.FROM_CELLS = 10**9
small = write(frame.head(6_000))
for one, other in zip(large, small, strict=True):
    for a, b in zip(one, other, strict=True):
        assert a == b or (isinstance(a[0], float) and abs(a[0] - b[0]) < 1e-9 and a[1:] == b[1:]), (a, b)
"""
    )

    said = written(code).splitlines()[0]

    assert "4,286 text(s) that start with '=' kept as text" in said
    assert "(Europe/Berlin)" in said


def test_a_large_frame_is_read_back_as_it_was(written):
    code = (
        LARGE
        + """
frame.to_excel(path, index=False)
back = pd.read_excel(path)
for name in ("number", "whole", "flag", "mixed"):
    assert (back[name].isna() == frame[name].isna()).all(), name
    pd.testing.assert_series_equal(back[name], frame[name], check_dtype=False)
assert (back.day.dt.round("s") == frame.day.dt.tz_localize(None)).all()
assert back.text.tolist() == [t.replace("\\x0b", " ") for t in frame.text]
assert back.kind.tolist() == frame.kind.tolist()
"""
    )

    written(code)


def test_a_frame_changed_after_to_excel_is_written_as_it_was(written):
    code = """
frame = pd.DataFrame({"a": np.arange(200_000)})
with pd.ExcelWriter(path) as writer:
    frame.to_excel(writer, index=False)
    frame.loc[0, "a"] = 99
assert pd.read_excel(path).a[0] == 0
"""

    written(code)


def test_openpyxl_edits_a_workbook_with_an_empty_fill_and_keeps_its_formats(written, tmp_path):
    odd_files.changed(tmp_path / "made.xlsx", odd_files.empty_fill)
    code = """
book = load_workbook(path)
book.active["D1"] = "new"
book.save(path)
sheet = load_workbook(path).active
assert sheet["D1"].value == "new" and sheet["C2"].number_format == "yyyy-mm-dd"
"""

    written(code)


def test_columns_of_a_large_frame_are_fitted_to_its_cells(written):
    code = (
        LARGE
        + """
from notebooks.workbooks.writing import row_stream
widths = []
for size in (0, 10**9):
    row_stream.FROM_CELLS = size
    with pd.ExcelWriter(path, engine="xlsxwriter") as writer:
        frame.head(400).to_excel(writer, index=False)
        writer.sheets["Sheet1"].autofit()
    sheet = load_workbook(path).active
    widths.append({key: round(of.width, 1) for key, of in sheet.column_dimensions.items()})
    assert sheet.max_row == 401
assert all(abs(widths[0][key] - widths[1][key]) < 1 for key in "ABCDEFGH"), widths
"""
    )

    written(code)
