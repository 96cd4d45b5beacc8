"""A kernel session keeps state, streams, and ends every cell in a typed, plain way."""

import asyncio
import json
from pathlib import Path

import pytest

from container.errors import (
    CellTimedOut,
    KernelDied,
    MemoryLimitExceeded,
    OutputLimitExceeded,
    OutputsIncomplete,
)
from container.host.runtime import runtime_directory
from container.limits import MIB
from container.probe import probe_host
from tests.docker_engine import on_every_backend
from tests.waiting import eventually


@on_every_backend
async def test_a_variable_set_in_one_cell_is_there_in_the_next(start_kernel):
    kernel = await start_kernel()
    await kernel.run("sales = 41")

    reply = await kernel.run("sales + 1")

    assert reply.status == "ok"
    assert kernel.text() == "42"


@on_every_backend
async def test_two_kernels_share_no_variables(start_kernel):
    first, second = await start_kernel(), await start_kernel()
    await first.run("secret = 1")

    reply = await second.run("secret")

    assert (reply.status, reply.ename) == ("error", "NameError")


@on_every_backend
async def test_output_arrives_while_the_cell_still_runs(start_kernel):
    """The cell only ends once a file appears that is made when its output is seen."""
    kernel = await start_kernel()
    signal = kernel.session.workspace.directory / "inputs" / "go"
    seen = asyncio.Event()

    async def on_output(output):
        if output.get("text") == "first\n":
            signal.touch()
            seen.set()

    reply = await kernel.session.execute(
        "from pathlib import Path\n"
        "print('first', flush=True)\n"
        "while not Path('inputs/go').exists(): pass",
        on_output,
    )

    assert seen.is_set()
    assert reply.status == "ok"


async def test_a_cell_runs_but_nothing_of_it_is_told_before_it_may_be(start_kernel):
    kernel = await start_kernel()
    await kernel.run("pass")  # what it says as it starts has come by then
    heard, durable = [], asyncio.get_running_loop().create_future()

    async def receive(message, emitted):
        heard.append(message["header"]["msg_type"])

    kernel.session.on_message = receive
    code = "print('shown', flush=True); open('outputs/done', 'w').close()"
    running = asyncio.create_task(kernel.run(code, emit_after=durable))
    done = kernel.session.workspace.directory / "outputs" / "done"
    await eventually("the cell runs", done.exists)
    await asyncio.wait({running}, timeout=0.3)

    assert (heard, kernel.outputs, running.done()) == ([], [], False)
    durable.set_result(None)
    assert (await running).status == "ok"
    assert heard == ["status", "execute_input", "stream", "status"]


async def test_streams_results_and_charts_come_in_order_as_mime_bundles(start_kernel):
    kernel = await start_kernel()

    await kernel.run(
        "import sys, matplotlib.pyplot as plt\n"
        "print('out'); print('err', file=sys.stderr)\n"
        "plt.plot([1, 2]); plt.show()\n"
        "7"
    )

    assert [o["output_type"] for o in kernel.outputs] == [
        "stream",
        "stream",
        "display_data",
        "execute_result",
    ]
    assert kernel.outputs[2]["data"]["image/png"].startswith("iVBOR")


async def test_an_exception_is_an_error_with_its_name_and_message(start_kernel):
    kernel = await start_kernel()

    reply = await kernel.run("1 / 0")

    assert (reply.status, reply.ename, reply.evalue) == (
        "error",
        "ZeroDivisionError",
        "division by zero",
    )


@on_every_backend
async def test_a_timed_out_cell_is_interrupted_and_variables_are_kept(start_kernel):
    kernel = await start_kernel(seconds=0.5)
    await kernel.run("kept = 'yes'")

    reply = await kernel.run("while True: pass")
    await kernel.run("print(kept)")

    assert reply.status == "interrupted"
    assert isinstance(reply.error, CellTimedOut)
    assert reply.error.state_kept
    assert kernel.text() == "yes\n"


@on_every_backend
async def test_a_cell_that_will_not_stop_is_killed_and_says_that_variables_are_lost(start_kernel):
    kernel = await start_kernel(seconds=0.5, grace_seconds=0.5)

    reply = await kernel.run(
        "import time\n"
        "while True:\n    try: time.sleep(60)\n    except BaseException: print('not me', flush=True)"
    )

    assert reply.status == "died"
    assert isinstance(reply.error, CellTimedOut)
    assert not reply.error.state_kept
    assert "variables are lost" in str(reply.error)
    assert not kernel.session.alive


@on_every_backend
async def test_one_huge_allocation_is_a_memory_error_and_variables_are_kept(start_kernel):
    kernel = await start_kernel()
    await kernel.run("import numpy; kept = 1")

    reply = await kernel.run("numpy.ones(200_000_000)")

    assert (reply.status, reply.ename) == ("error", "MemoryError")
    assert (await kernel.run("kept")).status == "ok"


