"""What the agent accepts at most: requests, parameters, files to hash."""

import pytest

from agent.budget import TurnBudget
from agent.cells.file_hashes import HASHED_BYTES, FileHashes
from agent.errors import InvalidRequest
from agent.parameters import MAX_PARAMETERS, parameters_problem
from agent.turn.run import check_request
from container.workspace.workspace import Workspace

pytestmark = pytest.mark.check


def test_a_request_over_its_limit_is_refused_with_both_sizes():
    budget = TurnBudget(request_bytes=2048)

    assert check_request(" x" + "ä" * 1000, budget).startswith("x")
    with pytest.raises(InvalidRequest, match="3 KB long; the limit is 2 KB"):
        check_request("ä" * 1600, budget)


def test_more_parameters_than_a_reader_can_take_in_are_refused():
    most = {f"p{number}": number for number in range(MAX_PARAMETERS)}

    assert parameters_problem(most) == ""
    assert "more than 30 parameters" in parameters_problem({**most, "one_more": 1})


def test_a_file_over_the_limit_is_known_by_its_size(tmp_path):
    workspace = Workspace.create(tmp_path / "workspace")
    for name, size in (("huge", HASHED_BYTES + 1), ("small", 3)):
        with (workspace.directory / "outputs" / name).open("wb") as file:
            file.truncate(size)

    found, _ = FileHashes().snapshot(workspace)

    assert found["outputs/huge"] == f"size:{HASHED_BYTES + 1}"
    assert len(found["outputs/small"]) == 64
