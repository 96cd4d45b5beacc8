"""What precedes a request: profiles of uploads and of what cells made, names of the rest."""

import pytest

from agent.context.context import MAX_OUTPUT_BYTES, TurnContext, read_profiles, render_context
from agent.context.profiler import Profiler

pytestmark = pytest.mark.check
TABLE = b"Region,Sales\nNorth,1.5\nSouth,2.5\n"


def write(workspace, name, content):
    with workspace.new_output(name) as file:
        file.write(content)


async def test_what_cells_made_is_told_like_uploads(workspace):
    with workspace.add_input("sales.csv") as new:
        new.file.write(TABLE)
    write(workspace, "report.csv", TABLE.replace(b"Sales", b"Total sales"))
    write(workspace, "chart.png", b"\x89PNG")

    profiles, other = await read_profiles(workspace, Profiler())
    text = render_context(TurnContext(profiles=profiles, other_files=other))

    assert list(profiles) == ["inputs/sales.csv", "outputs/report.csv"]
    assert "B 'Total sales': number" in text
    assert "Other files: 'outputs/chart.png'" in text


async def test_a_request_does_not_wait_for_large_outputs(workspace):
    write(workspace, "large.csv", TABLE + b"West,3.5\n" * (MAX_OUTPUT_BYTES // 9 + 1))

    profiles, other = await read_profiles(workspace, Profiler())

    assert (profiles, other) == ({}, ["outputs/large.csv"])
