"""What one kernel may use."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The resources of one kernel.

    Attributes:
        cpus: Processors' worth of time the whole sandbox may use.
        memory_bytes: Memory of all its processes together, /tmp included.
        pids: Processes and threads alive at once.
        file_bytes: Size of any one file it writes.
        tmp_bytes: Size of its /tmp.
        disk_bytes: Size of its workspace.
        disk_files: Files and directories in its workspace.
        open_files: File descriptors of one process.
        seconds: Wall time of one cell.
        grace_seconds: How long an interrupted cell may take to stop before it is killed.
        output_bytes: Output of one cell: all streams and displays together.
        start_seconds: How long a kernel may take until it answers.
        audited: Arm the audit hook of a Python kernel (`container.inside.audit_hook`); off
            only in tests of the sandbox behind it.
    """

    cpus: float = 1.0
    memory_bytes: int = 512 * MIB
    pids: int = 64
    file_bytes: int = 256 * MIB
    tmp_bytes: int = 256 * MIB
    disk_bytes: int = 1024 * MIB
    disk_files: int = 10_000
    open_files: int = 1024
    seconds: float = 120.0
    grace_seconds: float = 5.0
    output_bytes: int = 10 * MIB
    start_seconds: float = 30.0
    audited: bool = True


def limits_to_json(limits: Limits) -> dict[str, Any]:
    """Render *limits* as plain JSON values, keyed by field name."""
    return asdict(limits)


def limits_from_json(value: dict[str, Any]) -> Limits:
    """Rebuild limits from `limits_to_json`.

    Raises:
        TypeError: A key is unknown.
    """
    return Limits(**value)
