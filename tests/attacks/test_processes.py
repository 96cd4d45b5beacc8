"""Other processes: those of the host, of the service, of other sessions and of the zygote."""

import os
import signal

from container.errors import KernelDied
from tests.docker_engine import on_every_backend

pytestmark = on_every_backend


async def test_only_its_own_processes_are_visible(attack):
    text = await attack(
        "print(len([p for p in os.listdir('/proc') if p.isdigit()]) < 8)\n"
        f"print(os.path.exists('/proc/{os.getpid()}'))"
    )

    assert text == "True\nFalse\n"


async def test_the_service_cannot_be_signalled(attack):
    text = await attack(
        f"for pid in ({os.getpid()}, {os.getppid()}):\n"
        "    try: os.kill(pid, 0); print('REACHED')\n"
        "    except ProcessLookupError: print('no such process')"
    )

    assert text == "no such process\n" * 2


async def test_killing_everything_in_reach_ends_only_itself(start_kernel):
    other = await start_kernel()
    hostile = await start_kernel()

    await hostile.run(
        "import os, signal\nfor pid in (-1, 1):\n"
        "    try: os.kill(pid, signal.SIGKILL)\n    except OSError as e: print(e.strerror)"
    )

    assert set(hostile.text().splitlines()) <= {"No such process", "Operation not permitted"}
    assert (await other.run("print('alive')")).status == "ok"


async def test_what_is_not_its_own_cannot_be_looked_into(attack):
    text = await attack(
        "me = str(os.getpid())\nseen = []\n"
        "for pid in [p for p in os.listdir('/proc') if p.isdigit() and p != me]:\n"
        "    for what in ('mem', 'environ', 'maps'):\n"
        "        try: data = open(f'/proc/{pid}/{what}', 'rb').read(64)\n"
        "        except OSError: continue\n"
        "        if what == 'mem' or b'GEMINI' in data: seen.append((pid, what))\n"
        "    try:\n"
        "        if not os.path.samefile(f'/proc/{pid}/root', '/'): seen.append((pid, 'root'))\n"
        "        links = [os.readlink(f'/proc/{pid}/fd/{fd}') for fd in os.listdir(f'/proc/{pid}/fd')]\n"
        "        seen += [(pid, l) for l in links if l[0] == '/' and not l.startswith('/dev/')]\n"
        "    except OSError: pass\n"
        "print(seen)"
    )

    assert text == "[]\n"


async def test_the_first_process_of_its_namespace_cannot_be_stopped_or_opened(start_kernel):
    kernel = await start_kernel()

    await kernel.run(
        "import os, signal\nos.kill(1, signal.SIGSTOP)\n"
        "try: fd = os.pidfd_open(1); signal.pidfd_send_signal(fd, signal.SIGSTOP)\n"
        "except OSError: pass"
    )

    assert (await kernel.run("print('on')")).status == "ok"
    await kernel.session.aclose()


async def test_a_kernel_that_stops_itself_is_ended_at_its_time(start_kernel):
    kernel = await start_kernel(seconds=0.5, grace_seconds=0.5)

    reply = await kernel.run("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)")

    assert reply.status == "died"
    assert reply.error.code == "cell-timed-out"


async def test_leaving_at_once_is_a_typed_end(start_kernel):
    kernel = await start_kernel()

    reply = await kernel.run("import os; os._exit(7)")

    assert isinstance(reply.error, KernelDied)
    assert reply.error.exit_code == 7


async def test_a_crash_is_a_typed_end_with_its_signal(start_kernel):
    kernel = await start_kernel()

    reply = await kernel.run("import ctypes; ctypes.string_at(0)")

    assert isinstance(reply.error, KernelDied)
    assert reply.error.signal == signal.SIGSEGV


async def test_children_that_leave_their_group_end_with_the_kernel(start_kernel):
    kernel = await start_kernel()
    mark = f"8{os.getpid()}"
    await kernel.run(
        "import subprocess\n"
        f"subprocess.Popen(['setsid', 'sh', '-c', 'trap \"\" TERM INT HUP; sleep {mark} & wait'])"
    )

    await kernel.session.aclose()

    commands = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                commands.append(file.read().split("\0")[:-1])
        except OSError:
            continue
    assert ["sleep", mark] not in commands


async def test_children_that_a_cell_leaves_do_not_hold_up_the_next(start_kernel):
    kernel = await start_kernel()

    await kernel.run("import subprocess; p = subprocess.Popen(['sh', '-c', 'while :; do :; done'])")
    reply = await kernel.run("print('next')")

    assert (reply.status, kernel.text()) == ("ok", "next\n")


async def test_zombies_are_reaped(start_kernel):
    kernel = await start_kernel()

    await kernel.run(
        "import subprocess, time\n"
        "for _ in range(30): subprocess.run(['sh', '-c', 'true & exec true'])\ntime.sleep(0.3)\n"
        "import os\nstates = [open(f'/proc/{p}/stat').read().rpartition(')')[2].split()[0]"
        " for p in os.listdir('/proc') if p.isdigit()]\nprint(states.count('Z'))"
    )

    assert kernel.text() == "0\n"
