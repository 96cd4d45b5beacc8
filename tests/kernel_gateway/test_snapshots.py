"""A snapshot of the variables brings them back: after an undo, and when the kernel is lost."""

import base64
import shutil
from dataclasses import replace

import pytest

from kernel_gateway.events.kinds import KINDS
from tests.branching import branch
from tests.kernel_gateway.test_network import allowed
from tests.kernel_gateway.test_replayed_permission import allow
from tests.kernel_gateway.test_undo import cell, undo, write
from tests.network_servers import http_server

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


async def test_a_lost_kernel_comes_back_and_the_reply_names_the_variables(running):
    conversation = await running.conversation()
    await run(conversation, FRAME, "x = 1")
    before = len(conversation.cells())
    await lose_the_kernel(conversation)

    reply = await conversation.execute("print(x, frame.shape)")
    await settled(conversation)

    assert reply["outputs"][0]["text"] == "1 (100000, 4)\n"
    assert reply["variables"] == {
        "restored": ["frame", "x"], "recomputed": [], "uncertain": [], "lost": [], "gone": [],
        "pending": "",
    }  # fmt: skip
    assert len(conversation.cells()) == before + 1
    assert "variables" not in await conversation.execute("x")
    for event in conversation.events:
        KINDS[event["kind"]].model_validate(event["data"])


async def test_cells_after_the_snapshot_run_again_with_the_files_of_that_time(running):
    conversation = await running.conversation()
    await run(
        conversation, "import random\nlucky = random.random()\n" + write("outputs/a.txt", "1")
    )
    lucky = await conversation.printed("print(lucky)")
    path = await settled(conversation)
    path.snapshots.limits = replace(path.snapshots.limits, least_seconds=1e9)  # no more of them
    await cell(conversation, "text = open('outputs/a.txt').read()")
    await cell(conversation, write("outputs/a.txt", "2"))
    await lose_the_kernel(conversation)

    assert await conversation.printed("print(lucky)") == lucky
    assert await conversation.printed("print(text, open('outputs/a.txt').read())") == "1 2\n"
    [restored] = conversation.of_kind("context.restored")
    assert (restored["covered"], restored["replayed"], restored["complete"]) == (2, 2, True)
    assert restored["restored"] == ["lucky", "random"]


async def test_what_a_snapshot_lacks_comes_from_running_only_the_cells_that_make_it(running):
    conversation = await running.conversation()
    await run(
        conversation,
        "import random\nlucky = random.random()",
        "top = 3\nother = lucky",
        "numbers = (n for n in range(top))\nnext(numbers)",
    )
    lucky = await conversation.printed("print(lucky)")
    await settled(conversation)
    await lose_the_kernel(conversation)

    reply = await conversation.execute("print(lucky, other)\nprint(list(numbers))")

    assert reply["outputs"][0]["text"] == f"{lucky.strip()} {lucky.strip()}\n[1, 2]\n"
    assert "numbers" in reply["variables"]["recomputed"]
    assert {"lucky", "other", "top"} <= set(reply["variables"]["restored"])


async def test_a_change_of_a_library_is_made_again(running):
    conversation = await running.conversation()
    await run(conversation, "import pandas as pd", "frame = pd.DataFrame({'a': [1]})")
    await allow(conversation, "always", "pd.DataFrame.double = lambda self: self * 2")
    await settled(conversation)
    await lose_the_kernel(conversation)

    assert await conversation.printed("print(frame.double().iloc[0, 0])") == "2\n"
    [restored] = conversation.of_kind("context.restored")
    assert (restored["covered"], restored["replayed"]) == (3, 2)


@pytest.mark.parametrize("damage", ["other", "short", "gone", "record", "foreign"])
async def test_a_damaged_or_foreign_snapshot_is_refused_and_the_cells_run_again(running, damage):
    conversation = await running.conversation()
    await run(conversation, FRAME)
    path = await settled(conversation)
    await lose_the_kernel(conversation)
    files = sorted(path.snapshots.directory.iterdir(), key=lambda file: file.stat().st_size)
    record, largest = next(file for file in files if file.suffix == ".json"), files[-1]
    match damage:
        case "other":
            replaced = largest.with_name("new")
            replaced.write_bytes(b"\0" * largest.stat().st_size)
            replaced.replace(largest)
        case "short":
            largest.write_bytes(largest.read_bytes()[:-1])
        case "gone":
            largest.unlink()
        case "record":
            record.write_bytes(record.read_bytes().replace(b'"frame"', b'"fRame"', 1))
        case "foreign":
            path.snapshots._owner = "another/conversation/main"

    reply = await conversation.execute("print(frame.iloc[-1, -1])")

    assert reply["outputs"][0]["text"] == "399999.0\n"
    assert (reply["variables"]["restored"], reply["variables"]["lost"]) == ([], [])
    assert conversation.of_kind("context.restored")[0]["replayed"] == 1


