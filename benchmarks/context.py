"""How long the model's first message takes to assemble: a long conversation, many workbooks."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from agent.context.context import TurnContext, context_facts, opening
from agent.memory.compaction import remember
from agent.memory.history import entries_of, profiles_seen
from benchmarks.workbooks import ordinary_workbook
from notebooks.record.cells import CellIntent, Execution, Provenance
from notebooks.record.recorder import Recorder
from notebooks.workbooks.profile import profile_file

TURNS, WORKBOOKS, ROUNDS = 100, 20, 30
BUDGET = 24_000
CODE = "\n".join(f"part_{n} = frame[frame['Region'] == 'R{n}']['Sales'].sum()" for n in range(30))
PRINTED = "\n".join(f"Region {n}: {n * 1234.5:,.2f}" for n in range(400))


async def measure_context(directory: Path) -> list[tuple[str, float, float, str, str]]:
    """Time the assembly from a recorded notebook and profiles in memory, without a model."""
    recorder = await _conversation(directory)
    profiles = {}
    for number in range(WORKBOOKS):
        path = directory / f"book-{number}.xlsx"
        profiles[f"inputs/{path.name}"] = profile_file(ordinary_workbook(path, number))
    times, tokens = [], 0
    for _ in range(ROUNDS):
        started = time.perf_counter()
        past = entries_of(recorder.entries())
        context = TurnContext(
            profiles=profiles,
            other_files={},
            seen=profiles_seen(past),
            memory=remember(past, BUDGET),
        )
        opening(context, "and the second one?")
        tokens = context_facts(context, "and the second one?")["tokens"]["total"]
        times.append(time.perf_counter() - started)
    name = f"First message to the model, {TURNS} turns and {WORKBOOKS} workbooks, p50"
    return [(name, statistics.median(times) * 1000, 50.0, "ms", f"{tokens:,} tokens at most")]


async def _conversation(directory: Path) -> Recorder:
    recorder = Recorder.open(directory / "path", conversation="c", path="main")
    for turn in range(TURNS):
        facts = {"turn": f"t{turn}", "kind": "request"}
        await recorder.note(f"request {turn}: what does it come to?", facts)
        intent = CellIntent(id=f"c{turn}", source=CODE, provenance=Provenance(turn_id=f"t{turn}"))
        output = {"output_type": "stream", "name": "stdout", "text": PRINTED}
        await recorder.commit(intent, Execution(outcome="ok", outputs=(output,)))
        await recorder.note("It comes to 1,234.50.", {**facts, "kind": "answer"})
    return recorder
