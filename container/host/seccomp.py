"""The system calls a kernel may make: everything not named here is refused.

The table is data; `seccomp_program` compiles it with libseccomp to the BPF program
that bubblewrap and the zygote load, `docker_profile` renders the same table for the
Docker Engine. An unlisted call returns ENOSYS, so that a C library which tries a newer
call falls back; a call that reaches for the host returns EPERM. Calls through another
architecture's numbers (x32, ``int 0x80``) are refused altogether.

Sources: seccomp(2), libseccomp's seccomp_rule_add(3), the OCI runtime specification
("Seccomp").
"""

from __future__ import annotations

import errno
import functools
import tempfile
from dataclasses import dataclass
from typing import Any

from container.errors import SandboxUnavailable

# One family of calls a line.
ALLOWED = """
read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close close_range
open openat openat2 creat dup dup2 dup3 fcntl flock fsync fdatasync sync_file_range syncfs sync
stat lstat fstat newfstatat statx statfs fstatfs access faccessat faccessat2 readlink readlinkat
mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat
chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat umask truncate ftruncate fallocate
utime utimes utimensat futimesat getdents getdents64 chdir fchdir getcwd
getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr
setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
sendfile splice tee copy_file_range fadvise64 readahead
mmap munmap mremap mprotect madvise msync mincore brk mlock mlock2 munlock mlockall munlockall
memfd_create membarrier pkey_alloc pkey_free pkey_mprotect mseal
poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_wait
epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd signalfd4
timerfd_create timerfd_settime timerfd_gettime pipe pipe2
bind listen accept accept4 connect getsockname getpeername setsockopt getsockopt shutdown
sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg
execve fork vfork exit exit_group wait4 waitid kill tkill tgkill pidfd_open pidfd_send_signal
rt_sigaction rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigpending rt_sigtimedwait
rt_sigqueueinfo rt_tgsigqueueinfo sigaltstack pause restart_syscall alarm getitimer setitimer
futex futex_waitv futex_wait futex_wake futex_requeue set_robust_list get_robust_list rseq
set_tid_address arch_prctl prctl getpid gettid getppid getpgid setpgid getpgrp setsid getsid
getuid geteuid getgid getegid getresuid getresgid getgroups setuid setgid setreuid setregid
setresuid setresgid setfsuid setfsgid setgroups capget capset
getrlimit setrlimit prlimit64 getrusage times sysinfo uname getcpu getrandom
clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time timer_create timer_settime
timer_gettime timer_getoverrun timer_delete
sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_setparam sched_getscheduler
sched_setscheduler sched_getattr sched_setattr sched_get_priority_max sched_get_priority_min
sched_rr_get_interval getpriority setpriority ioprio_get ioprio_set
shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl
landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp
""".split()

# They reach for the host, for other processes, or for rarely used parts of Linux. And
# inotify: Linux counts its few instances for the user that created the outermost user
# namespace too, so all forked kernels would share them.
REFUSED = """
mount umount2 pivot_root chroot mount_setattr move_mount open_tree fsopen fsconfig fsmount fspick
open_tree_attr statmount listmount swapon swapoff quotactl quotactl_fd name_to_handle_at
open_by_handle_at fanotify_init fanotify_mark lookup_dcookie nfsservctl acct
unshare setns ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp
pidfd_getfd add_key request_key keyctl bpf perf_event_open userfaultfd
io_uring_setup io_uring_enter io_uring_register io_setup io_submit io_cancel io_destroy
io_getevents io_pgetevents vmsplice memfd_secret remap_file_pages execveat
init_module finit_module delete_module create_module query_module get_kernel_syms
kexec_load kexec_file_load reboot syslog sethostname setdomainname settimeofday clock_settime
clock_adjtime adjtimex iopl ioperm modify_ldt uselib ustat sysfs _sysctl vhangup vserver
mbind set_mempolicy get_mempolicy set_mempolicy_home_node migrate_pages move_pages
mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
inotify_init inotify_init1 inotify_add_watch inotify_rm_watch
""".split()

NO_SUCH_CALL = ["clone3"]
"""A filter can't read its flags, which are in memory; on ENOSYS the C library uses clone."""

WORD = 0xFFFFFFFF
"""Mask for arguments of which Linux uses the lower 32 bits only."""

NEW_NAMESPACES = 0x7E020080
"""CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET and TIME."""

