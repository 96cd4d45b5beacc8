"""Execution contexts: one kernel per path, ended when unused, rebuilt when lost."""

import asyncio
import gc
import json
import os
import signal
import time
from pathlib import Path

import pytest

from container.workspace.copy import put_back, set_aside
from kernel_gateway.contexts.open_path import open_path
from kernel_gateway.contexts.restore import restore
from kernel_gateway.contexts.state import new_context
from kernel_gateway.errors import KernelLimitReached
from kernel_gateway.ids import PathKey
from notebooks.record.cells import CellIntent, Execution, Provenance
from tests.raw_http import Raw


def content(path, name):
    with path.workspace.open_read(name) as file:
        return file.read()


@pytest.fixture
async def running(start_gateway):
    return await start_gateway([])


@pytest.fixture
def contexts(running):
    return running.gateway.services.contexts


async def test_a_hundred_callers_at_once_get_one_kernel(running, contexts):
    conversation = await running.conversation()

    found = await asyncio.gather(*(contexts.get_or_create(conversation.key) for _ in range(100)))

    assert len({context.id for context in found}) == 1
    assert contexts.live_kernels() == 1
    assert found[0].status == "ready"


@pytest.mark.parametrize("moment", ["creating", "ready"])
async def test_a_caller_that_leaves_while_the_kernel_starts_leaves_nothing_behind(
    running, contexts, monkeypatch, moment
):
    conversation = await running.conversation()
    caller = asyncio.create_task(contexts.get_or_create(conversation.key))
    store = contexts._store.put

    async def leave_and_store(context):
        if context.status == moment:
            caller.cancel()
        await store(context)

    monkeypatch.setattr(contexts._store, "put", leave_and_store)
    await asyncio.wait({caller})

    assert caller.cancelled()
    assert (await contexts.context(conversation.key)).status == "terminated"
    assert contexts.live_kernels() == 0
    gc.collect()  # a socket that was left open shows here


async def test_looking_at_a_path_starts_no_kernel(running, contexts):
    conversation = await running.conversation()

    await contexts.open(conversation.key)

    assert contexts.live_kernels() == 0
    assert await contexts.context(conversation.key) is None


async def test_a_use_puts_the_end_off_by_the_whole_time(running, contexts):
    conversation = await running.conversation()
    first = await contexts.get_or_create(conversation.key)
    path = await contexts.open(conversation.key)
    path.context = first.used(first.created_at - 100, 1.0)

    again = await contexts.get_or_create(conversation.key)

    assert again.id == first.id
    assert again.expires_at >= first.expires_at


async def test_what_cells_used_is_kept(running, contexts):
    conversation = await running.conversation()
    await conversation.execute("import time; time.sleep(0.2)")
    await conversation.execute("1")

    usage = (await contexts.context(conversation.key)).resource_usage

    assert usage["cells"] == 2
    assert usage["cell_seconds"] >= 0.2


async def test_a_terminated_context_ends_its_kernel_and_keeps_the_files(running, contexts):
    conversation = await running.conversation()
    await conversation.execute("open('outputs/kept.txt', 'w').write('kept')")
    path = await contexts.open(conversation.key)
    pid = path.live.pid

    ended = await contexts.terminate(conversation.key)

    assert ended.status == "terminated"
    assert not Path(f"/proc/{pid}").exists()
    assert content(path, "outputs/kept.txt") == b"kept"


async def test_a_kernel_that_cannot_start_leaves_a_context_that_says_why(start_gateway):
    running = await start_gateway([], max_kernels=1, kernel_wait_seconds=0)
    contexts = running.gateway.services.contexts
    busy, other = await running.conversation(), await running.conversation()
    await contexts.get_or_create(busy.key)
    (await contexts.open(busy.key)).in_use = 1

    with pytest.raises(KernelLimitReached):
        await contexts.get_or_create(other.key)

    (await contexts.open(busy.key)).in_use = 0


async def test_contexts_a_dead_service_was_creating_are_all_noted_as_terminated(running, contexts):
    keys = [(await running.conversation()).key for _ in range(3)]
    for key in keys:
        await contexts._store.put(new_context(key, "", 1.0, 1e12))

    await contexts.find_living_kernels()

    assert [(await contexts._store.get(key)).status for key in keys] == ["terminated"] * 3


# the limit


async def test_kernels_that_are_started_at_once_keep_to_the_limit(start_gateway):
    running = await start_gateway([], max_kernels=2, kernel_wait_seconds=0)
    contexts = running.gateway.services.contexts
    keys = [(await running.conversation()).key for _ in range(6)]

    found = await asyncio.gather(
        *(contexts.get_or_create(key) for key in keys), return_exceptions=True
    )

    # One that was ready before another came may have been ended for it.
    refused = [answer for answer in found if isinstance(answer, KernelLimitReached)]
    made = [answer for answer in found if not isinstance(answer, BaseException)]
    assert len(refused) + len(made) == 6
    assert refused
    assert contexts.live_kernels() == 2