async def test_a_branch_begins_with_the_snapshots_of_its_path(running):
    conversation = await running.conversation()
    [first, _] = await run(conversation, "import random\nlucky = random.random()", "lucky = 0")
    _, what_if = await branch(running, conversation, source_turn_id=first)

    reply = await what_if.execute("print(0 < lucky < 1)")

    assert reply["outputs"][0]["text"] == "True\n"
    assert reply["variables"]["restored"] == ["lucky"]


async def test_a_new_service_reads_sealed_snapshots(start_gateway):
    settings = {
        "snapshot_mb": 500, "snapshot_after_seconds": 0, "keep_kernels_seconds": 0,
        "blob_key": base64.b64encode(b"k" * 32).decode(),
    }  # fmt: skip
    running = await start_gateway([], **settings)
    conversation = await running.conversation()
    await run(conversation, FRAME + "\nsecret = 'a very secret word'")
    path = await settled(conversation)
    assert all(b"very secret" not in f.read_bytes() for f in path.snapshots.directory.iterdir())
    await running.gateway.services.contexts.aclose()

    made = running.gateway.services.contexts
    made._paths.drop(conversation.key)
    reply = await conversation.execute("print(secret, frame.shape)")

    assert reply["outputs"][0]["text"] == "a very secret word (100000, 4)\n"
    assert reply["variables"]["restored"] == ["frame", "secret"]


async def test_without_room_there_is_no_snapshot_and_the_cells_run_again(start_gateway):
    running = await start_gateway([], snapshot_mb=0.5, snapshot_after_seconds=0)
    conversation = await running.conversation()
    await cell(conversation, FRAME)
    contexts = running.gateway.services.contexts
    path = await contexts.open(conversation.key)
    await contexts.snapshots.settled(path)
    assert "larger than a snapshot may be" in path.snapshot_state.problem
    await lose_the_kernel(conversation)

    reply = await conversation.execute("print(frame.shape)")

    assert reply["variables"]["recomputed"] == ["frame"]
    assert path.snapshots.known() == []


async def test_variables_that_a_snapshot_has_already_are_not_written_again(running):
    conversation = await running.conversation()
    [first, _] = await run(conversation, FRAME, "frame = None")
    path = await settled(conversation)
    before = [made.id for made in path.snapshots.known()]

    await undo(conversation, to=first)
    await settled(conversation)

    assert [made.id for made in path.snapshots.known()] == before


async def test_deleting_all_checkpoints_deletes_the_snapshots_too(running):
    conversation = await running.conversation()
    await run(conversation, FRAME)
    path = await settled(conversation)
    assert path.snapshots.known()

    await running.client._fetch("DELETE", f"{conversation.url}/history")

    assert list(path.snapshots.directory.iterdir()) == []


async def test_switched_off_no_snapshot_is_made(start_gateway):
    running = await start_gateway([], snapshot_mb=0, snapshot_after_seconds=0)
    conversation = await running.conversation()
    await cell(conversation, FRAME)
    path = await settled(conversation)

    assert not path.snapshots.directory.exists()


async def test_a_restored_path_gets_recorded_responses_and_never_calls_again(start_gateway):
    with http_server() as server:
        running = await start_gateway([], network_private="127.0.0.0/8")
        conversation = await running.conversation()
        code = f'import requests\ncount = requests.get("{server.url}/v1/count").text'
        await allowed(conversation, code)
        await cell(conversation, "double = count * 2")
        calls = len(server.paths)
        await lose_the_kernel(conversation)

        reply = await conversation.execute("print(count, double)")

        assert reply["outputs"][0]["text"] == "1 11\n"
        assert len(server.paths) == calls


async def test_a_variable_whose_response_is_not_stored_is_named_lost(start_gateway):
    with http_server() as server:
        running = await start_gateway([], network_private="127.0.0.0/8")
        conversation = await running.conversation()
        code = f'import requests\ncount = requests.get("{server.url}/v1/count").text'
        await allowed(conversation, code)
        path = await running.gateway.services.contexts.open(conversation.key)
        shutil.rmtree(path.blobs.directory)
        calls = len(server.paths)
        await lose_the_kernel(conversation)

        reply = await conversation.execute("1")

        assert "count" in reply["variables"]["lost"]
        assert len(server.paths) == calls