FILE_TYPE, FIFO, REGULAR = 0o170000, 0o010000, 0o100000
AF_UNIX, AF_INET = 1, 2
# Terminal and file controls, without TIOCSTI and TIOCLINUX, which inject terminal input.
IOCTLS = {
    "TCGETS TCSETS TCSETSW TCSETSF": range(0x5401, 0x5405),
    "TCSBRK TCXONC TCFLSH": range(0x5409, 0x540C),
    "TIOCSCTTY TIOCGPGRP TIOCSPGRP TIOCOUTQ": range(0x540E, 0x5412),
    "TIOCGWINSZ TIOCSWINSZ": range(0x5413, 0x5415),
    "FIONREAD": range(0x541B, 0x541C),
    "FIONBIO TIOCNOTTY": range(0x5421, 0x5423),
    "TIOCGSID": (0x5429,),
    "TIOCGPTN TIOCSPTLCK TIOCGPTPEER": (0x80045430, 0x40045431, 0x5441),
    "FIONCLEX FIOCLEX FIOASYNC": (0x5450, 0x5451, 0x5452),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A call is allowed when its argument number *arg*, masked by *mask*, equals *value*."""

    call: str
    arg: int
    mask: int
    value: int


def conditions(*, loopback: bool = False) -> tuple[Condition, ...]:
    """Return the calls that are allowed for some arguments only.

    Args:
        loopback: Allow TCP over IPv4 too, for a kernel that needs it; its network namespace
            has only its own loopback.
    """
    return (
        *((Condition("socket", 0, WORD, AF_INET),) if loopback else ()),
        Condition("socket", 0, WORD, AF_UNIX),
        Condition("socketpair", 0, WORD, AF_UNIX),
        Condition("clone", 0, NEW_NAMESPACES, 0),
        Condition("personality", 0, WORD, 0),
        Condition("personality", 0, WORD, WORD),
        *(Condition("mknod", 1, FILE_TYPE, kind) for kind in (0, FIFO, REGULAR)),
        *(Condition("mknodat", 2, FILE_TYPE, kind) for kind in (0, FIFO, REGULAR)),
        *(Condition("ioctl", 1, WORD, number) for group in IOCTLS.values() for number in group),
    )


@functools.cache
def seccomp_program(*, loopback: bool = False) -> bytes:
    """Return the table as the BPF program of this machine's architecture.

    Args:
        loopback: As in `conditions`.

    Returns:
        An array of ``struct sock_filter``, as bubblewrap's ``--seccomp`` and
        ``PR_SET_SECCOMP`` take it.

    Raises:
        SandboxUnavailable: libseccomp is not installed.
    """
    try:
        import pyseccomp
    except (ImportError, OSError, RuntimeError) as missing:
        raise SandboxUnavailable(
            f"libseccomp can't be loaded ({missing})", "Install it: apt-get install libseccomp2."
        ) from missing
    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.ENOSYS))
    rules.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.ERRNO(errno.ENOSYS))
    for name in _known(REFUSED):
        rules.add_rule_exactly(pyseccomp.ERRNO(errno.EPERM), name)
    for name in _known(ALLOWED):
        rules.add_rule_exactly(pyseccomp.ALLOW, name)
    for rule in conditions(loopback=loopback):
        if _known([rule.call]):
            rules.add_rule_exactly(
                pyseccomp.ALLOW,
                rule.call,
                pyseccomp.Arg(rule.arg, pyseccomp.MASKED_EQ, rule.mask, rule.value),
            )
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _known(names: list[str]) -> list[str]:
    """Return the names this libseccomp knows on this architecture; the rest stay refused."""
    import pyseccomp

    architecture = pyseccomp.system_arch()
    return [name for name in names if pyseccomp.resolve_syscall(architecture, name) >= 0]


def docker_profile() -> dict[str, Any]:
    """Return the table as the seccomp profile the Docker Engine takes.

    Returns:
        The OCI ``linux.seccomp`` object; no architecture is named, so only the
        native one may be used.
    """
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": errno.ENOSYS,
        "syscalls": [
            {"names": REFUSED, "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM},
            # Engines before 23 ignore defaultErrnoRet and return EPERM.
            {"names": NO_SUCH_CALL, "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS},
            {"names": ALLOWED, "action": "SCMP_ACT_ALLOW"},
            *(
                {
                    "names": [rule.call],
                    "action": "SCMP_ACT_ALLOW",
                    "args": [
                        {
                            "index": rule.arg,
                            "value": rule.mask,
                            "valueTwo": rule.value,
                            "op": "SCMP_CMP_MASKED_EQ",
                        }
                    ],
                }
                for rule in conditions()
            ),
        ],
    }