# clean-up


async def test_expired_contexts_are_ended_up_to_the_limit(start_gateway):
    running = await start_gateway([], context_ttl_seconds=0.5, cleanup_seconds=3600)
    contexts = running.gateway.services.contexts
    await running.gateway.services.clean_up.aclose()
    for _ in range(3):
        await contexts.get_or_create((await running.conversation()).key)
    await asyncio.sleep(0.6)

    first, rest = await contexts.cleanup_expired(limit=2), await contexts.cleanup_expired()

    assert (first.done, rest.done) == (2, 1)
    assert contexts.live_kernels() == 0


async def test_a_context_that_cannot_be_ended_does_not_keep_the_others(start_gateway):
    running = await start_gateway([], context_ttl_seconds=0.3, cleanup_seconds=3600)
    contexts = running.gateway.services.contexts
    await running.gateway.services.clean_up.aclose()
    damaged = await running.conversation()
    damaged.notebook.parent.mkdir(parents=True)
    damaged.notebook.write_text("damaged")
    await contexts._store.put(new_context(damaged.key, "", 0.0, 1.0))
    for _ in range(3):
        await contexts.get_or_create((await running.conversation()).key)
    await asyncio.sleep(0.4)

    first, second, rest = [await contexts.cleanup_expired(limit) for limit in (2, 1, 50)]

    assert (first.done, first.failed) == (1, 1)
    assert (second.done, second.failed) == (1, 0)  # the others come first
    assert (rest.done, rest.failed) == (1, 0)


async def test_a_context_in_use_is_given_its_whole_time_again(running, contexts):
    conversation = await running.conversation()
    await contexts.get_or_create(conversation.key)
    path = await contexts.open(conversation.key)
    path.context = path.context.used(0.0, 1.0)
    await contexts._store.put(path.context)
    path.in_use += 1

    done = await contexts.cleanup_expired()

    assert (done.done, done.failed) == (0, 0)
    assert contexts.live_kernels() == 1
    assert (await contexts._store.get(conversation.key)).expires_at > time.time()


async def test_a_context_that_took_an_expired_ones_place_is_not_ended_for_it(running, contexts):
    conversation = await running.conversation()
    present = await contexts.get_or_create(conversation.key)
    await contexts._store.put(new_context(conversation.key, "", 0.0, 1.0))

    done = await contexts.cleanup_expired()

    assert (done.done, contexts.live_kernels()) == (0, 1)
    assert (await contexts._store.get(conversation.key)).id == present.id


async def test_the_clean_up_may_be_asked_for_by_admins_and_by_a_scheduler_with_the_secret(
    start_gateway,
):
    running = await start_gateway([], cron_secret="a-secret-of-the-scheduler")
    address, nobody = "/api/v1/admin/cleanup", Raw(running)
    nobody.headers = {}
    scheduler = Raw(running)
    scheduler.headers = {"X-Cron-Secret": "a-secret-of-the-scheduler"}
    wrong = Raw(running)
    wrong.headers = {"X-Cron-Secret": "another-secret-altogether"}

    assert (await nobody("POST", address, "{}")).code == 401
    assert (await wrong("POST", address, "{}")).code == 401
    assert (await Raw(running)("POST", address, "{}")).code == 200
    answer = json.loads((await scheduler("POST", address, '{"limit": 10}')).body)
    assert answer == {
        "ended": 0,
        "failed": 0,
        "removed_conversations": 0,
        "removed_uploads": 0,
    }


# state beyond the kernel


async def lose_kernel(running, conversation):
    path = await running.gateway.services.contexts.open(conversation.key)
    pid = path.live.pid
    os.kill(pid, signal.SIGKILL)
    while path.live is not None:
        await asyncio.sleep(0.02)


async def test_variables_of_a_lost_kernel_are_rebuilt_and_it_is_told(running):
    conversation = await running.conversation()
    await conversation.execute("import pandas as pd\nframe = pd.DataFrame({'a': [1, 2, 3]})")
    await conversation.execute("total = int(frame.a.sum())")
    await lose_kernel(running, conversation)

    assert await conversation.printed("print(total, len(frame))") == "6 3\n"
    progress = [(f["done"], f["of"]) for f in conversation.of_kind("context.restoring")]
    [restored] = conversation.of_kind("context.restored")
    assert progress == [(0, 2), (1, 2)]
    assert (restored["replayed"], restored["complete"]) == (2, True)


async def test_an_expired_context_is_restored_by_the_next_turn(running, contexts):
    conversation = await running.conversation()
    await conversation.execute("x = 41")
    await contexts.terminate(conversation.key)

    assert await conversation.printed("print(x + 1)") == "42\n"


async def test_replay_writes_no_cell_twice_into_the_notebook(running, contexts):
    conversation = await running.conversation()
    await conversation.execute("print('once')")
    await contexts.terminate(conversation.key)
    await conversation.execute("2")

    code = ["".join(c["source"]) for c in conversation.cells() if c["cell_type"] == "code"]
    assert code == ["print('once')", "2"]


