"""A snapshot of the variables brings them back: after an undo, and when the kernel is lost."""

import pytest

from tests.kernel_gateway.test_undo import cell, undo, write

FRAME = (
    "import pandas as pd, numpy as np\nframe = pd.DataFrame(np.arange(400_000.0).reshape(-1, 4))"
)


@pytest.fixture
async def running(start_gateway):
    return await start_gateway([], snapshot_mb=500, snapshot_after_seconds=0)


async def settled(conversation):
    """Wait until no snapshot of the conversation is being made."""
    contexts = conversation.running.gateway.services.contexts
    path = await contexts.open(conversation.key)
    await contexts.snapshots.settled(path)
    path.snapshot_state.cost_seconds = 0.0  # the next one is made too
    assert path.snapshot_state.problem == ""
    return path


async def lose_the_kernel(conversation):
    await conversation.running.gateway.services.contexts.terminate(conversation.key)


async def run(conversation, *codes):
    """Run *codes* and have a snapshot made after each; return their turns."""
    turns = []
    for code in codes:
        turns.append(await cell(conversation, code))
        await settled(conversation)
    return turns


async def test_an_undo_takes_the_variables_from_the_snapshot_and_runs_no_cell(running):
    conversation = await running.conversation()
    [first, _] = await run(conversation, FRAME + "\n" + write("outputs/a.txt", "1"), "frame += 1")

    reply = await undo(conversation, to=first)

    [restored] = conversation.of_kind("context.restored")
    assert (restored["replayed"], restored["covered"]) == (0, 1)
    assert reply["variables"]["restored"] == ["frame"]
    assert "Variables restored from a snapshot: 'frame'" in reply["answer"]
    assert await conversation.printed("print(frame.shape, frame.iloc[-1, -1])") == (
        "(100000, 4) 399999.0\n"
    )
