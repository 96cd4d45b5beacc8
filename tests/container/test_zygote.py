"""The fork server may die, grow old or be busy: kernels go on, and new ones are had."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from benchmarks.kernel_hold import count_resources
from container.host.memory import Memory
from container.kernel.session import KernelSession
from container.limits import Limits, limits_to_json
from container.shim.client import ask, keep_warm
from container.shim.pool import is_scarce
from container.workspace.workspace import Workspace
from tests.waiting import NeverHappened, eventually


def fork_server_of(kernel) -> int:
    """Return the process id of the fork server, the parent of *kernel*'s namespace."""
    status = Path(f"/proc/{kernel.session.pid}/stat").read_text()
    return int(status.rpartition(")")[2].split()[1])


def waiting_kernel_of(server: int) -> int | None:
    """Return the process id of the kernel *server* has forked ahead, if there is one."""
    for init in children_of(server):
        if Path(f"/proc/{init}/comm").read_text() == "zygote\n":  # it becomes an init when asked
            return next(iter(children_of(init)), None)
    return None


def children_of(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


LOOK_AROUND = """
import json, os, socket, sys, threading

def belongs_to_a_client(descriptor):  # who connects, and closes, in its own time
    try:
        with socket.socket(fileno=os.dup(descriptor)) as opened:
            opened.getpeername()  # an error unless it is connected
            return bool(opened.getsockname())
    except OSError:
        return False

descriptors = [int(name) for name in os.listdir("/proc/self/fd")]
print(json.dumps({
    "names": sorted(globals()),
    "cells": get_ipython().execution_count,
    "inputs": len(In),
    "cwd": os.getcwd(),
    "threads": sorted(thread.name for thread in threading.enumerate()),
    "tasks": len(os.listdir("/proc/self/task")),
    "descriptors": len([n for n in descriptors if not belongs_to_a_client(n)]),
    "ids": [os.getuid(), os.getpid(), os.getsid(0)],
    "loaded": sorted(name for name in sys.modules if not name.startswith("encodings")),
}))
"""


async def test_kernels_of_a_dead_fork_server_go_on_and_the_next_gets_another(start_kernel):
    first = await start_kernel()
    await first.run("kept = 42")
    server = fork_server_of(first)

    os.kill(server, signal.SIGKILL)
    second = await start_kernel()

    await first.run("print(kept)")
    assert first.text() == "42\n"
    assert fork_server_of(second) != server
    await second.run("print(1)")
    assert second.text() == "1\n"


async def test_a_kernel_of_a_dead_fork_server_still_reports_how_it_ended(start_kernel):
    kernel = await start_kernel()
    os.kill(fork_server_of(kernel), signal.SIGKILL)

    reply = await kernel.run("import os; os._exit(5)")

    assert reply.status == "died"
    assert reply.error.exit_code == 5


async def test_upgraded_packages_reach_the_next_kernel_and_leave_the_running_ones(start_kernel):
    first = await start_kernel()
    await first.run("kept = 42")
    server = fork_server_of(first)
    import pandas

    packages = Path(pandas.__file__).parents[1]
    os.utime(packages)  # as pip leaves it

    second = await start_kernel()

    await first.run("print(kept)")
    assert first.text() == "42\n"
    assert fork_server_of(second) != server


async def test_a_kernel_that_rehearsed_before_it_was_asked_for_is_like_one_that_could_not(
    start_kernel,
):
    """The second follows too soon to be forked ahead; the third does not."""
    told = []
    for pause in (0, 0, 1):
        await asyncio.sleep(pause)
        kernel = await start_kernel()
        reply = await kernel.run(LOOK_AROUND)
        told.append(json.loads(kernel.text()))

    first, at_once, warmed_up = told
    assert warmed_up == at_once == first
    assert warmed_up["cwd"] == "/workspace"
    assert reply.execution_count == 1


async def test_a_kernel_forked_ahead_that_ends_before_it_is_wanted_is_made_good(start_kernel):
    server = fork_server_of(await start_kernel())
    waiting = await eventually("a kernel is forked ahead", lambda: waiting_kernel_of(server))

    os.kill(waiting, signal.SIGKILL)
    status = Path(f"/proc/{waiting}/status")
    await eventually("it ends", lambda: "State:\tZ" in status.read_text())
    kernel = await start_kernel()
    await kernel.run("print('here')")

    assert kernel.text() == "here\n"
    assert fork_server_of(kernel) == server


async def test_a_fork_server_that_hangs_is_replaced(start_kernel):
    first = await start_kernel()
    server = fork_server_of(first)
    os.kill(server, signal.SIGSTOP)
    try:
        second = await start_kernel(start_seconds=8.0)
    finally:
        os.kill(server, signal.SIGCONT)

    await first.run("print('first')")
    await second.run("print('second')")
    assert (first.text(), second.text()) == ("first\n", "second\n")
    assert fork_server_of(second) != server


@pytest.fixture
async def pool():
    """Two kernels kept warm."""
    limits = Limits(seconds=77.0)  # nobody else's
    connection = await keep_warm(2, limits)
    await warm(2, limits)
    yield limits
    connection.close()


async def leased() -> int:
    return (await ask({"op": "ping"}))["leased"]


async def warm(count: int, limits: Limits) -> None:
    seen = []

    async def so_many():
        asked = {"op": "ping", "limits": limits_to_json(limits)}
        seen.append((await ask(asked))["warm"])
        return seen[-1] == count

    try:
        await eventually(f"{count} kernels are warm", so_many)
    except NeverHappened as error:
        error.add_note(f"there were {sorted(set(seen))}, in the end {seen[-1]}")
        raise


async def test_a_warm_kernel_is_leased_with_the_workspace_and_another_takes_its_place(
    pool, start_kernel
):
    before = await leased()
    kernel = await start_kernel(seconds=pool.seconds)

    (kernel.session.workspace.directory / "outputs" / "seen").write_text("x")
    await kernel.run("import os; print(os.getcwd(), os.listdir('outputs'))")

    assert await leased() == before + 1
    assert kernel.text() == "/workspace ['seen']\n"
    await warm(2, pool)


async def test_spare_kernels_are_started_while_the_machine_is_at_rest():
    limits = Limits(seconds=78.0)  # nobody else's
    connection = await keep_warm(1, limits, spare=2)
    try:
        await warm(3, limits)
    finally:
        connection.close()


@pytest.mark.parametrize(("free", "scarce"), [(19, True), (20, False)])
def test_no_spare_kernels_are_kept_while_memory_is_scarce(free, scarce):
    assert is_scarce(Memory(free=free, total=100)) is scarce


async def test_a_kernel_with_other_limits_does_not_come_from_the_pool(pool, start_kernel):
    before = await leased()

    await start_kernel(seconds=pool.seconds + 1)

    assert await leased() == before


async def test_a_warm_kernel_that_died_is_never_leased(pool, start_kernel):
    kernel = await start_kernel(seconds=pool.seconds)
    for child in children_of(fork_server_of(kernel)):
        named = Path(f"/proc/{child}/comm").read_text().strip()
        if named == "kernel-init" and child != kernel.session.pid:
            os.kill(child, signal.SIGKILL)

    later = await start_kernel(seconds=pool.seconds)
    await later.run("print('fine')")

    assert later.text() == "fine\n"


async def test_nothing_is_left_of_kernels_that_came_and_went(tmp_path):
    async def come_and_go(count):
        for number in range(count):
            session = KernelSession(Workspace.create(tmp_path / str(number)))
            await session.start()
            await session.aclose()

    await come_and_go(3)
    before = await count_resources()
    await come_and_go(40)
    after = await count_resources()

    grown = {kind: after[kind] - before[kind] for kind in before}
    assert max(grown.values()) < 4, grown  # a leak would be one for each
