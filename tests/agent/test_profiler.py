"""Profiles are read several at a time, once per content, and kept for the next start."""

import asyncio
import json

import pytest

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
