"""Two workbooks are compared in a sandbox, whatever they are."""

import io

import pytest
from openpyxl import Workbook

from agent.checks.comparison import compare_contents, compare_in_sandbox


def workbook(*rows):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
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
    rows = [["Id", "Text", "Amount"], *([n, f"text {n}", n * 1.37] for n in range(40_000))]
    changed = [list(row) for row in rows]
    changed[777][2] = 1
    del changed[30_000]

    found = await compare_contents(
        ("before.xlsx", workbook(*rows)), ("after.xlsx", workbook(*changed))
    )

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