async def test_files_are_untouched_by_a_replay(running, contexts):
    conversation = await running.conversation()
    await conversation.execute(
        "with open('outputs/log.txt', 'a') as f: f.write('line\\n')\n"
        "from pathlib import Path\nPath('inputs/x').exists() and Path('inputs/x').write_text('!')"
    )
    path = await contexts.open(conversation.key)
    with path.workspace.add_input("x") as new:
        new.file.write(b"uploaded later")
    before = {f.name: (f.version, path.workspace.sha256(f.name)) for f in path.workspace.files()}
    await contexts.terminate(conversation.key)

    await conversation.execute("1")

    after = {f.name: (f.version, path.workspace.sha256(f.name)) for f in path.workspace.files()}
    assert {n: h for n, (_, h) in after.items()} == {n: h for n, (_, h) in before.items()}
    assert content(path, "outputs/log.txt") == b"line\n"
    assert not path.set_aside.exists()


async def test_what_could_not_be_rebuilt_is_said(running, contexts):
    conversation = await running.conversation()
    await conversation.execute("import time\nprint(time.time_ns())")
    await conversation.execute("lost = 1\nraise ValueError('half done')")
    await contexts.terminate(conversation.key)

    await conversation.execute("1")

    [restored] = conversation.of_kind("context.restored")
    assert restored["complete"] is False
    assert len(restored["differs"]) == 1
    assert "recorded as error" in restored["not_replayed"][0]["reason"]


async def test_a_cell_that_kills_the_kernel_when_replayed_is_left_out_the_next_time(
    running, contexts
):
    conversation = await running.conversation()
    await conversation.execute("before = 1")
    trap = (
        "from pathlib import Path\nimport faulthandler\n"
        "if Path('inputs/trap').exists(): faulthandler._sigsegv()"
    )
    await conversation.connection.send("execute.request", code=trap)
    asked = (await conversation.until("permission.required"))["data"]
    await conversation.connection.send("permission.reply", id=asked["id"], decision="always")
    await conversation.until("turn.finished")
    await conversation.execute("after = 2")
    path = await contexts.open(conversation.key)
    with path.workspace.add_input("trap") as new:
        new.file.write(b"x")
    await contexts.terminate(conversation.key)

    assert await conversation.printed("print(before, after)") == "1 2\n"
    [restored] = conversation.of_kind("context.restored")
    assert "ended when it was replayed" in restored["failed"][0]["reason"]


async def test_files_set_aside_by_a_service_that_died_come_home(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    await conversation.execute("open('outputs/a.txt', 'w').write('precious')")
    home = running.home(conversation.id)
    contexts = running.gateway.services.contexts
    await contexts.forget(conversation.key)
    (home / "set-aside").mkdir()
    (home / "workspace" / "outputs").rename(home / "set-aside" / "outputs")
    (home / "workspace" / "outputs").mkdir()
    (home / "workspace" / "outputs" / "a.txt").write_text("replayed by half")

    path = await contexts.open(conversation.key)

    assert content(path, "outputs/a.txt") == b"precious"
    assert not (home / "set-aside").exists()


LARGE = b"x" * 25_000_000


async def path_with_a_large_input(disk):
    path = open_path(disk / "c" / "main", PathKey("t", "c", "main"), None, None)
    with path.workspace.add_input("large.bin") as new:
        new.file.write(LARGE)
    intent = CellIntent(id="a", source="x = 1", provenance=Provenance(turn_id="t"))
    await path.recorder.commit(intent, Execution(outcome="ok"))
    return path


async def ignore(*facts):
    pass


async def test_a_replay_takes_no_room_for_another_copy_of_the_uploads(small_disk):
    path = await path_with_a_large_input(small_disk(40))

    set_aside(path.workspace, path.set_aside)
    put_back(path.workspace, path.set_aside)

    assert content(path, "inputs/large.bin") == LARGE
    assert not path.set_aside.exists()


async def test_files_that_cannot_be_set_aside_stay_where_they_are(small_disk):
    path = await path_with_a_large_input(small_disk(40))
    path.set_aside.write_text("in the way")

    with pytest.raises(FileExistsError):
        await restore(path, None, ignore, {}, ignore)  # it doesn't come to the kernel

    assert content(path, "inputs/large.bin") == LARGE


async def test_a_disk_too_full_for_what_a_replay_made_brings_every_file_back(small_disk):
    disk = small_disk(40)
    path = await path_with_a_large_input(disk)
    set_aside(path.workspace, path.set_aside)
    (path.workspace.directory / "outputs" / "made.bin").write_bytes(bytes(9_000_000))

    with pytest.raises(OSError, match="No space left"):
        put_back(path.workspace, path.set_aside, ["outputs/made.bin"])

    assert [file.name for file in path.workspace.files()] == ["inputs/large.bin"]
    assert content(path, "inputs/large.bin") == LARGE
    assert not path.set_aside.exists()