@on_every_backend
async def test_memory_over_the_limit_ends_the_kernel_with_the_limit_named(start_kernel):
    """Shared memory escapes the rlimit on purpose: only the control group can stop it."""
    kernel = await start_kernel(memory_bytes=300 * MIB)
    held_by = probe_host().limits

    reply = await kernel.run(
        "import mmap\nm = mmap.mmap(-1, 600 * 2**20)\nfor i in range(0, len(m), 4096): m[i] = 1"
    )

    if held_by == "rlimits":
        assert reply.status in ("ok", "error")
    else:
        assert isinstance(reply.error, MemoryLimitExceeded)
        assert "300 MB" in str(reply.error)


@on_every_backend
async def test_a_huge_print_arrives_whole_and_before_the_result(start_kernel):
    kernel = await start_kernel()

    await kernel.run("print('x' * 3_000_000)\n'the result'")

    kinds = [output["output_type"] for output in kernel.outputs]
    assert kinds == ["stream"] * (len(kinds) - 1) + ["execute_result"]
    assert sum(len(o["text"]) for o in kernel.outputs[:-1]) == 3_000_001


@pytest.mark.parametrize("audited", [False])  # else there is no forked child
@on_every_backend
async def test_what_a_forked_child_prints_is_shown(start_kernel):
    kernel = await start_kernel()
    code = (
        "import os\nchild = os.fork()\nif child == 0:\n    print('the child', flush=True)\n"
        "    os._exit(0)\nos.waitpid(child, 0)\nprint('the parent')"
    )

    reply = await kernel.run(code)

    assert reply.status == "ok"
    assert kernel.text() == "the child\nthe parent\n"


async def test_an_output_flood_is_cut_at_its_limit_and_the_next_cell_works(start_kernel):
    kernel = await start_kernel(output_bytes=100_000)

    reply = await kernel.run("while True: print('x' * 1000)")
    kept = sum(len(json.dumps(output)) for output in kernel.outputs)
    after = await kernel.run("print('fine')")

    assert reply.status == "interrupted"
    assert isinstance(reply.error, OutputLimitExceeded)
    assert kept <= 100_000
    assert after.status == "ok"
    assert kernel.text() == "fine\n"


async def test_a_fast_writer_loses_no_line_to_a_slow_reader(start_kernel):
    """Every line is a message of its own; ZMQ alone would drop what is not taken in time."""
    kernel = await start_kernel()
    lines = []

    async def slow(output):
        await asyncio.sleep(0.0005)
        lines.append(output["text"])

    await kernel.session.execute("for i in range(6000): print(i, flush=True)", slow)

    assert "".join(lines) == "".join(f"{i}\n" for i in range(6000))


async def test_a_print_in_the_moment_what_is_waiting_is_sent_does_not_fail(start_kernel):
    kernel = await start_kernel()

    reply = await kernel.run(
        "import collections, io, sys\n"
        "out, being_sent = sys.stdout, io.StringIO()\n"
        "being_sent.close()\n"
        "out._flush_pending, out._buffers = True, {None: being_sent}\n"
        "for n in range(100): out._schedule_flush()\n"
        "out._flush_pending, out._buffers = False, collections.defaultdict(io.StringIO)\n"
        "print('fine')"
    )

    assert reply.status == "ok", reply.evalue
    assert kernel.text() == "fine\n"


async def test_one_huge_message_is_an_output_limit_and_the_next_cell_works(start_kernel):
    kernel = await start_kernel(output_bytes=1_000_000)

    reply = await kernel.run("print('x' * 20_000_000)")
    after = await kernel.run("print('fine')")

    assert isinstance(reply.error, OutputLimitExceeded)
    assert after.status == "ok"
    assert kernel.text() == "fine\n"


async def test_a_cell_that_its_kernel_ends_without_a_reply_is_an_error_not_a_hang(start_kernel):
    kernel = await start_kernel()
    await kernel.run("get_ipython().kernel.do_execute = None")

    async with asyncio.timeout(30):  # its own limit is longer
        reply = await kernel.run("1")

    assert (reply.status, reply.ename) == ("error", "NoReply")


@on_every_backend
async def test_a_kernel_that_exits_is_a_typed_error_not_a_hang(start_kernel):
    kernel = await start_kernel()

    reply = await kernel.run("import os; os._exit(3)")

    assert reply.status == "died"
    assert isinstance(reply.error, KernelDied)
    assert reply.error.exit_code == 3


async def test_a_dead_kernel_answers_every_later_cell_with_its_death(start_kernel):
    kernel = await start_kernel()
    await kernel.run("import os; os._exit(3)")

    reply = await kernel.run("1 + 1")

    assert reply.status == "died"


