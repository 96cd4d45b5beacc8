"""``python -m benchmarks``: measure, compare with the goals, write benchmarks/README.md."""

from __future__ import annotations

import os
import platform
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from benchmarks.channels import measure_channels
from benchmarks.chats import measure_chats
from benchmarks.execute import measure_execute
from benchmarks.kernel_hold import measure_cycles, measure_idle
from benchmarks.kernel_start import measure_kernel_start
from benchmarks.profile import measure_profile
from benchmarks.running import Measure, in_its_own_directory
from benchmarks.turn import measure_turn
from benchmarks.upload import measure_upload

README = Path(__file__).with_name("README.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure.

    Attributes:
        name: What was measured.
        value: The measurement, in *unit*.
        goal: The most it may be.
        unit: Such as ``ms`` or ``MB``.
        peer: What it was compared with in the same run, and that one's value.
    """

    name: str
    value: float
    goal: float
    unit: str
    peer: str

    @property
    def met(self) -> bool:
        """Whether the goal is reached; of a ratio to a peer, more is better."""
        return self.value >= self.goal if self.unit == "x" else self.value <= self.goal


MEASURES: tuple[Measure, ...] = (
    measure_kernel_start,
    measure_turn,
    measure_chats,
    measure_execute,
    measure_channels,
    measure_upload,
    measure_profile,
    measure_idle,
    measure_cycles,
)


def measure_all() -> list[Figure]:
    """Run every measurement, one after the other.

    Each has a process of its own: what one leaves in memory would slow the client of the next.
    """
    figures = []
    for measure in MEASURES:
        print(f"{measure.__name__} …", file=sys.stderr)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            found = process.submit(in_its_own_directory, measure).result()
        for name, value, goal, unit, peer in found:
            figures.append(Figure(name=name, value=value, goal=goal, unit=unit, peer=peer))
    return figures


def machine() -> str:
    """Describe this machine in a few words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = platform.python_version()
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}, Python {python}, "
        f"{'root (kernels under their own users)' if os.geteuid() == 0 else 'rootless'}"
    )


def render(figures: list[Figure]) -> str:
    """Return the page for benchmarks/README.md."""
    rows = [
        f"| {f.name} | {f.value:.1f} {f.unit} | {'≥' if f.unit == 'x' else '≤'} {f.goal:.3g} "
        f"{f.unit} | "
        f"{'yes' if f.met else '**no**'} | {f.peer} |"
        for f in figures
    ]
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "`make bench` measures all of this and writes this page. A peer is something run in",
            "the same minute on the same machine, so that a ratio means something on another one.",
            "",
            f"{datetime.now(UTC):%Y-%m-%d}, {machine()}.",
            "",
            "| figure | measured | goal | met | peer in the same run |",
            "|---|---|---|---|---|",
            *rows,
            "",
            "- *New kernel*: from nothing to its answer, in its sandbox and control group;",
            "  the fork server runs already, as it does from the service's second kernel on. The",
            "  peer starts an ipykernel as a plain process, without any sandbox.",
            "- *At once*: three bursts on each side, in turns; one in which a kernel of the peer",
            "  never answers, because another has its port, is asked for again.",
            "- *New session of the service*: the same with two kernels kept warm, its default.",
            "- *Private memory*: Private_Clean and Private_Dirty of the kernel's processes after a",
            "  DataFrame was shown; *memory for each idle kernel*: what MemAvailable lost, page",
            "  tables and the service's own part included.",
            "- *Overhead of a turn*: time from `turn.request` to `turn.finished`, less the time",
            "  the user's code ran; everything else counts, the HTTP client and stand-in too.",
            "- *`1+1`*: from sending `execute.request` over the websocket to its result on the",
            "  websocket (and to `cell.finished`, when it is durable in the journal), with risk",
            "  check, stored events and record; the service is a process of its own.",
            "  The goal of 8 ms is for the result; the durable end has a goal of its own.",
            "- *Over Jupyter's websocket*: the same client, in the same words, with both in",
            "  turns; a pause of 20 ms between two cells. Lost is what had not come 10 s after",
            "  the last message.",
            "- *Among 100 chats*: each has a kernel of its own; they ask at random moments.",
            "- *Upload*: growth of the service's peak memory (VmHWM) by a 100 MB file.",
            "- *Profile*: from file to profile, the reader's sandbox included.",
            "",
        ]
    )


def main() -> None:
    """Measure, print, write; exit with 1 when a goal is missed."""
    figures = measure_all()
    page = render(figures)
    README.write_text(page, encoding="utf-8")
    print(page)
    sys.exit(0 if all(figure.met for figure in figures) else 1)


if __name__ == "__main__":
    main()
