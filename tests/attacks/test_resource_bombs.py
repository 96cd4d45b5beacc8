"""Bombs go off inside their limits; the kernel, its neighbours and the service go on."""

import os

import pytest

from container.limits import MIB
from tests.attacks.greed import DESCRIPTORS, SIGNALS
from tests.docker_engine import on_every_backend

pytestmark = on_every_backend
own_users = pytest.mark.skipif(os.geteuid() != 0, reason="kernels share the service's user")


async def test_a_fork_bomb_stops_at_the_process_limit_and_the_kernel_lives(start_kernel):
    kernel = await start_kernel(pids=40)

    await kernel.run(
        "import subprocess\nstarted = []\n"
        "try:\n    for _ in range(200): started.append(subprocess.Popen(['sleep', '60']))\n"
        "except (BlockingIOError, OSError): print('refused after', len(started) < 40)\n"
        "for p in started: p.kill()"
    )

    assert kernel.text() == "refused after True\n"
    assert (await kernel.run("1")).status == "ok"


async def test_a_bomb_of_shells_does_not_reach_the_neighbour(start_kernel):
    neighbour, hostile = await start_kernel(), await start_kernel(pids=40, seconds=2)

    await hostile.run(
        "import subprocess\nsubprocess.run(['sh', '-c', 'f() { f | f & }; f; sleep 1'],"
        " capture_output=True)"
    )

    assert (await neighbour.run("print('fine')")).status == "ok"


async def test_tmp_is_bounded(attack):
    text = await attack(
        "f = open('/tmp/big', 'wb')\n"
        "try:\n    [f.write(b'0' * 2**20) for _ in range(8)]; f.flush()\n"
        "except OSError as e: print(e.strerror)",
        tmp_bytes=4 * MIB,
    )

    assert text.startswith("No space left on device")


async def test_shared_memory_is_bounded(attack):
    text = await attack(
        "try:\n    f = open('/dev/shm/big', 'wb')\n    [f.write(b'0' * 2**20) for _ in range(80)]; f.flush(); print('WROTE')\n"
        "except OSError as e: print('refused')",
    )

    assert text == "refused\n"


async def test_a_file_over_the_size_limit_is_refused(attack):
    text = await attack(
        "f = open('outputs/big', 'wb')\n"
        "try:\n    [f.write(b'0' * 2**20) for _ in range(8)]; f.flush()\n"
        "except OSError as e: print(e.strerror)",
        file_bytes=4 * MIB,
    )

    assert text.startswith("File too large")


async def test_a_sparse_file_over_the_size_limit_is_refused(attack):
    text = await attack(
        "f = open('outputs/sparse', 'wb')\n"
        "try: f.truncate(2**40); print('MADE')\nexcept OSError as e: print(e.strerror)",
        file_bytes=4 * MIB,
    )

    assert text.startswith("File too large")


async def test_open_files_end_at_their_limit_and_the_kernel_lives(start_kernel):
    kernel = await start_kernel(open_files=128)

    await kernel.run(
        "held = []\ntry:\n    while True: held.append(open('/dev/null'))\n"
        "except OSError as e: print(e.strerror, len(held) < 128)\ndel held"
    )

    assert kernel.text() == "Too many open files True\n"
    assert (await kernel.run("1")).status == "ok"


@pytest.mark.parametrize("take", [SIGNALS, pytest.param(DESCRIPTORS, marks=own_users)])
async def test_what_linux_counts_for_each_user_one_kernel_cannot_take_from_another(
    start_kernel, take
):
    """Signals that are still to be delivered; descriptors on their way through sockets."""
    greedy, neighbour = await start_kernel(), await start_kernel()

    await greedy.run(f"{take}\nprint(taken)")
    await neighbour.run(f"{take}\nprint(taken)")

    assert 0 < int(greedy.text()) < 10_000
    assert neighbour.text() == greedy.text()


async def test_limits_cannot_be_raised_again(attack):
    text = await attack(
        "import resource\n"
        "for name in ('NPROC', 'FSIZE', 'NOFILE', 'CORE'):\n"
        "    number = getattr(resource, 'RLIMIT_' + name)\n"
        "    hard = resource.getrlimit(number)[1]\n"
        "    try: resource.setrlimit(number, (hard + 1, hard + 1)); print('RAISED', name)\n"
        "    except (ValueError, OSError): pass\nprint('done')"
    )

    assert text == "done\n"


async def test_a_core_dump_is_never_written(start_kernel):
    kernel = await start_kernel()
    await kernel.run("import os, signal; os.kill(os.getpid(), signal.SIGABRT)")

    assert [f.name for f in kernel.session.workspace.files() if "core" in f.name] == []


async def test_one_busy_kernel_leaves_the_processor_to_another(start_kernel):
    """Two spinners against one limit of a fifth of a processor: the neighbour answers at once."""
    hostile, neighbour = await start_kernel(cpus=0.2), await start_kernel()
    await hostile.run(
        "import subprocess\n"
        "ps = [subprocess.Popen(['sh', '-c', 'while :; do :; done']) for _ in range(4)]"
    )

    reply = await neighbour.run("sum(range(10**6))")

    assert reply.status == "ok"
