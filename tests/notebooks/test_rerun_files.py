"""A re-run says which recorded files it could not compare, and never calls that reproduced."""

import hashlib
import json
import shutil
import zipfile

import pytest
import xlsxwriter
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.formula import ArrayFormula

from notebooks.errors import InputMissing
from notebooks.record.cells import CellIntent, Execution, Provenance, new_cell_id
from notebooks.record.recorder import NOTEBOOK, Recorder
from notebooks.rerun.compare_files import file_difference
from tests.notebooks.records import rerun

MAKES = (
    "from openpyxl import Workbook\nb = Workbook()\n"
    "b.active.append(['Sales']); b.active.append([limit])\nb.save('outputs/made.xlsx')"
)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def save(path, *rows):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    path.parent.mkdir(exist_ok=True)
    book.save(path)
    return path


async def test_produced_workbooks_are_compared_by_value(record, tmp_path):
    save(tmp_path / "outputs" / "made.xlsx", ["Sales"], [9])
    notebook = await record((MAKES, "ok", []))

    differs = await rerun(notebook)
    same = await rerun(notebook, parameters={"limit": 9})

    assert differs.files[0].detail == "Sheet!A2: '9' became '10'"
    assert same.files[0].verdict == "reproduced"


async def test_without_outputs_nothing_that_was_produced_is_reproduced(record):
    notebook = await record((MAKES, "ok", []))

    report = await rerun(notebook)

    assert report.verdict == "incomplete"
    assert report.files[0].name == "outputs/made.xlsx"
    assert "no outputs/ beside the notebook" in report.files[0].detail


async def test_without_outputs_every_file_the_record_names_is_said_to_be_missing(record):
    after = {"outputs/made.xlsx": "1" * 64, "outputs/sub/other.csv": "2" * 64, "scratch": "3" * 64}
    notebook = await record(("1 + 1;", "ok", []), files_after=after)

    report = await rerun(notebook)

    assert report.verdict == "incomplete"
    assert [file.name for file in report.files] == ["outputs/made.xlsx", "outputs/sub/other.csv"]
    assert all("the recorded file is missing" in file.detail for file in report.files)


async def test_a_refused_last_cell_does_not_hide_that_recorded_files_are_missing(tmp_path):
    recorder = Recorder.open(tmp_path, conversation="c", path="main")
    for source, execution in (
        ("1 + 1;", Execution(outcome="ok", files_after={"outputs/made.xlsx": "1" * 64})),
        ("import os", Execution(outcome="blocked")),
    ):
        why = Provenance(turn_id="t")
        await recorder.commit(
            CellIntent(id=new_cell_id(), source=source, provenance=why), execution
        )

    report = await rerun(tmp_path / NOTEBOOK)

    assert report.verdict == "incomplete"


async def test_a_file_the_record_names_that_is_not_there_is_said(record, tmp_path):
    made = save(tmp_path / "outputs" / "made.xlsx", ["Sales"], [10])
    after = {"outputs/made.xlsx": sha256(made), "outputs/gone.csv": "2" * 64}
    notebook = await record((MAKES, "ok", []), files_after=after)

    report = await rerun(notebook)

    assert [(file.name, file.verdict) for file in report.files] == [
        ("outputs/gone.csv", "incomplete"),
        ("outputs/made.xlsx", "reproduced"),
    ]
    assert report.verdict == "incomplete"


async def test_a_file_that_only_one_of_the_two_has_differs(record, tmp_path):
    kept = tmp_path / "outputs" / "kept.csv"
    kept.parent.mkdir()
    kept.write_text("a\n")
    (kept.parent / "~$stray.xlsx").write_text("not of the record")
    notebook = await record((MAKES, "ok", []), files_after={"outputs/kept.csv": sha256(kept)})

    report = await rerun(notebook)

    assert [(file.name, file.detail) for file in report.files] == [
        ("outputs/kept.csv", "the re-run did not produce it"),
        ("outputs/made.xlsx", "the record has no such file"),
    ]
    assert report.verdict == "differs"


async def test_a_file_that_was_saved_again_is_compared_and_said_to_be_another(record, tmp_path):
    save(tmp_path / "outputs" / "made.xlsx", ["Sales"], [10])
    notebook = await record((MAKES, "ok", []), files_after={"outputs/made.xlsx": "1" * 64})

    report = await rerun(notebook)

    assert report.files[0].verdict == "reproduced"
    assert "whose sha256 the record has not" in report.files[0].detail


