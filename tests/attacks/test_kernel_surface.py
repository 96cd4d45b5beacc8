"""The system calls that lead out of a sandbox, or into the kernel's rarely trodden parts."""

import pyseccomp
import pytest

from container.host.seccomp import docker_profile, seccomp_program
from tests.docker_engine import on_every_backend

CLOSED = ("EPERM", "ENOSYS")
NEWUSER = 0x10000000
# Call → the arguments of an attempt that would do harm, or show that it could.
ATTEMPTS = {
    "mount": "b'none', b'/tmp', b'tmpfs', 0, 0",
    "umount2": "b'/proc', 2",
    "pivot_root": "b'/tmp', b'/tmp'",
    "chroot": "b'/tmp'",
    "open_tree": "-100, b'/', 1",
    "move_mount": "-1, b'', -1, b'', 0",
    "fsopen": "b'tmpfs', 0",
    "mount_setattr": "-100, b'/', 0, 0, 0",
    "unshare": f"{NEWUSER}",
    "setns": "0, 0",
    "clone": f"{NEWUSER | 17}, 0, 0, 0, 0",
    "clone3": "0, 0",
    "ptrace": "16, 1, 0, 0",
    "process_vm_readv": "1, 0, 0, 0, 0, 0",
    "process_vm_writev": "1, 0, 0, 0, 0, 0",
    "pidfd_getfd": "0, 0, 0",
    "kcmp": "1, 2, 0, 0, 0",
    "keyctl": "0, -3, 0, 0, 0",
    "add_key": "b'user', b'x', b'y', 1, -3",
    "request_key": "b'user', b'x', 0, -3",
    "bpf": "0, 0, 0",
    "perf_event_open": "0, 0, -1, -1, 0",
    "io_uring_setup": "8, 0",
    "userfaultfd": "1",
    "init_module": "0, 0, b''",
    "finit_module": "0, b'', 0",
    "delete_module": "b'loop', 0",
    "kexec_load": "0, 0, 0, 0",
    "swapon": "b'/tmp/x', 0",
    "quotactl": "0, b'/dev/vda', 0, 0",
    "name_to_handle_at": "-100, b'/', 0, 0, 0",
    "open_by_handle_at": "-1, 0, 0",
    "fanotify_init": "0, 0",
    "inotify_init1": "0",
    "acct": "0",
    "reboot": "0, 0, 0, 0",
    "syslog": "3, 0, 0",
    "settimeofday": "0, 0",
    "clock_settime": "0, 0",
    "sethostname": "b'x', 1",
    "personality": "0x0040000",
    "iopl": "3",
    "modify_ldt": "0, 0, 0",
    "memfd_secret": "0",
    "execveat": "-1, b'', 0, 0, 0",
    "mbind": "0, 0, 0, 0, 0, 0",
}


@on_every_backend
async def test_every_dangerous_system_call_is_refused(attack):
    """One kernel tries them all: what is named here and answered otherwise is an opening."""
    architecture = pyseccomp.system_arch()
    numbers = {name: pyseccomp.resolve_syscall(architecture, name) for name in ATTEMPTS}
    known = {name: number for name, number in numbers.items() if number >= 0}
    lines = [f"print({name!r}, *call({known[name]}, {ATTEMPTS[name]}))" for name in known]

    said = [line.split() for line in (await attack("\n".join(lines))).splitlines()]

    assert len(said) == len(known) > 40
    assert [line for line in said if line[1] != "-1" or line[2] not in CLOSED] == []


@on_every_backend
async def test_no_socket_but_a_unix_one_can_be_made(attack):
    """Every address family there is, and one hidden in the upper half of the argument."""
    text = await attack(
        "import socket\nmade = []\n"
        "for family in [*range(46), 1 << 32 | 2]:\n"
        "    for kind in (1, 2, 3):\n"
        "        result, _ = call(41, ctypes.c_ulong(family), kind, 0)\n"
        "        if result >= 0: made.append(family); os.close(result)\n"
        "print(sorted(set(made)), socket.AF_UNIX)"
    )

    assert text == "[1] 1\n"


IN_A_CHILD = """
def in_a_child(attempt):
    child = os.fork()
    if not child:
        os._exit(200 if attempt() >= 0 else 100)
    status = os.waitpid(child, 0)[1]
    return 'killed' if os.WIFSIGNALED(status) else {200: 'allowed', 100: 'refused'}[status >> 8]
"""


@on_every_backend
async def test_the_numbers_of_the_x32_architecture_are_no_way_round(attack):
    text = await attack(
        IN_A_CHILD + "print(in_a_child(lambda: call(0x40000000 | 272, 0x10000000)[0]))\n"
        "print(in_a_child(lambda: call(0x40000000 | 39)[0]))"
    )

    assert set(text.split()) <= {"refused", "killed"}
    assert len(text.split()) == 2


@on_every_backend
async def test_the_numbers_of_32_bit_code_are_no_way_round(attack):
    """``int 0x80`` with getpid's 32-bit number, 20, from a page of machine code."""
    text = await attack(
        IN_A_CHILD + "import mmap\n"
        "page = mmap.mmap(-1, 4096, prot=7)\n"
        "page.write(bytes.fromhex('53b814000000cd805bc3'))\n"
        "address = ctypes.addressof(ctypes.c_char.from_buffer(page))\n"
        "print(in_a_child(ctypes.CFUNCTYPE(ctypes.c_int)(address)))"
    )

    assert text.strip() in ("refused", "killed")


