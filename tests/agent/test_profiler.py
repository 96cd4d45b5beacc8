"""Profiles are read several at a time, once per content, and kept for the next start."""

import asyncio
import json
import zipfile

import pytest
import xlsxwriter

from agent.checks.formula_values import office_installed
from agent.context.profiler import Profiler
from container.errors import WorkspaceFileNotFound
from container.workspace.workspace import Workspace

SMALL = b"Region,Sales\nNorth,1\nSouth,2\n"


def add(workspace, name, content):
    with workspace.add_input(name) as new:
        new.file.write(content)
    [file] = [f for f in workspace.files("inputs") if f.name == f"inputs/{name}"]
    return file


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "profiles"


async def test_a_small_file_does_not_wait_for_a_large_one_of_another_user(tmp_path, workspace):
    other = Workspace.create(tmp_path / "other")
    profiler = Profiler(at_once=2)
    large = add(workspace, "large.csv", b"a,b,c\n" + b"1,2.5,text\n" * 1_500_000)
    small = add(other, "small.csv", SMALL)

    slow = asyncio.create_task(profiler.profile(workspace, large))
    fast = asyncio.create_task(profiler.profile(other, small))
    done, _ = await asyncio.wait({slow, fast}, return_when=asyncio.FIRST_COMPLETED)

    assert done == {fast}
    await slow


async def test_callers_at_the_same_moment_cause_one_reading(workspace):
    profiler = Profiler()
    file = add(workspace, "a.csv", SMALL)

    first, second = await asyncio.gather(*(profiler.profile(workspace, file) for _ in range(2)))

    assert first is second


async def test_a_caller_that_leaves_does_not_end_the_reading_for_another(workspace):
    profiler = Profiler()
    file = add(workspace, "a.csv", SMALL)

    leaving = asyncio.create_task(profiler.profile(workspace, file))
    staying = asyncio.create_task(profiler.profile(workspace, file))
    await asyncio.sleep(0)
    leaving.cancel()

    assert (await staying)["sheets"][0]["data_rows"] == 2


async def test_the_same_content_is_not_read_again_after_a_restart(tmp_path, workspace, kept):
    await Profiler(lambda _: kept).profile(workspace, add(workspace, "a.csv", SMALL))
    [stored] = kept.iterdir()
    stored.write_text(json.dumps({"sheets": [], "read": "before"}))
    branch = Workspace.create(tmp_path / "branch")

    again = await Profiler(lambda _: kept).profile(branch, add(branch, "renamed.csv", SMALL))

    assert again["read"] == "before"


async def test_a_kept_profile_names_the_file_as_it_is_called_now(tmp_path, workspace, kept):
    await Profiler(lambda _: kept).profile(workspace, add(workspace, "a.csv", SMALL))
    branch = Workspace.create(tmp_path / "branch")

    again = await Profiler(lambda _: kept).profile(branch, add(branch, "renamed.csv", SMALL))

    (table,) = again["sheets"][0]["tables"]
    assert "'inputs/renamed.csv'" in table["recipe"]


async def test_a_kept_profile_that_was_cut_off_is_read_anew(workspace, kept):
    file = add(workspace, "a.csv", SMALL)
    first = await Profiler(lambda _: kept).profile(workspace, file)
    [stored] = kept.iterdir()
    stored.write_text('{"sheets": [')

    assert await Profiler(lambda _: kept).profile(workspace, file) == first


async def test_a_file_that_went_away_is_an_error_and_is_looked_for_again(workspace, kept):
    profiler = Profiler(lambda _: kept)
    file = add(workspace, "a.csv", SMALL)
    (workspace.directory / "inputs" / "a.csv").unlink()

    for _ in range(2):
        with pytest.raises(WorkspaceFileNotFound):
            await profiler.profile(workspace, file)


def broken_styles(path, styles):
    """Return a workbook of 51 rows whose styles break off: no reader here accepts that."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Ledger")
        sheet.write_row(0, 0, ["Customer", "Amount"])
        for row in range(1, 51):
            sheet.write_row(row, 0, [f"Customer {row}", row])
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    with zipfile.ZipFile(path, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content[:200] if name in styles else content)
    return path.read_bytes()


async def test_what_libreoffice_reads_of_a_damaged_workbook_becomes_a_file_beside_it(
    tmp_path, workspace
):
    assert office_installed(), "LibreOffice is missing: .ci/setup test installs it"
    content = broken_styles(tmp_path / "x.xlsx", ["xl/styles.xml"])
    file, profiler = add(workspace, "ledger.xlsx", content), Profiler()

    first, second = await asyncio.gather(*(profiler.profile(workspace, file) for _ in range(2)))

    problem = first["problem"]
    names = [each.name for each in workspace.files("inputs")]
    assert second == first
    assert problem["code"] == "damaged"
    assert f"that is in {problem['recovered']!r}" in problem["message"]
    assert sorted(names) == sorted(["inputs/ledger.xlsx", problem["recovered"]])
    [recovered] = [each for each in workspace.files("inputs") if each.name != "inputs/ledger.xlsx"]
    [sheet] = (await profiler.profile(workspace, recovered))["sheets"]
    [table] = sheet["tables"]
    assert (sheet["name"], table["data_rows"]) == ("Ledger", 50)
    assert table["columns"][1]["sum"] == 1275
    again = await Profiler().profile(workspace, file)  # after a restart
    assert again["problem"]["recovered"] == problem["recovered"]
    assert len(list(workspace.files("inputs"))) == 2


async def test_bytes_that_are_no_workbook_are_not_read_as_text_by_libreoffice(tmp_path, workspace):
    content = broken_styles(tmp_path / "x.xlsx", ["xl/workbook.xml", "xl/_rels/workbook.xml.rels"])
    files = [
        add(workspace, "cut.xlsx", content),
        add(workspace, "old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"rubbish " * 400),
    ]
    profiler = Profiler()

    found = await asyncio.gather(*(profiler.profile(workspace, file) for file in files))

    assert [each["problem"]["code"] for each in found] == ["damaged", "damaged"]
    assert [each.name for each in workspace.files("inputs")] == [f.name for f in files]