async def test_without_inputs_the_missing_names_are_said(record):
    notebook = await record(files_before={"inputs/a.csv": "0" * 64, "inputs/b.csv": "0" * 64})

    with pytest.raises(InputMissing, match=r"a\.csv, b\.csv"):
        await rerun(notebook)


async def test_an_input_of_a_later_request_that_is_not_there_is_said(record, tmp_path):
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "a.csv").write_text("a")
    before = {"inputs/a.csv": sha256(tmp_path / "inputs" / "a.csv"), "inputs/b.csv": "0" * 64}
    notebook = await record(("1 + 1;", "ok", []), files_before=before, files_after=before)

    report = await rerun(notebook)

    assert [(file.name, file.verdict) for file in report.files] == [("inputs/b.csv", "incomplete")]
    assert (report.verdict, report.changed) == ("incomplete", False)


async def test_a_renamed_input_is_found_by_its_content_and_said(record, tmp_path):
    """A name that differs in case or Unicode normalization only is the same name."""
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "renamed.csv").write_text("a")
    (tmp_path / "inputs" / "B.csv").write_text("other")
    before = {"inputs/a.csv": sha256(tmp_path / "inputs" / "renamed.csv"), "inputs/b.csv": "0" * 64}
    code = "print(open('inputs/a.csv').read(), open('inputs/b.csv').read())"
    printed = {"output_type": "stream", "name": "stdout", "text": "a other\n"}
    notebook = await record((code, "ok", [printed]), files_before=before)

    report = await rerun(notebook)

    assert [cell.verdict for cell in report.cells][-1] == "reproduced"
    assert [(file.name, file.verdict, file.detail) for file in report.files] == [
        ("inputs/a.csv", "reproduced", "'renamed.csv' was taken for it"),
        ("inputs/b.csv", "reproduced", "'B.csv' was taken for it"),
    ]
    assert report.replaced_inputs == ("b.csv",)


async def test_where_other_input_files_are_named_the_recorded_ones_are_not_missed(record, tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    (given / "new.csv").write_text("a")
    notebook = await record(
        ("1 + 1;", "ok", []),
        parameters="input_files = ['old.csv']",
        files_before={"inputs/old.csv": "0" * 64},
    )

    report = await rerun(notebook, inputs=given, parameters={"input_files": '["new.csv"]'})

    assert (report.verdict, report.changed) == ("reproduced", True)


async def test_an_input_that_is_not_the_recorded_one_is_named(record, tmp_path):
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "a.csv").write_text("a")
    (tmp_path / "inputs" / "big.csv").write_text("bb")
    before = {"inputs/a.csv": "0" * 64, "inputs/big.csv": "size:2"}
    notebook = await record(("1 + 1;", "ok", []), files_before=before)

    report = await rerun(notebook)

    assert report.replaced_inputs == ("a.csv",)
    assert report.changed


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        (0.1 + 0.2, 0.3, ""),
        (0.3, 0.3000001, "Sheet!A1: '0.3' became '0.3000001'"),
        (1, 1.0, ""),
        (True, 1, "Sheet!A1: 'True' became '1'"),
        ("1", 1, "Sheet!A1: '1' became '1'"),
        ("=SUM(B1:B2)", "=SUM(B1:B3)", "Sheet!A1: '=SUM(B1:B2)' became '=SUM(B1:B3)'"),
        (None, "x", "Sheet!A1: '' became 'x'"),
    ],
)
def test_cell_values_are_compared_with_a_tolerance(tmp_path, one, other, difference):
    first = save(tmp_path / "one.xlsx", [one, "end"])
    second = save(tmp_path / "other.xlsx", [other, "end"])

    assert file_difference(first, second) == difference


def test_an_array_formula_is_compared_by_range_and_text(tmp_path):
    def made(name, formula):
        book = Workbook()
        book.active["A1"] = ArrayFormula("A1:A2", formula)
        book.active["B1"] = name
        book.active["B1"] = None
        book.save(tmp_path / name)
        return tmp_path / name

    first, same = made("one.xlsx", "=B1:B2*2"), made("same.xlsx", "=B1:B2*2")
    other = made("other.xlsx", "=B1:B2*3")

    assert file_difference(first, same) == ""
    assert "A1" in file_difference(first, other)


