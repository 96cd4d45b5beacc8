"""Errors of the container layer.

::

    ContainerError
    ├── SandboxUnavailable     this host cannot confine a kernel
    ├── KernelStartFailed      the kernel never answered
    ├── LanguageNotInstalled   what a cell's language needs is not installed here
    ├── KernelNotFound         no shim owns a kernel of this name
    ├── KernelDied             it ended while in use; variables are lost
    │   └── MemoryLimitExceeded
    ├── MemoryLimitReached     it asked for more memory than it may have; state kept
    ├── ProcessLimitReached    it asked for more processes or threads than it may have
    ├── DiskQuotaExceeded      its workspace grew past its size
    ├── CellTimedOut           stopped at its time limit; see `state_kept`
    ├── CellWouldNotStop       interrupted in vain, then killed; variables are lost
    ├── OutputLimitExceeded    stopped because it printed too much; state kept
    ├── OutputsIncomplete      the kernel did not send all outputs; state kept
    ├── PageNotPrinted         a web page could not be made a PDF
    ├── UnsafePath             a name that leaves the workspace or is a link
    └── WorkspaceFileNotFound
"""

from __future__ import annotations

ENDS = {
    4: "a library ran an instruction that this processor does not have",
    6: "a library found a fault in its own data and gave up",
    7: "memory or disk space ended while a library used it",
    8: "a library divided by zero",
    9: "it was killed from outside, often because the host is short of memory",
    11: "a library crashed",
    15: "it was asked to end",
    24: "it used more processor time than it may",
    25: "it wrote a larger file than it may",
    31: "it made a system call that the sandbox forbids",
}
"""Why a process ended, by the number of the signal that ended it (signal(7) on Linux)."""


class ContainerError(Exception):
    """Base of every error this layer raises on purpose."""

    code = "container-error"
    hint = ""
    """What to do next, in plain words."""


class SandboxUnavailable(ContainerError):
    """No kernel can be confined on this host, so none is started."""

    code = "sandbox-unavailable"
    hint = "See `tallybook doctor` and docs/operator.md."

    def __init__(self, reason: str, way_out: str) -> None:
        super().__init__(reason, way_out)
        self.reason, self.way_out = reason, way_out

    def __str__(self) -> str:
        return f"No sandbox can be started here: {self.reason}. {self.way_out}"


class KernelStartFailed(ContainerError):
    """The kernel process ran, or tried to, but never answered."""

    code = "kernel-start-failed"
    hint = "Send the request again."

    def __init__(self, seconds: float, log: str) -> None:
        super().__init__(seconds, log)
        self.seconds, self.log = seconds, log

    def __str__(self) -> str:
        last = self.log.strip().splitlines()[-1:] or ["it printed nothing"]
        return f"The kernel did not answer within {self.seconds:g} s ({last[0]}). Try again."


class LanguageNotInstalled(ContainerError):
    """What a language's kernel needs is not installed on this machine."""

    code = "language-not-installed"
    hint = "An operator installs it; until then, send Python."

    def __init__(self, kernel: str, install: str) -> None:
        super().__init__(kernel, install)
        self.kernel, self.install = kernel, install

    def __str__(self) -> str:
        return (
            f"The kernel {self.kernel!r} can't start on this machine. Install it: {self.install}."
        )


class KernelNotFound(ContainerError):
    """No kernel of this name runs; it ended, or never was."""

    code = "kernel-not-found"

    def __init__(self, kernel_id: str) -> None:
        super().__init__(kernel_id)
        self.kernel_id = kernel_id

    def __str__(self) -> str:
        return f"There is no kernel {self.kernel_id!r} any more. Start a new one."


class KernelDied(ContainerError):
    """The kernel process ended; its variables are lost, its workspace is not."""

    code = "kernel-died"
    hint = "Send the request again: a new kernel is started. Files and the notebook are kept."

    def __init__(self, signal: int | None = None, exit_code: int | None = None) -> None:
        super().__init__(signal, exit_code)
        self.signal, self.exit_code = signal, exit_code

    def __str__(self) -> str:
        why = "the code ended it"
        if self.signal:
            why = ENDS.get(self.signal, f"it was killed by signal {self.signal}")
        return (
            f"The kernel ended: {why}. Its variables are lost; the files in the workspace are "
            "kept. The next request starts a new kernel."
        )


class MemoryLimitExceeded(KernelDied):
    """The kernel was killed because it used more memory than its limit."""

    code = "memory-limit-exceeded"

    def __init__(self, memory_bytes: int) -> None:
        super().__init__(9, None)
        self.args = (memory_bytes,)
        self.memory_bytes = memory_bytes

    def __str__(self) -> str:
        return (
            f"The kernel used more than its {self.memory_bytes // (1024 * 1024)} MB of memory and "
            "was stopped. Its variables are lost; files are kept. Read fewer columns or rows at "
            "once, or raise the memory limit."
        )


