"""Large sheets are read by column: the same frames as row by row, in less memory and time."""

import subprocess
import sys

import pytest

START = """
import datetime, random, sys, tracemalloc, warnings
import numpy as np, pandas as pd
pd.set_option("io.excel.xlsx.writer", "xlsxwriter")
from notebooks.workbooks import pandas_defaults
from notebooks.workbooks.reading import large_sheets
pandas_defaults.apply()
import xlsxwriter
path = sys.argv[1]

def both(**options):
    "Return the frame read by column and the frame read row by row."
    frames = []
    for size in (0, 10**12):
        large_sheets.FROM_BYTES = size
        large_sheets._frames.clear()
        frames.append(pd.read_excel(path, **options))
        assert bool(large_sheets._frames) == (size == 0 and not callable(options.get("usecols")))
    return frames

def equal(**options):
    one, other = both(**options)
    pd.testing.assert_frame_equal(one, other)
    return one
"""

MADE = """
n = 9_000
book = xlsxwriter.Workbook(path); sheet = book.add_worksheet("Data")
day = book.add_format({"num_format": "yyyy-mm-dd"}); clock = book.add_format({"num_format": "hh:mm"})
names = ["whole", "fraction", "gaps", "text", "text gaps", "id", "id with NA", "day", "day gaps",
         "flag", "flag gaps", "mixed", "empty", "same", "same", 2023, "error", "clock", "late", "words"]
for at, name in enumerate(names): sheet.write(0, at, name)
for r in range(1, n + 1):
    if r in (7, 8, 4000): continue                       # empty rows stay rows
    sheet.write_number(r, 0, r); sheet.write_number(r, 1, r / 7)
    if r % 3: sheet.write_number(r, 2, r)
    sheet.write_string(r, 3, f"t{r % 50}")
    if r % 5: sheet.write_string(r, 4, f"unique {r}")
    sheet.write_string(r, 5, f"{r:06d}")
    sheet.write_string(r, 6, "NA" if r % 4 == 0 else f"{r}")
    sheet.write_datetime(r, 7, datetime.datetime(2024, 1, 1) + datetime.timedelta(days=r % 900), day)
    if r % 6: sheet.write_datetime(r, 8, datetime.datetime(2024, 1, 1, 12) + datetime.timedelta(hours=r), day)
    sheet.write_boolean(r, 9, r % 2 == 0)
    if r % 9: sheet.write_boolean(r, 10, r % 2 == 0)
    sheet.write(r, 11, [r, f"m{r}", r / 2, True][r % 4])
    sheet.write_number(r, 13, r); sheet.write_string(r, 14, "x"); sheet.write_number(r, 15, -r)
    if r % 100: sheet.write_number(r, 16, r)
    else: sheet.write_formula(r, 16, "=NA()", None, "#N/A")
    sheet.write_datetime(r, 17, datetime.time(r % 24, 30), clock)
    if r > 8_000: sheet.write_string(r, 18, "only here")
    sheet.write_string(r, 19, ["True", "False"][r % 2])
    if r == n: sheet.write_string(r, 21, "wider than the header")
book.close()
"""


@pytest.fixture
def run(tmp_path):
    def run(code: str) -> str:
        command = [sys.executable, "-c", START + code, str(tmp_path / "large.xlsx")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return run


def test_the_frame_is_the_same_as_row_by_row_whatever_is_asked_for(run):
    code = (
        MADE
        + """
for options in (
    {}, {"header": None}, {"header": 1}, {"skiprows": 2}, {"skiprows": 2, "header": None},
    {"usecols": "A,C:E"}, {"usecols": [0, 7]}, {"usecols": ["id", "same"]},
    {"usecols": lambda name: str(name).startswith("t")}, {"index_col": 0}, {"index_col": "text"},
    {"dtype": {"id": str, "whole": str, "fraction": "float32"}}, {"dtype": str},
    {"header": [0, 1]}, {"header": [1, 3]},
    {"keep_default_na": False}, {"keep_default_na": False, "dtype": {"id": str}},
    {"na_values": ["t1", 5]}, {"na_values": ["x"], "keep_default_na": False},
    {"sheet_name": "Data"}, {"usecols": ["whole", "id"], "index_col": 0, "dtype": {"id": str}},
):
    equal(**options)
assert equal(dtype={"id": str})["id"].iloc[0] == "000001"
"""
    )

    run(code)


def test_a_row_by_row_option_is_left_to_pandas(run):
    code = (
        MADE
        + """
large_sheets.FROM_BYTES = 0
assert len(pd.read_excel(path, nrows=10)) == 10
assert pd.read_excel(path, skipfooter=5).shape[0] == n - 5
assert not large_sheets._frames
"""
    )

    run(code)


def test_a_second_read_is_of_the_same_content_only_and_unchanged_by_the_first(run):
    code = (
        MADE
        + """
large_sheets.FROM_BYTES = 0
first = pd.read_excel(path)
first.loc[0, "whole"] = -1
first["new"] = 1
second = pd.read_excel(path)
assert second.loc[0, "whole"] == 1 and "new" not in second
pd.DataFrame({"a": range(200_000)}).to_excel(path, index=False)
assert pd.read_excel(path).columns.tolist() == ["a"]
"""
    )

    run(code)


def test_memory_is_a_few_bytes_a_cell(run):
    code = """
n = 60_000
pd.DataFrame({f"c{i}": np.random.default_rng(i).random(n) for i in range(10)}).to_excel(path, index=False)
tracemalloc.start()
frame = pd.read_excel(path)
_, peak = tracemalloc.get_traced_memory()
assert frame.shape == (n, 10)
print(peak // (n * 10))
"""

    assert int(run(code)) < 45
