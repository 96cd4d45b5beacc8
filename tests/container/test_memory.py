"""A cell that asks for more memory than there is: the right reason, and a kernel that goes on."""

import pytest

from container.errors import MemoryLimitExceeded, MemoryLimitReached
from tests.docker_engine import on_every_backend

FILL = """
def fill(piece):
    kept = []
    while True:
        kept.append(bytearray(piece))
"""
KEEP = "kept = []\nwhile True: kept.append(bytearray({}))"
PRINTED = "x" * 3_000_000


@on_every_backend
async def test_out_of_memory_is_named_and_the_next_cells_work_with_all_variables(start_kernel):
    kernel = await start_kernel()
    await kernel.run("import pandas as pd\nframe = pd.DataFrame({'a': [1, 2, 3]})" + FILL)

    reply = await kernel.run("fill(1_000_000)")
    assert (reply.status, reply.ename) == ("error", "MemoryError")
    assert isinstance(reply.error, MemoryLimitReached)
    assert "more than its 512 MB of memory" in str(reply.error)
    assert "Variables are kept" in str(reply.error)
    assert [o["ename"] for o in kernel.outputs if o["output_type"] == "error"] == ["MemoryError"]

    await kernel.run("print(frame.a.sum()); more = [bytes(30_000_000) for _ in range(9)]")
    assert kernel.text() == "6\n"

    await kernel.run("del more; print('x' * 3_000_000, end='')")
    assert kernel.text() == PRINTED


@pytest.mark.parametrize("piece", [100, 10_000, 1_000_000])
async def test_memory_that_variables_fill_to_the_last_byte_ends_the_cell_only(start_kernel, piece):
    kernel = await start_kernel()

    reply = await kernel.run(KEEP.format(piece))
    assert isinstance(reply.error, MemoryLimitReached)

    reply = await kernel.run("print(len(kept) > 0, 1 + 1)")
    assert (reply.status, kernel.text()) == ("ok", "True 2\n")

    reply = await kernel.run("print('x' * 3_000_000)")
    assert isinstance(reply.error, MemoryLimitReached)

    await kernel.run("kept = None; print('x' * 3_000_000, end='')")
    assert kernel.text() == PRINTED


async def test_nothing_that_was_printed_is_lost_when_there_is_no_memory(start_kernel):
    """A print may find no memory itself; what it printed before arrives all the same."""
    kernel = await start_kernel()
    reply = await kernel.run(
        "kept = []\n"
        "try:\n    while True: kept.append(bytearray(10_000))\n"
        "except MemoryError:\n"
        "    for number in range(1000): print(f'line {number}\\n', end='', flush=True)"
    )

    printed = "".join(o["text"] for o in kernel.outputs if o["output_type"] == "stream")
    lines = printed.splitlines()
    assert len(lines) > 10
    assert lines == [f"line {number}" for number in range(len(lines))]
    assert reply.status == "ok" or isinstance(reply.error, MemoryLimitReached)


@pytest.mark.parametrize(
    "failing",
    [
        "fill(big(), 1 / 0)",
        "try: fill(big(), 1 / 0)\nexcept ZeroDivisionError as e: raise ValueError('x') from e",
        "try: fill(big(), 1 / 0)\nexcept ZeroDivisionError: raise ValueError('x')",
        "try: fill(big(), 1 / 0)\nexcept Exception as e: raise ExceptionGroup('x', [e])",
        "import asyncio\nasync def wait():\n    data = big()\n    await asyncio.sleep(0)\n    1 / 0\n"
        "await wait()",
        "def each():\n    data = big()\n    yield 1\n    1 / 0\nlist(each())",
        "raise SystemExit(fill(big(), exit))",
    ],
    ids=["plain", "cause", "context", "group", "await", "generator", "exit"],
)
async def test_no_failed_cell_keeps_the_data_of_its_functions(start_kernel, failing):
    kernel = await start_kernel()
    await kernel.run(
        "import weakref\nclass Data: pass\nseen = []\n"
        "def big():\n    data = Data(); seen.append(weakref.ref(data)); return data\n"
        "def fill(data, ratio=None):\n    local = data\n    exit() if ratio else 1 / 0\n"
    )
    code = failing.replace("fill(big(), 1 / 0)", "fill(big())")

    reply = await kernel.run(code)
    assert reply.status == "error"
    await kernel.run("print([ref() for ref in seen])")

    assert kernel.text() == "[None]\n"


async def test_a_traceback_can_be_shown_again_though_its_data_is_gone(start_kernel):
    kernel = await start_kernel()
    first = await kernel.run("def share(total):\n    return 1 / total\nshare(0)")

    await kernel.run("%tb")
    again = [output for output in kernel.outputs if output["output_type"] == "error"]

    assert again[0]["traceback"] == list(first.traceback)
    assert any("share" in line for line in first.traceback)


async def test_a_generator_that_waits_goes_on_though_an_error_came_through_it(start_kernel):
    kernel = await start_kernel()
    await kernel.run(
        "def numbers():\n"
        "    try: 1 / 0\n"
        "    except ZeroDivisionError as error: caught = error\n"
        "    here = 41\n"
        "    yield caught\n"
        "    yield here + 1\n"
        "going = numbers()"
    )

    reply = await kernel.run("raise next(going)")
    await kernel.run("print(next(going))")

    assert reply.ename == "ZeroDivisionError"
    assert kernel.text() == "42\n"


async def test_a_thread_that_finds_no_memory_is_not_blamed_on_the_number_of_threads(start_kernel):
    kernel = await start_kernel()

    reply = await kernel.run(
        "import threading\nkept = []\n"
        "try:\n    while True: kept.append(bytearray(1_000_000))\n"
        "except MemoryError: threading.Thread(target=print).start()"
    )

    assert reply.ename == "RuntimeError"
    assert isinstance(reply.error, MemoryLimitReached)


@pytest.mark.parametrize("audited", [False])  # else there are no forked children
@on_every_backend
async def test_a_kernel_ended_by_its_memory_limit_says_so(start_kernel):
    """Memory that only control groups count: the last part of it is the host's to refuse."""
    kernel = await start_kernel(memory_bytes=256 * 1024 * 1024)

    reply = await kernel.run(
        "import os\npids = [os.fork() for _ in range(3)]\n"
        "kept = []\n"
        "while True: kept.append(bytearray(os.urandom(1024)) * 1024)"
    )

    assert isinstance(reply.error, MemoryLimitExceeded | MemoryLimitReached)
