"""``python -m benchmarks``: measure, compare with the goals, write benchmarks/README.md.

``python -m benchmarks front-door`` measures one section; the others stay as they are.
"""

from __future__ import annotations

import argparse
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
from benchmarks.comparison import measure_comparison
from benchmarks.context import measure_context
from benchmarks.execute import measure_execute
from benchmarks.front_door_figures import measure_front_door
from benchmarks.kernel_hold import measure_cycles, measure_idle
from benchmarks.kernel_start import measure_kernel_start
from benchmarks.large_workbooks import measure_large_workbooks
from benchmarks.lineage import measure_lineage
from benchmarks.pane import measure_pane
from benchmarks.past_turns import measure_past_turns
from benchmarks.profile import measure_profile
from benchmarks.prompts.measure import measure_prompts
from benchmarks.repeated import measure_repeated
from benchmarks.running import Measure, in_its_own_directory
from benchmarks.snapshots import measure_snapshots
from benchmarks.turn import measure_turn
from benchmarks.upload import measure_upload
from benchmarks.workbooks import measure_workbooks

README = Path(__file__).with_name("README.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure.

    Attributes:
        name: What was measured.
        value: The measurement, in *unit*.
        goal: The most it may be; of a ratio to a peer, the least.
        unit: Such as ``ms`` or ``MB``; ``x`` for a ratio to a peer.
        peer: What it was compared with in the same run, and that one's value.
    """

    name: str
    value: float
    goal: float
    unit: str
    peer: str

    @property
    def measured(self) -> str:
        """The value as it is printed, with its unit."""
        return f"{self.value:.{2 if self.unit in ('s', 'times') else 1}f} {self.unit}"

    @property
    def met(self) -> bool:
        """Whether the goal is reached; of a ratio to a peer, more is better."""
        return self.value >= self.goal if self.unit == "x" else self.value <= self.goal


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the page, with the date, machine and load of its own run.

    Attributes:
        name: As on the command line.
        heading: Of the section.
        measures: What fills its table.
        notes: Below the table, in Markdown.
    """

    name: str
    heading: str
    measures: tuple[Measure, ...]
    notes: str


FRONT_DOOR_NOTES = """\
A Jupyter client that knows nothing of the service (`benchmarks/front_door.py`) takes these times
through the REST and websocket API, here and at the peer, in turns. The service is a process of its
own and has sandbox, risk check, stored events and a recorded notebook; the peer has none of these.

- *Session start*: `POST /api/kernels`, the websocket, `kernel_info_reply`. Blocks of four, one
  after the other; the first of a block comes after a rest of two seconds, in which
  spare kernels are started again.
- *First DataFrame*: from `POST` until the reply and the idle status of a cell that imports pandas
  and openpyxl and shows a DataFrame.
- *`1+1`*: from sending the request until its reply and the idle status have both come. The peer
  leaves Nagle's algorithm on; the same peer with TCP_NODELAY set is beside it. Here
  `requests_per_minute` is 0: by default a user may send 1200.
- *30 at once*: three bursts on each side. A kernel of the peer that never answers, because another
  has its port, is left out of its time.
- *100 at once*: three bursts, each at a service that has no setting but its port and directory.
- *Printed*: until the last message came; lost is what had not come 10 s after it. The service
  runs with `output_limit_mb=100`, since by default a cell is stopped at 10 MiB.
"""
PARTS_NOTES = """\
- *New kernel*: from nothing to its answer, in its sandbox and control group;
  the fork server runs already, as it does from the service's second kernel on. The
  peer starts an ipykernel as a plain process, without any sandbox.
- *At once*: three bursts on each side, in turns; one in which a kernel of the peer
  never answers, because another has its port, is asked for again.
- *New session of the service*: the same with two kernels kept warm, its default.
- *Private memory*: Private_Clean and Private_Dirty of the kernel's processes after a
  DataFrame was shown; *memory for each idle kernel*: what MemAvailable lost, page
  tables and the service's own part included.
- *Overhead of a turn*: time from `turn.request` to `turn.finished`, less the time
  the user's code ran; everything else counts, the HTTP client and stand-in too.
- *`1+1`*: from sending `execute.request` over the websocket to its result on the
  websocket (and to `cell.finished`, when it is durable in the journal), with risk
  check, stored events and record; the service is a process of its own.
  The goal of 8 ms is for the result; the durable end has a goal of its own.
- *Over Jupyter's websocket*: the same client, in the same words, with both in
  turns; a pause of 20 ms between two cells. Lost is what had not come 10 s after
  the last message.
- *Among 100 chats*: each has a kernel of its own; they ask at random moments.
- *Upload*: growth of the service's peak memory (VmHWM) by a 100 MB file.
- *Profile*: from file to profile, the reader's sandbox included.
"""
WORKBOOK_NOTES = """\
- *500,000 x 12 cells*: dates, texts, numbers and truths, by `to_excel` and `read_excel` in a kernel
  with the default limits; the kernel that reads is not the one that wrote.
- *Compare*: both were written from their rows, so that no part is the same byte by byte.
"""
PROFILES_NOTES = """\
Labelled workbooks (`tests/corpus`): what a careful person would say each sheet holds. *Held out*
are those that were written after the detector. The first time they were scored, 150 of 152 tables
and all totals and recipes were right; the kind of fault behind the two (labels with texts above a
table) was mended then. All were made by the detector's author: other people's files have more.

- *Tables wrong*: another header row, or other bounds, or another number of tables in the sheet.
- *Total rows wrong*: missed ones and ones that are none.
- *Recipes wrong*: the code that the profile gives for a table was run; a name, type or value of
  its frame differs from the truth.
- *50 ordinary workbooks*: in one process, one after the other.
"""
CONTEXT_NOTES = """\
- *First message*: from the recorded notebook and the profiles, both in memory, to the text that
  is sent, with the event that says what is in it. Reading a file's profile is not in it.
- *Search in past turns*: SQLite; two frequent words and two rare ones, all turns are one user's.
  By meaning: without the time that the model's service takes for the embedding of the request.
"""
LINEAGE_NOTES = """\
- *With lineage and without it*: the same cells in three services in turns, over HTTP; every tenth
  cell writes a workbook, which is checked. Lineage: the map in the record, and what is stale.
- *Trace*: `GET …/notebook/trace`, of a pivot that was written before the other cells.
"""
SNAPSHOTS_NOTES = """\
- *Undo*: `POST …/history/undo` of a request that changed one of five frames of 40 MB, until its
  reply; the same cells in a service without snapshots. The files go back too; the kernel is a new
  one, and hashes and fingerprints are checked.
- *A lost kernel*: from `/execute` of a path whose kernel was ended, until its reply.
- *What the next cell waits*: `1 + 1` sent right after the reply to the cell whose snapshot is made,
  less the same without snapshots.
"""
LEARNING_NOTES = """\
A scripted model looks the table up, reads it wrong once, and mends that; where the prompt has code
that worked on a table with these columns, it takes that. So the figures say what a model that uses
the reference saves, not how often a real one does. The second conversation is the same user's.
"""
PROMPTS_NOTES = """\
Tasks of finance on files made for them, each with values computed apart.
`benchmarks/prompts/measured.md` has a row for each version of the prompt, and says what a recorded
run can show and what it can't.
"""
PANE_NOTES = """\
Debian's Chromium without a screen, on the same two cores as the service, its kernel and the
stand-in for the model. *Work* is what Chromium says of the page's main thread (`TaskDuration`): it
says what the page costs, where times also say what else runs on the machine.

- *Cold*: nothing in the browser's cache; the time is from the navigation until what is asked for is
  drawn. The rest of the page's parts are loaded behind it.
- *Streamed*: one cell prints; the longest task is what can hold up a frame.
- *Scrolled*: from the first row to the last in 300 steps, one a frame.
"""
SECTIONS = (
    Section(
        name="front-door",
        heading="Through the front door",
        measures=(measure_front_door,),
        notes=FRONT_DOOR_NOTES,
    ),
    Section(
        name="profiles",
        heading="Knowing workbooks",
        measures=(measure_workbooks,),
        notes=PROFILES_NOTES,
    ),
    Section(
        name="parts",
        heading="Part by part",
        measures=(
            measure_kernel_start,
            measure_turn,
            measure_chats,
            measure_execute,
            measure_channels,
            measure_upload,
            measure_profile,
            measure_idle,
            measure_cycles,
        ),
        notes=PARTS_NOTES,
    ),
    Section(
        name="workbooks",
        heading="Large workbooks",
        measures=(measure_large_workbooks, measure_comparison),
        notes=WORKBOOK_NOTES,
    ),
    Section(
        name="context",
        heading="What the model is sent",
        measures=(measure_context, measure_past_turns),
        notes=CONTEXT_NOTES,
    ),
    Section(
        name="lineage",
        heading="Lineage",
        measures=(measure_lineage,),
        notes=LINEAGE_NOTES,
    ),
    Section(
        name="snapshots",
        heading="Snapshots of variables",
        measures=(measure_snapshots,),
        notes=SNAPSHOTS_NOTES,
    ),
    Section(
        name="learning",
        heading="What is learned",
        measures=(measure_repeated,),
        notes=LEARNING_NOTES,
    ),
    Section(
        name="prompts",
        heading="The prompt on recorded tasks",
        measures=(measure_prompts,),
        notes=PROMPTS_NOTES,
    ),
    Section(name="pane", heading="The page", measures=(measure_pane,), notes=PANE_NOTES),
)
INTRODUCTION = """\
# Benchmarks

`make bench` measures all of this and writes this page; `python -m benchmarks NAME` measures one
section (NAMES). A peer is something run in the same minute on the
same machine, so that a ratio means something on another one.
""".replace("NAMES", ", ".join(f"`{section.name}`" for section in SECTIONS))


def measure_all(section: Section) -> list[Figure]:
    """Run every measurement of *section*, one after the other.

    Each has a process of its own: what one leaves in memory would slow the client of the next.
    """
    figures = []
    for measure in section.measures:
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


def load() -> str:
    """Say how busy the machine is before a run: with other work beside it, figures are rough."""
    average, cores = os.getloadavg()[0], os.cpu_count() or 1
    beside = f"load average before the run: {average:.1f}"
    return beside if average < cores / 2 else f"**{beside}: other work ran, figures are rough**"


def render(section: Section, figures: list[Figure], where: str) -> str:
    """Return a section of the page; *where* is the machine, and how busy it was."""
    rows = [
        f"| {f.name} | {f.measured} | {'≥' if f.unit == 'x' else '≤'} {f.goal:.3g} {f.unit} | "
        f"{'yes' if f.met else '**no**'} | {f.peer} |"
        for f in figures
    ]
    table = [
        f"{datetime.now(UTC):%Y-%m-%d}, {where}.",
        "",
        "| figure | measured | goal | met | peer in the same run |",
        "|---|---|---|---|---|",
        *rows,
    ]
    return f"## {section.heading}\n\n" + "\n".join(table) + f"\n\n{section.notes}"


def sections_of(page: str) -> dict[str, str]:
    """Return the sections of a page that was written before, by heading."""
    _, *parts = f"\n{page}".split("\n## ")
    return {part.partition("\n")[0]: f"## {part.strip()}\n" for part in parts}


def main() -> None:
    """Measure, print, write; exit with 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [section.name for section in SECTIONS]
    parser.add_argument("section", nargs="*", help=f"{' or '.join(names)}; all by default")
    chosen = parser.parse_args().section or names
    if unknown := set(chosen) - set(names):
        parser.error(f"there is no section {min(unknown)!r}; there are {', '.join(names)}")
    written = sections_of(README.read_text(encoding="utf-8"))
    met = True
    for section in SECTIONS:
        if section.name in chosen:
            where = f"{machine()}; {load()}"
            figures = measure_all(section)
            met = met and all(figure.met for figure in figures)
            written[section.heading] = render(section, figures, where)
            print(written[section.heading])
    kept = [written[section.heading] for section in SECTIONS if section.heading in written]
    README.write_text("\n".join([INTRODUCTION, *kept]), encoding="utf-8")
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