@on_every_backend
async def test_a_cancelled_caller_leaves_an_idle_kernel_with_its_variables(start_kernel):
    kernel = await start_kernel()
    await kernel.run("kept = 5")
    started = asyncio.Event()

    async def on_output(output):
        started.set()

    task = asyncio.create_task(
        kernel.session.execute("print('on', flush=True)\nwhile True: pass", on_output)
    )
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await kernel.run("print(kept)")

    assert kernel.text() == "5\n"


@on_every_backend
async def test_a_session_that_is_closed_under_a_cell_ends_it(start_kernel):
    kernel = await start_kernel()
    running = asyncio.create_task(kernel.run("print('on', flush=True)\nwhile True: pass"))
    await eventually("the cell prints", lambda: kernel.outputs)

    await kernel.session.aclose()

    assert (await running).status == "died"


async def test_input_is_refused_with_a_plain_error(start_kernel):
    kernel = await start_kernel()

    reply = await kernel.run("input('Name? ')")

    assert reply.status == "error"
    assert "input() is not available" in reply.evalue


@on_every_backend
async def test_workbooks_are_written_with_xlsxwriter_and_appended_to_without_loss(start_kernel):
    kernel = await start_kernel()

    reply = await kernel.run(
        "import pandas as pd\nframe = pd.DataFrame({'a': [1]})\n"
        "with pd.ExcelWriter('/tmp/book.xlsx') as book:\n"
        "    frame.to_excel(book, sheet_name='first')\n    print(book.engine)\n"
        "with pd.ExcelWriter('/tmp/book.xlsx', mode='a') as book:\n"
        "    frame.to_excel(book, sheet_name='second')\n    print(book.engine)\n"
        "print(list(pd.read_excel('/tmp/book.xlsx', sheet_name=None)))"
    )

    assert reply.status == "ok"
    assert kernel.text() == "xlsxwriter\nopenpyxl\n['first', 'second']\n"


async def test_tables_are_shown_as_html_and_text_of_bounded_size(start_kernel):
    kernel = await start_kernel()

    await kernel.run("import pandas as pd; pd.DataFrame({'a': range(10_000), 'b': 'x' * 1000})")

    data = kernel.outputs[-1]["data"]
    assert data["text/html"].count("<tr") < 100
    assert len(data["text/plain"]) < 20_000


async def test_workbooks_are_read_with_calamine_by_default(start_kernel):
    kernel = await start_kernel()

    await kernel.run("import pandas as pd; print(pd.get_option('io.excel.xlsx.reader'))")

    assert kernel.text() == "calamine\n"


@on_every_backend
async def test_closing_twice_leaves_no_process_socket_or_control_group(start_kernel):
    kernel = await start_kernel()
    pid = kernel.session.pid
    before = {path.name for path in runtime_directory().glob("k-*")}

    await kernel.session.aclose()
    await kernel.session.aclose()

    left = {path.name for path in runtime_directory().glob("k-*")}
    gone = before - left
    await eventually("its parent reaps it", lambda: not Path(f"/proc/{pid}").exists())
    assert sorted(Path(name).suffix for name in gone) == ["", ".json"]
    name = next(name for name in gone if not name.endswith(".json"))
    assert not list(Path("/sys/fs/cgroup").glob(f"*/tallybook/{name}"))


async def test_outputs_that_never_end_are_not_taken_for_too_many(start_kernel):
    """The kernel replies, and then says nothing more: nobody knows why, so nothing is raise_earlier."""
    kernel = await start_kernel()

    reply = await kernel.run(
        "kernel = get_ipython().kernel\npublish = kernel._publish_status\n"
        "def all_but_the_first_idle(status, *args, **options):\n"
        "    kernel._publish_status = publish\n"
        "kernel._publish_status = all_but_the_first_idle\nprint('x' * 1000)"
    )
    printed = kernel.text()
    await kernel.run("print('fine')")

    assert reply.status == "interrupted"
    assert isinstance(reply.error, OutputsIncomplete)
    assert "never the end of its outputs" in str(reply.error)
    assert printed == f"{'x' * 1000}\n"
    assert kernel.text() == "fine\n"


async def test_half_a_character_is_shown_as_one_that_is_unknown(start_kernel):
    """Text that was cut or decoded wrongly holds them; no message can be lost for one."""
    kernel = await start_kernel()

    printed = await kernel.run(
        "print('a\\ud800b', 'c\\ud83d' '\\ude00', '\\udcff'); {'\\udfff': 'x\\ud800'}"
    )
    shown = kernel.text()
    raised = await kernel.run("raise ValueError('at \\ud800')")

    assert (printed.status, raised.status) == ("ok", "error")
    assert shown == "a\ufffdb c\U0001f600 \ufffd\n{'\\udfff': 'x\\ud800'}"
    assert raised.evalue == "at \ufffd"
    assert "jupyter_client" not in kernel.text()
