"""The event log: numbered without gaps, stored before it is seen, whatever fails."""

import asyncio
import gc
import time

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from kernel_gateway.events.log import GATHER_SECONDS, EventLog
from kernel_gateway.events.path_state import PathLog
from kernel_gateway.ids import PathKey
from kernel_gateway.store.database import sqlite_url
from kernel_gateway.store.repository import open_repository

pytestmark = pytest.mark.check


@pytest.fixture
async def repository(tmp_path):
    opened = await open_repository(sqlite_url(tmp_path / "t.db"))
    yield opened
    await opened.aclose()


@pytest.fixture
async def key(repository):
    return PathKey("t", (await repository.conversations.add("t", "u", "c")).id, "main")


async def stored(repository, key):
    return [(e.seq, e.kind) for e in await repository.events.after(key, 0, 10_000)]


async def test_many_writers_at_once_leave_no_gap_and_no_double(repository, key):
    log = EventLog(repository.events)

    await asyncio.gather(*(log.append(key, f"k{i}", {}, None, wait=i % 3 == 0) for i in range(300)))
    await log.aclose()

    assert [seq for seq, _ in await stored(repository, key)] == list(range(1, 301))


async def test_an_awaited_event_is_stored_and_so_are_those_before_it(repository, key):
    log = EventLog(repository.events)
    for kind in ("a", "b"):
        await log.append(key, kind, {}, None, wait=False)

    await log.append(key, "c", {}, None)

    assert await stored(repository, key) == [(1, "a"), (2, "b"), (3, "c")]


async def test_an_event_that_comes_just_as_gathering_ends_does_not_wait_for_the_next(
    repository, key
):
    log = EventLog(repository.events)
    await log.append(key, "a", {}, None)

    async def come_just_then():
        await asyncio.sleep(GATHER_SECONDS)
        await log.append(key, "d", {}, None, wait=False)

    coming = asyncio.create_task(come_just_then())
    await asyncio.sleep(0)  # it waits from now on
    await log.append(key, "b", {}, None, wait=False)
    await log.append(key, "c", {}, None, wait=False, gather=True)  # stored along with b
    while await log.last_seq(key) < 3:
        await asyncio.sleep(0)
    time.sleep(2 * GATHER_SECONDS)  # both are due when the loop goes on
    await coming
    async with asyncio.timeout(5):
        [*_, last] = await anext(log.follow(key, 3))

    assert last.kind == "d"


async def test_a_follower_only_sees_what_is_stored(repository, key):
    log = EventLog(repository.events)
    follower = log.follow(key, 0)
    await log.append(key, "a", {}, None, wait=False)

    [event] = await anext(follower)

    assert (event.seq, event.kind) in await stored(repository, key)
    await follower.aclose()


async def test_a_closing_log_ends_a_follower_once_it_has_what_is_stored(repository, key):
    log = EventLog(repository.events)
    seen = []

    async def send():
        async for batch in log.follow(key, 0):
            await asyncio.sleep(0.01)
            seen.extend(event.kind for event in batch)

    follower = log.start_following(send())
    await log.append(key, "before", {}, None)
    await log.stop_following()
    await log.append(key, "after", {}, None)

    assert follower.done()
    assert not follower.cancelled()
    assert seen == ["before"]


async def test_a_closing_log_does_not_wait_for_a_reader_that_stands_still(repository, key):
    log = EventLog(repository.events)
    await log.append(key, "a", {}, None)

    async def stand_still():
        async for _ in log.follow(key, 0):
            await asyncio.Future()

    follower = log.start_following(stand_still())
    await log.stop_following()

    assert follower.cancelled()


async def test_a_cancelled_writer_leaves_the_log_whole(repository, key):
    log = EventLog(repository.events)
    for number in range(40):
        task = asyncio.create_task(log.append(key, f"k{number}", {}, None))
        for _ in range(number % 7):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
    await log.append(key, "last", {}, None)

    seqs = [seq for seq, _ in await stored(repository, key)]
    assert seqs == list(range(1, len(seqs) + 1))


@pytest.mark.parametrize(
    ("kind", "error"),
    [(None, IntegrityError), ("half of a character: \ud800", (UnicodeError, DBAPIError))],
)
async def test_an_event_that_cannot_be_stored_is_told_and_its_number_given_again(
    repository, key, kind, error
):
    log = EventLog(repository.events)
    with pytest.raises(error):
        await log.append(key, kind, {}, None)

    await log.append(key, "after", {}, None)

    assert await stored(repository, key) == [(1, "after")]


async def test_a_lost_event_nobody_waited_for_is_told_to_the_next(repository, key):
    log = EventLog(repository.events)
    await log.append(key, None, {}, None, wait=False)

    with pytest.raises(IntegrityError):
        await log.append(key, "next", {}, None)


# what is kept in memory


async def new_key(repository):
    return PathKey("t", (await repository.conversations.add("t", "u", "c")).id, "main")


async def test_numbers_go_on_after_a_log_was_dropped_from_memory(repository, key):
    log = EventLog(repository.events, quiet_seconds=0)
    await log.append(key, "a", {}, None)

    await log.append(await new_key(repository), "other", {}, None)
    await log.append(key, "b", {}, None)

    assert await stored(repository, key) == [(1, "a"), (2, "b")]


async def test_a_log_that_is_followed_or_being_stored_stays(repository, key):
    log = EventLog(repository.events, quiet_seconds=0)
    follower = log.follow(key, 0)
    await log.append(key, "a", {}, None)
    await anext(follower)
    gathering = await new_key(repository)
    await log.append(gathering, "held back", {}, None, wait=False, gather=True)

    await log.append(await new_key(repository), "other", {}, None)
    await log.append(key, "b", {}, None)
    await log.append(gathering, "next", {}, None)

    assert [event.kind for event in await anext(follower)] == ["b"]
    assert await stored(repository, gathering) == [(1, "held back"), (2, "next")]
    await follower.aclose()


async def test_a_failure_is_told_however_long_ago_it_was(repository, key):
    log = EventLog(repository.events, quiet_seconds=0)
    await log.append(key, None, {}, None, wait=False)
    while not log._paths[key].failure:
        await asyncio.sleep(0)

    await log.append(await new_key(repository), "other", {}, None)

    with pytest.raises(IntegrityError):
        await log.flush(key)


async def test_logs_nobody_asks_for_do_not_add_up(repository):
    log = EventLog(repository.events, quiet_seconds=0)
    for _ in range(50):
        await log.append(await new_key(repository), "a", {"text": "x" * 1000}, None)

    gc.collect()
    assert sum(type(thing) is PathLog for thing in gc.get_objects()) <= 2