def test_text_files_are_compared_line_by_line_with_a_tolerance(tmp_path):
    (tmp_path / "a.csv").write_text("n,v\nx,0.30000000000000004\n")
    (tmp_path / "b.csv").write_text("n,v\nx,0.3\n")
    (tmp_path / "c.csv").write_text("n,v\ny,0.3\n")

    assert file_difference(tmp_path / "a.csv", tmp_path / "b.csv") == ""
    assert "line 2: " in file_difference(tmp_path / "a.csv", tmp_path / "c.csv")


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + b"\0" * 18, b"no workbook"])
def test_a_workbook_that_cannot_be_read_is_said(tmp_path, content):
    good = save(tmp_path / "good.xlsx", [1])
    (tmp_path / "bad.xlsx").write_bytes(content)

    assert "can't be read" in file_difference(good, tmp_path / "bad.xlsx")


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml"])
def test_a_workbook_with_a_broken_part_is_said(tmp_path, part):
    good = save(tmp_path / "good.xlsx", [1])
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(tmp_path / "bad.xlsx", "w") as bad:
        for name in source.namelist():
            bad.writestr(name, "<broken" if name == part else source.read(name))

    assert "can't be read" in file_difference(good, tmp_path / "bad.xlsx")


async def test_a_record_of_any_shape_is_run(tmp_path):
    facts = [{"files_before": ["x"], "files_after": "x", "outputs": 1}, "x", None, {"status": 5}]
    cells = [
        {"cell_type": "code", "id": f"c{number}", "metadata": {"tallybook": fact},
         "source": "1", "outputs": [], "execution_count": 1}
        for number, fact in enumerate(facts)
    ]  # fmt: skip
    notebook = tmp_path / "x.ipynb"
    notebook.write_text(
        json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )

    assert (await rerun(notebook)).verdict == "differs"


async def test_a_link_in_outputs_is_not_followed(record, tmp_path):
    (tmp_path / "outputs").mkdir()
    code = "import os\nos.symlink('/etc/hostname', 'outputs/link.txt')"
    notebook = await record((code, "ok", []))

    report = await rerun(notebook)

    assert report.files == ()
    shutil.rmtree(tmp_path / "outputs")


def test_the_order_of_rows_formats_and_objects_count(tmp_path):
    rows = [["Id", "Sales"], *([n, n * 2.5] for n in range(1, 9))]
    one = save(tmp_path / "one.xlsx", *rows)
    turned = save(tmp_path / "turned.xlsx", rows[0], *rows[:0:-1])
    book = load_workbook(one)
    book.active["B2"].number_format = "0.00"
    book.save(tmp_path / "formatted.xlsx")
    book = load_workbook(one)
    book.active.freeze_panes = "A2"
    book.save(tmp_path / "frozen.xlsx")

    assert "another order" in file_difference(one, turned)
    assert file_difference(one, tmp_path / "formatted.xlsx") == (
        "Sheet!B2: number format: 'General' became '0.00'"
    )
    assert file_difference(one, tmp_path / "frozen.xlsx") == "Sheet: freeze panes added"


def test_an_inserted_row_is_one_difference(tmp_path):
    rows = [["Id", "Sales"], *([n, n * 2.5] for n in range(1, 9))]
    one = save(tmp_path / "one.xlsx", *rows)
    more = save(tmp_path / "more.xlsx", *rows[:4], [99, 1.5], *rows[4:])

    assert file_difference(one, more) == "Sheet!5:5: rows added"


@pytest.mark.parametrize(("formula", "differs"), [("=RAND()", False), ("=B1*2", True)])
def test_values_that_are_others_each_time_do_not_count(tmp_path, formula, differs):
    for name, value in (("one.xlsx", 1), ("other.xlsx", 2)):
        with xlsxwriter.Workbook(tmp_path / name) as book:
            sheet = book.add_worksheet()
            sheet.write("B1", 5)
            sheet.write_formula("A1", formula, None, value)

    assert bool(file_difference(tmp_path / "one.xlsx", tmp_path / "other.xlsx")) is differs


def test_a_workbook_that_holds_something_else_is_said(tmp_path):
    good = save(tmp_path / "good.xlsx", [1])
    (tmp_path / "bad.xlsx").write_text("a,b\n1,2\n")

    assert "it is no workbook" in file_difference(good, tmp_path / "bad.xlsx")
