"""The model can see which files changed when; it can't undo anything."""

import pytest

from agent.ports import ToolCall
from agent.tools.registry import call_tool
from agent.tools.tool import Reach
from notebooks.history.blobs import Blobs
from notebooks.history.checkpoints import Checkpoints, Retention
from tests.notebooks.history.contents import present


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path, Blobs(tmp_path / ".blobs", None, 10**6), Retention())


async def ask(checkpoints, **arguments):
    reach = Reach(workspace=None, profiler=None, checkpoints=checkpoints)
    return await call_tool(ToolCall("workbook_history", arguments), reach)


async def test_checkpoints_are_listed_newest_first_with_what_changed(checkpoints):
    first, _ = checkpoints.add(present(a="1"), turn="t1")
    second, _ = checkpoints.add(present(a="2", **{"b\n": "b"}), turn="t2")

    every = (await ask(checkpoints))["result"].splitlines()
    of_b = (await ask(checkpoints, file="B"))["result"]

    assert [line.partition(",")[0] for line in every[1:]] == [second.id, first.id]
    assert every[1].endswith("added 'b\\n'; changed 'a'")
    assert second.id in of_b
    assert first.id not in of_b


async def test_without_checkpoints_it_says_so(checkpoints, tmp_path):
    off = Checkpoints(tmp_path, Blobs(tmp_path / ".none", None, 0), Retention())

    assert (await ask(checkpoints, file="x"))["result"].startswith("There is no checkpoint")
    assert (await ask(off))["status"] == "error"
    assert (await ask(None))["status"] == "error"