class MemoryLimitReached(ContainerError):
    """The code was refused more memory; the kernel goes on."""

    code = "memory-limit-reached"

    def __init__(self, memory_bytes: int) -> None:
        super().__init__(memory_bytes)
        self.memory_bytes = memory_bytes

    def __str__(self) -> str:
        return (
            f"The cell needed more than its {self.memory_bytes // (1024 * 1024)} MB of memory. "
            "Variables are kept. Read fewer columns or rows at once, delete variables that are "
            "not needed (del name), or raise the memory limit."
        )


class ProcessLimitReached(ContainerError):
    """The code was refused another process or thread."""

    code = "process-limit-reached"

    def __init__(self, pids: int) -> None:
        super().__init__(pids)
        self.pids = pids

    def __str__(self) -> str:
        return (
            f"The cell wanted more than its {self.pids} processes and threads. Variables are "
            "kept. Use fewer workers, or raise the process limit."
        )


class DiskQuotaExceeded(ContainerError):
    """The workspace grew past its size, so the cell was stopped."""

    code = "disk-quota-exceeded"

    def __init__(self, disk_bytes: int, disk_files: int, *, state_kept: bool = True) -> None:
        super().__init__(disk_bytes, disk_files, state_kept)
        self.disk_bytes, self.disk_files, self.state_kept = disk_bytes, disk_files, state_kept

    def __reduce__(self) -> tuple[object, ...]:
        return (_disk_quota_exceeded, self.args)

    def __str__(self) -> str:
        state = "Variables are kept." if self.state_kept else "Its variables are lost."
        return (
            f"The workspace grew past {self.disk_bytes // (1024 * 1024)} MB or {self.disk_files} "
            f"files and the cell was stopped. {state} Delete files that are not needed, or raise "
            "the disk limit."
        )


def _disk_quota_exceeded(disk_bytes: int, disk_files: int, state_kept: bool) -> DiskQuotaExceeded:  # noqa: FBT001 (pickling)
    return DiskQuotaExceeded(disk_bytes, disk_files, state_kept=state_kept)


class CellTimedOut(ContainerError):
    """The cell ran longer than its limit and was stopped."""

    code = "cell-timed-out"

    def __init__(self, seconds: float, *, state_kept: bool) -> None:
        super().__init__(seconds, state_kept)
        self.seconds, self.state_kept = seconds, state_kept

    def __reduce__(self) -> tuple[object, ...]:
        return (_cell_timed_out, (self.seconds, self.state_kept))

    def __str__(self) -> str:
        state = (
            "Variables are kept."
            if self.state_kept
            else "It would not stop, so the kernel was killed and its variables are lost."
        )
        return f"The cell ran longer than {self.seconds:g} s and was stopped. {state}"


def _cell_timed_out(seconds: float, state_kept: bool) -> CellTimedOut:  # noqa: FBT001 (pickling)
    return CellTimedOut(seconds, state_kept=state_kept)


class CellWouldNotStop(ContainerError):
    """An interrupted cell went on, so the kernel was killed; its variables are lost."""

    code = "cell-would-not-stop"

    def __init__(self, grace_seconds: float) -> None:
        super().__init__(grace_seconds)
        self.grace_seconds = grace_seconds

    def __str__(self) -> str:
        return (
            f"The cell was interrupted but did not stop within {self.grace_seconds:g} s, so the "
            "kernel was killed. Its variables are lost; files are kept."
        )


class OutputLimitExceeded(ContainerError):
    """The cell produced more output than its limit and was interrupted."""

    code = "output-limit-exceeded"

    def __init__(self, output_bytes: int) -> None:
        super().__init__(output_bytes)
        self.output_bytes = output_bytes

    def __str__(self) -> str:
        return (
            f"The cell printed more than {self.output_bytes // 1024} KB and was interrupted. "
            "Variables are kept. Print less, or write the result to a file in outputs/."
        )


class OutputsIncomplete(ContainerError):
    """The cell ended, but its kernel did not send all of its outputs."""

    code = "outputs-incomplete"

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return (
            f"The cell ended, but its kernel sent nothing more for {self.seconds:g} s and never "
            "the end of its outputs, so some may be missing. Variables are kept. Run the cell "
            "again; if memory is short, delete variables that are not needed first."
        )


class PageNotPrinted(ContainerError):
    """A web page could not be made a PDF."""

    code = "page-not-printed"

    def __init__(self, reason: str, way_out: str) -> None:
        super().__init__(reason, way_out)
        self.reason, self.way_out = reason, way_out

    def __str__(self) -> str:
        return f"No PDF was made: {self.reason}. {self.way_out}".rstrip()


class UnsafePath(ContainerError):
    """A file name that would leave the workspace, or names a link or device."""

    code = "unsafe-path"
    hint = "Rename the file and upload it again."

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name, self.reason = name, reason

    def __str__(self) -> str:
        return f"The file name {self.name[:120]!r} can't be used: {self.reason}."


class WorkspaceFileNotFound(ContainerError):
    """The workspace holds no such file."""

    code = "file-not-found"
    hint = "List the files with GET …/files."

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"The workspace has no file {self.name[:120]!r}. List its files to see what is there."
        )
