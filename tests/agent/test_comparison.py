"""Two workbooks are compared in a sandbox, whatever they are."""

import io
import random

import pytest
import xlsxwriter

from agent.checks.comparison import compare_contents, compare_in_sandbox
from notebooks.workbooks.compare.workbooks import LARGE_BYTES


def workbook(*rows):
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    file.seek(0)
    return file


async def test_files_of_a_workspace_are_compared(workspace):
    for name, value in (("a.xlsx", 1), ("b.xlsx", 2)):
        with workspace.add_input(name) as new:
            new.file.write(workbook(["Sales"], [value]).getvalue())

    found = await compare_in_sandbox(workspace, "inputs/a.xlsx", "inputs/b.xlsx")

    assert found.counts == {"values": {"edited": 1}}
    assert (found.before, found.after) == ("a.xlsx", "b.xlsx")


async def test_large_files_are_read_at_the_same_time_and_compared_alike():
    made = random.Random(1)
    rows = [["Id", "Text", "Amount"]]
    rows += ([n, made.randbytes(80).hex(), made.random()] for n in range(10_000))
    changed = [list(row) for row in rows]
    changed[777][2] = 1
    del changed[5_000]
    one, other = workbook(*rows), workbook(*changed)
    assert min(len(each.getbuffer()) for each in (one, other)) > LARGE_BYTES

    found = await compare_contents(("before.xlsx", one), ("after.xlsx", other))

    assert found.counts == {"values": {"edited": 1, "removed": 1}}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"%PDF-1.7 no workbook"])
async def test_what_cannot_be_read_gives_a_plain_reason(content):
    found = await compare_contents(("a.xlsx", workbook([1])), ("../b.xlsx", io.BytesIO(content)))

    assert found.problem.file == "after"
    assert found.problem.hint
    assert found.after == "b.xlsx"


@pytest.mark.parametrize("tolerance", [-1, 1, float("nan"), float("inf")])
async def test_a_tolerance_that_is_none_is_refused(workspace, tolerance):
    with pytest.raises(ValueError, match="tolerance"):
        await compare_in_sandbox(workspace, "a", "b", tolerance=tolerance)


async def test_a_result_that_is_too_long_to_hand_out_lists_less_and_counts_all():
    """Letters outside the basic plane take twelve characters of JSON each."""
    before, after = (
        [["Key"], *([f"{n}", sign * 200] for n in range(3000))] for sign in "\U0001f4c8\U0001f4c9"
    )

    found = await compare_contents(
        ("a.xlsx", workbook(*before)), ("b.xlsx", workbook(*after)), most=2000
    )

    assert found.counts == {"values": {"edited": 3000}}
    assert len(found.differences) + found.more["values"] == 3000
    assert found.differences