@on_every_backend
@pytest.mark.parametrize("control", ["TIOCSTI", "TIOCLINUX"])
async def test_nothing_can_be_typed_into_a_terminal(attack, control):
    number = {"TIOCSTI": 0x5412, "TIOCLINUX": 0x541C}[control]
    text = await attack(
        "import fcntl, pty\nmaster, slave = pty.openpty()\n"
        f"for number in ({number}, {number} | 1 << 32):\n"
        "    print(*call(16, slave, ctypes.c_ulong(number), b'x'))"
    )

    assert [line.split()[1] for line in text.splitlines()] in (
        ["ENOSYS", "ENOSYS"],
        ["EPERM", "EPERM"],
    )


@on_every_backend
async def test_the_filter_cannot_be_taken_off_and_no_right_comes_back(attack):
    text = await attack(
        "print([l.split()[1] for l in open('/proc/self/status')"
        " if l.startswith(('Seccomp:', 'NoNewPrivs', 'CapEff', 'CapPrm', 'CapBnd', 'CapAmb'))])\n"
        "print(libc.prctl(22, 0, 0, 0, 0), libc.prctl(38, 0, 0, 0, 0), libc.prctl(47, 2, 21, 0, 0))"
    )

    statuses, tries = text.splitlines()
    assert statuses == str(["0" * 16, "0" * 16, "0" * 16, "0" * 16, "1", "2"])
    assert tries == "-1 -1 -1"


@on_every_backend
async def test_device_nodes_cannot_be_made_and_only_harmless_ones_are_there(attack):
    text = await attack(
        "import stat\n"
        "for path, kind in (('/workspace/d', stat.S_IFBLK), ('/tmp/d', stat.S_IFCHR)):\n"
        "    try: os.mknod(path, 0o600 | kind, os.makedev(8, 0)); print('MADE')\n"
        "    except OSError as e: print('refused')\n"
        "kinds = {n: os.lstat('/dev/' + n).st_mode for n in os.listdir('/dev')}\n"
        "print(*sorted(n for n, m in kinds.items() if stat.S_ISBLK(m) or stat.S_ISCHR(m)))"
    )

    *made, devices = text.splitlines()
    assert made == ["refused", "refused"]
    assert set(devices.split()) <= {"console", "full", "null", "random", "tty", "urandom", "zero"}


@on_every_backend
async def test_no_control_group_can_be_changed_or_escaped(attack):
    text = await attack(
        "import glob\nwritten = []\n"
        "for f in glob.glob('/sys/fs/cgroup/**/cgroup.procs', recursive=True)"
        " + glob.glob('/sys/fs/cgroup/**/release_agent', recursive=True)"
        " + glob.glob('/sys/fs/cgroup/**/memory.limit_in_bytes', recursive=True):\n"
        "    try: open(f, 'w').write('0'); written.append(f)\n"
        "    except OSError: pass\nprint(written)"
    )

    assert text == "[]\n"


@on_every_backend
@pytest.mark.parametrize(
    "target",
    ["/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern",
     "/sys/fs/cgroup/x", "/dev/mem", "/proc/sys/vm/overcommit_memory"],
)  # fmt: skip
async def test_kernel_knobs_cannot_be_turned(attack, target):
    text = await attack(
        f"try:\n    open({target!r}, 'w').write('1'); print('WROTE')\n"
        "except OSError: print('refused')"
    )

    assert text == "refused\n"


@on_every_backend
@pytest.mark.parametrize("name", ["kcore", "keys", "timer_list", "kallsyms"])
async def test_what_proc_tells_of_the_host_is_hidden_or_empty(attack, name):
    text = await attack(
        f"try: data = open('/proc/{name}', 'rb').read(4096)\n"
        "except OSError: data = b''\n"
        "print(any(line.split()[0].strip(b'0') for line in data.splitlines() if line.split()))"
    )

    assert text == "False\n"


@on_every_backend
async def test_programs_that_gain_rights_elsewhere_gain_none_here(attack):
    text = await attack(
        "import subprocess, glob\n"
        "found = [p for p in glob.glob('/usr/*bin/*') if os.path.isfile(p) and os.stat(p).st_mode & 0o6000]\n"
        "for p in found[:12]:\n"
        "    r = subprocess.run([p, '-c', 'id'], capture_output=True, text=True, timeout=5, stdin=subprocess.DEVNULL)\n"
        "    if 'uid=0' in r.stdout: print('ROOT', p)\n"
        "print('done')"
    )

    assert text == "done\n"


@on_every_backend
async def test_code_from_memory_runs_under_the_same_filter(attack):
    """memfd and exec give nothing that Python could not do itself."""
    text = await attack(
        "import subprocess\n"
        "fd = os.memfd_create('x', 0)\nos.write(fd, open('/bin/sh', 'rb').read())\n"
        "r = subprocess.run([f'/proc/self/fd/{fd}', '-c', 'grep -E \"^(Seccomp:|CapEff)\" /proc/self/status'],"
        " pass_fds=[fd], capture_output=True, text=True)\nprint(r.stdout.split() or 'refused')"
    )

    assert text.strip() in ("refused", "['CapEff:', '0000000000000000', 'Seccomp:', '2']")


def test_the_program_and_dockers_profile_come_from_one_table():
    program, profile = seccomp_program(), docker_profile()

    assert len(program) % 8 == 0
    refused = {n for group in profile["syscalls"] if group["action"] == "SCMP_ACT_ERRNO" for n in group["names"]}  # fmt: skip
    allowed = {n for group in profile["syscalls"] if group["action"] == "SCMP_ACT_ALLOW" for n in group["names"]}  # fmt: skip
    assert set(ATTEMPTS) - {"clone", "personality"} <= refused
    assert not refused & allowed
