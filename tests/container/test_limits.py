"""Every limit, passed, is a typed error that names it; what can be kept is kept."""

from container.errors import DiskQuotaExceeded, MemoryLimitExceeded, ProcessLimitReached
from container.limits import MIB
from container.probe import probe_host
from tests.docker_engine import on_every_backend

pytestmark = on_every_backend

FILL = (
    "import time\nkept = 1\nn = 0\n"
    "while True:\n    n += 1\n    open(f'outputs/{n}', 'wb').write(bytes(2**20))\n"
    "    time.sleep(0.01)"
)


async def test_a_workspace_that_grows_past_its_size_stops_the_cell_and_keeps_variables(
    start_kernel,
):
    kernel = await start_kernel(disk_bytes=20 * MIB)

    reply = await kernel.run(FILL)
    after = await kernel.run("print(kept)")

    assert reply.status == "interrupted"
    assert isinstance(reply.error, DiskQuotaExceeded)
    assert "20 MB" in str(reply.error)
    assert (after.status, kernel.text()) == ("ok", "1\n")


async def test_after_the_quota_was_passed_files_can_be_deleted_and_work_goes_on(start_kernel):
    kernel = await start_kernel(disk_bytes=20 * MIB)
    await kernel.run(FILL)

    await kernel.run(
        "import pathlib\nfor p in pathlib.Path('outputs').iterdir(): p.unlink()\n"
        "time.sleep(0.5)\npathlib.Path('outputs/small').write_text('x')\ntime.sleep(0.5)"
    )
    reply = await kernel.run("print('on')")

    assert (reply.status, kernel.text()) == ("ok", "on\n")


async def test_too_many_files_pass_the_quota_too(start_kernel):
    kernel = await start_kernel(disk_files=200)

    reply = await kernel.run(
        "import time\nn = 0\nwhile True:\n    n += 1\n    open(f'outputs/{n}', 'w').close()\n"
        "    time.sleep(0.0002)"
    )

    assert isinstance(reply.error, DiskQuotaExceeded)
    assert "200 files" in str(reply.error)


async def test_a_writer_that_ignores_interrupts_is_killed_at_the_quota(start_kernel):
    kernel = await start_kernel(disk_bytes=20 * MIB)

    reply = await kernel.run(
        "n = 0\nwhile True:\n    try:\n        n += 1\n"
        "        open(f'outputs/{n}', 'wb').write(bytes(2**20))\n"
        "    except BaseException: pass"
    )

    assert reply.status == "died"
    assert isinstance(reply.error, DiskQuotaExceeded)
    assert not reply.error.state_kept


async def test_too_many_threads_are_the_process_limit(start_kernel):
    kernel = await start_kernel(pids=40)

    reply = await kernel.run(
        "import threading\nstop = threading.Event()\n"
        "try:\n    for _ in range(100): threading.Thread(target=stop.wait).start()\n"
        "finally: stop.set()"
    )
    after = await kernel.run("1")

    assert reply.status == "error"
    assert isinstance(reply.error, ProcessLimitReached)
    assert "40 processes" in str(reply.error)
    assert after.status == "ok"


async def test_an_error_of_the_codes_own_is_not_blamed_on_a_limit(start_kernel):
    kernel = await start_kernel()

    reply = await kernel.run("1 / 0")

    assert reply.status == "error"
    assert reply.error is None


async def test_directories_too_deep_to_be_counted_stop_the_cell(start_kernel):
    kernel = await start_kernel()

    reply = await kernel.run(
        "import os, time\nfor _ in range(700): os.mkdir('d'); os.chdir('d')\ntime.sleep(10)"
    )

    assert isinstance(reply.error, DiskQuotaExceeded)


async def test_tmp_counts_as_memory_where_a_control_group_counts(start_kernel, backend):
    kernel = await start_kernel(memory_bytes=300 * MIB, tmp_bytes=900 * MIB)

    reply = await kernel.run(
        "for n in range(6):\n    with open(f'/tmp/{n}', 'wb') as f:\n"
        "        for _ in range(100): f.write(bytes(2**20))"
    )

    if backend != "docker" and probe_host().limits == "rlimits":
        assert reply.status == "ok"  # held by its own size, and nothing else
    else:
        assert isinstance(reply.error, MemoryLimitExceeded)


async def test_a_spin_that_ignores_signals_is_ended_at_its_time(start_kernel):
    kernel = await start_kernel(seconds=0.3, grace_seconds=0.3)

    reply = await kernel.run(
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    )

    assert reply.status == "died"
    assert reply.error.code == "cell-timed-out"
