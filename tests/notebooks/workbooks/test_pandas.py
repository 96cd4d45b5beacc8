"""pandas over the one reader, as a kernel has it.

The defaults are set in a process of their own: they change pandas for the whole process.
"""

import hashlib
import json
import subprocess
import sys

import pytest

from tests.corpus import odd_files, text_files

START = """
import json, sys, warnings
import pandas as pd
from notebooks.workbooks import pandas_defaults
pandas_defaults.apply()
warnings.simplefilter("error")
path = sys.argv[1]
"""


@pytest.fixture
def in_pandas():
    """Returns what a piece of code prints, run with the defaults and ``path``."""

    def run(code: str, path) -> str:
        done = subprocess.run(
            [sys.executable, "-c", START + code, str(path)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return run


SHOWN = "print(json.dumps([list(f.columns), f.values.tolist()], default=str))"
EXPECTED = [
    odd_files.GRID[0],
    [[row[0], row[1], f"{row[2]}"] for row in odd_files.GRID[1:]],
]


@pytest.mark.parametrize("name", odd_files.TABLES)
def test_read_excel_gives_the_same_frame_from_every_kind_of_file(tmp_path, in_pandas, name):
    path = odd_files.make(name, tmp_path)

    frame = json.loads(in_pandas("f = pd.read_excel(path)\n" + SHOWN, path))

    assert frame == EXPECTED


def test_read_excel_keeps_the_options_that_pandas_documents(tmp_path, in_pandas):
    path = odd_files.make("usual.xlsx", tmp_path)
    code = """
f = pd.read_excel(path, engine="openpyxl")
for options in (
    dict(header=None), dict(skiprows=1), dict(usecols="A,C"), dict(usecols=["Amount"]),
    dict(nrows=1), dict(dtype={"Item": str}), dict(index_col=0), dict(dtype=str),
    dict(header=[0, 1]), dict(skipfooter=1), dict(names=["a", "b", "c"]),
    dict(converters={"Item": len}), dict(na_values=["Rent"]), dict(sheet_name="Data"),
):
    pd.testing.assert_frame_equal(
        pd.read_excel(path, **options), pd.read_excel(path, engine="openpyxl", **options)
    )
assert list(pd.read_excel(path, sheet_name=None)) == ["Data"]
with pd.ExcelFile(path) as book:
    assert book.sheet_names == ["Data"]
    assert len(pd.read_excel(book, "Data")) == 3
import io
with open(path, "rb") as file:
    assert len(pd.read_excel(file)) == len(pd.read_excel(io.BytesIO(file.read() or open(path, "rb").read()))) == 3
try: pd.read_excel(path, sheet_name="Other")
except ValueError as error: print(error)
"""

    assert "'Other' not found" in in_pandas(code, path)


def test_error_cells_are_missing_values_and_counted_in_the_output(tmp_path, in_pandas):
    path = tmp_path / "errors.xlsx"
    row = b'<row r="5"><c r="A5" t="str"><v>x</v></c><c r="B5" t="e"><v>#N/A</v></c></row>'

    def add(parts):
        sheet = parts[odd_files.SHEET]
        parts[odd_files.SHEET] = sheet.replace(b"</sheetData>", row + b"</sheetData>")

    odd_files.changed(path, add)
    code = "f = pd.read_excel(path)\nprint(f.Amount.dtype, f.Amount.isna().sum(), f.Amount.sum())"

    said = "Sheet 'Data' has 1 error cell(s), read as blank (1 #N/A).\n"
    assert in_pandas(code, path) == f"{said}float64 1 1183.25\n"


def test_a_cell_far_away_is_left_out_and_named(tmp_path, in_pandas):
    path = tmp_path / "stray.xlsx"
    odd_files.stray_cell(path)

    said = in_pandas("print(pd.read_excel(path).shape)", path)

    assert "(3, 3)" in said
    assert "XFD1048576" in said


@pytest.mark.parametrize("name", odd_files.REFUSED)
def test_a_file_that_cannot_be_read_is_an_error_that_says_what_to_do(tmp_path, in_pandas, name):
    code, write = odd_files.REFUSED[name]
    write(tmp_path / name)

    said = in_pandas(
        "try: pd.read_excel(path, sheet_name=None)\nexcept Exception as error: print(error.code)",
        tmp_path / name,
    )

    assert said == f"{code}\n"


def test_what_was_recovered_of_a_damaged_file_is_read_and_named(tmp_path, in_pandas):
    usual = odd_files.make("usual.xlsx", tmp_path)
    damaged = tmp_path / "ledger [1].xlsx"
    damaged.write_bytes(usual.read_bytes()[:-400])
    hashed = hashlib.sha256(damaged.read_bytes()).hexdigest()[:8]
    usual.rename(tmp_path / f"ledger [1].recovered-{hashed}.xlsx")

    first, frame = in_pandas("f = pd.read_excel(path)\n" + SHOWN, damaged).splitlines()

    assert first.startswith("ledger [1].xlsx: ")
    assert f"Read instead: ledger [1].recovered-{hashed}.xlsx" in first
    assert json.loads(frame) == EXPECTED


def test_a_damaged_file_without_a_copy_of_its_own_gives_a_plain_reason(tmp_path, in_pandas):
    """One that a cell made has none; the copy of another file does not count."""
    usual = odd_files.make("usual.xlsx", tmp_path)
    damaged = tmp_path / "made.xlsx"
    damaged.write_bytes(usual.read_bytes()[:-400])
    usual.rename(tmp_path / "made.recovered-00000000.xlsx")
    code = """
try:
    pd.read_excel(path)
except Exception as problem:
    print(type(problem).__name__, problem)
"""

    assert in_pandas(code, damaged).startswith("Unreadable ")


@pytest.mark.parametrize("name", text_files.FILES)
def test_read_csv_finds_encoding_delimiter_and_numbers(tmp_path, in_pandas, name):
    file = text_files.FILES[name]
    path = tmp_path / "bank.csv"
    path.write_bytes(file.text.encode(file.encoding))
    head = file.text.removeprefix("sep=;\r\n").splitlines()[0].split(file.delimiter)
    code = "f = pd.read_csv(path)\nprint(json.dumps([list(f.columns), str(f.iloc[:, 2].dtype)]))"

    columns, kind = json.loads(in_pandas(code, path))

    assert columns == head
    plain = file.encoding in ("ascii",)  # pandas' own answer: text with commas stays text
    assert kind in (("str",) if plain else ("float64", "int64"))


def test_german_amounts_are_summed_to_the_cent_and_dates_stay_what_they_are(tmp_path, in_pandas):
    path = tmp_path / "bank.csv"
    path.write_bytes(text_files.GERMAN.encode("cp1252"))
    expected = -sum(1000 + n % 10 + 0.5 for n in range(12))

    code = "f = pd.read_csv(path)\nprint(round(f.Betrag.sum(), 2), f.Buchungstag[1], len(f))"

    assert in_pandas(code, path) == f"{expected} 01.01.2024 12\n"


def test_amounts_are_read_in_chunks_too_and_a_chunk_with_other_texts_is_named(tmp_path, in_pandas):
    path = tmp_path / "bank.csv"
    lines = [f"2024-01-{n:02};1.{n:03},50;{n}.000,00" for n in range(1, 5)]
    path.write_text("\n".join(["day;amount;other", *lines, "2024-01-05;-1.000,00;none", ""]))
    code = """
chunks = list(pd.read_csv(path, chunksize=2))
print(round(sum(c.amount.sum() for c in chunks), 2), [str(c.other.dtype) for c in chunks])
with pd.read_csv(path, iterator=True) as reader:
    print(reader.get_chunk(3).amount.sum())
"""

    assert in_pandas(code, path) == (
        "Column 'other': amounts in some chunks, and texts that are no amounts in others, where it "
        "stays text.\n3012.0 ['float64', 'float64', 'str']\n3007.5\n"
    )


def test_what_the_caller_states_about_a_text_counts(tmp_path, in_pandas):
    path = tmp_path / "bank.csv"
    path.write_bytes("a;b\nMüller;1,5\n".encode("cp1252"))
    code = """
print(pd.read_csv(path, sep=";").b[0], pd.read_csv(path, sep="|").shape,
      pd.read_csv(path, encoding="cp850").a[0] == "Müller", pd.read_csv(path, dtype=str).b[0])
"""

    assert in_pandas(code, path) == "1,5 (1, 1) False 1,5\n"


def test_plain_text_gives_exactly_what_pandas_gives(tmp_path, in_pandas):
    path = tmp_path / "plain.csv"
    path.write_text('id,amount,text\n001,"1,250.00",NA\n002,3,x\n')
    code = """
plain = pd.read_csv.__wrapped__
for options in ({}, {"dtype": str}, {"nrows": 1}, {"index_col": 0}, {"usecols": ["id"]}):
    pd.testing.assert_frame_equal(pd.read_csv(path, **options), plain(path, **options))
print(len(pd.read_csv(path, chunksize=1).read()), sum(len(c) for c in pd.read_csv(path, chunksize=1)))
"""

    in_pandas(code, path)


def test_read_csv_reads_a_workbook_that_is_named_csv(tmp_path, in_pandas):
    path = tmp_path / "really.csv"
    odd_files.usual(path)

    frame = json.loads(in_pandas("f = pd.read_csv(path)\n" + SHOWN, path))

    assert frame == EXPECTED
