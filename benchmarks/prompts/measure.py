"""Measure this version of the prompt on the tasks, and keep its row in measured.md."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from agent.prompts.render import prompt_version
from benchmarks.prompts import editing, notations, odd_tables, tables, talking
from benchmarks.prompts.run import Score, run_tasks
from benchmarks.prompts.task import Task
from benchmarks.running import scripted
from kernel_gateway.settings import load_settings
from kernel_gateway.terminal.client import GatewayClient
from kernel_gateway.wiring import open_gateway

TASKS: tuple[Task, ...] = (
    *tables.TASKS,
    *notations.TASKS,
    *odd_tables.TASKS,
    *editing.TASKS,
    *talking.TASKS,
)
MEASURED = Path(__file__).with_name("measured.md")
RECORDED = "recorded"
HEAD = """\
# The prompt, measured

`python -m benchmarks prompts` writes a row for the version of `agent/prompts/system.md` that it
ran with. With a model that is set up (`GEMINI_API_KEY`, or `TALLYBOOK_MODEL_PROTOCOL=openai` with
its address and name) it runs against that model, else as RECORDED. `make test` fails where the
present version has no row. The newest is first.

A *recorded* run plays replies that were written once, through the whole service. Each relies on
the rules of the prompt and the facts of the context that it names, and takes names, recipes and
numbers out of what it is sent. So it shows that these rules and facts still reach the model, that
the service does what the replies ask, that the numbers are right, and what it costs. It can't show
whether a model follows a rule, or whether other words would work better: only a run with a model
can.

| prompt | date | model | right | repairs | calls | tokens sent | not right |
|---|---|---|---|---|---|---|---|
""".replace("RECORDED", f"*{RECORDED}*")


class ModelCalls(SpanProcessor):
    """Counts the calls of the model and the tokens that it says it was sent."""

    def __init__(self) -> None:
        self.calls = self.tokens = 0

    def on_end(self, span: ReadableSpan) -> None:
        """Count *span* if it is a call of the model."""
        if span.name == "model.generate":
            self.calls += 1
            self.tokens += int(str((span.attributes or {}).get("tokens.prompt", 0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One row of the page: what the tasks gave with a version of the prompt and a model."""

    prompt: str
    date: str
    model: str
    right: str
    repairs: str
    calls: str
    tokens: str
    wrong: str

    def line(self) -> str:
        """Return the row."""
        cells = (self.prompt, self.date, self.model, self.right, self.repairs, self.calls)
        return f"| {' | '.join((*cells, self.tokens, self.wrong))} |"


async def measure_prompts(directory: Path) -> list[tuple[str, float, float, str, str]]:
    """Run every task, write the row, and return the figures of the benchmarks' page."""
    counted = ModelCalls()
    provider = TracerProvider()
    provider.add_span_processor(counted)
    trace.set_tracer_provider(provider)
    async with _service(directory, TASKS) as (client, model):
        scores = await run_tasks(client, TASKS, directory)
    keep(_measurement(scores, counted, model))
    wrong = [score for score in scores if score.wrong]
    for score in wrong:
        print(f"not right: {score.name}: {score.wrong}")
    of = f"prompt {prompt_version()}, {model}"
    return [
        (f"Tasks of {len(scores)} that did not come out right", len(wrong), 0, "", of),
        ("Cells and calls that had to be repaired", sum(s.repairs for s in scores), 3, "", ""),
        ("Calls of the model for each task", counted.calls / len(scores), 2.5, "calls", ""),
        ("Tokens sent for each task, as the model counts", counted.tokens / len(scores), 20_000,
         "tokens", ""),
    ]  # fmt: skip


@asynccontextmanager
async def _service(
    directory: Path, tasks: Sequence[Task]
) -> AsyncIterator[tuple[GatewayClient, str]]:
    """Yield a client of a service, and its model's name: the one set up, or the stand-in."""
    chosen = load_settings(overrides={"port": 0, "data_dir": directory / "data"})
    if not chosen.has_model:
        exchanges = [exchange for task in tasks for exchange in task.exchanges()]
        async with scripted(directory, exchanges) as (client, _):
            yield client, RECORDED
        return
    async with open_gateway(chosen) as gateway:
        client = GatewayClient(gateway.url, gateway.services.token)
        try:
            yield client, chosen.model
        finally:
            client.close()


def _measurement(scores: Sequence[Score], counted: ModelCalls, model: str) -> Measurement:
    wrong = [score.name for score in scores if score.wrong]
    return Measurement(
        prompt=prompt_version(),
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        model=model,
        right=f"{len(scores) - len(wrong)} of {len(scores)}",
        repairs=str(sum(score.repairs for score in scores)),
        calls=str(counted.calls),
        tokens=f"{counted.tokens:,}",
        wrong="; ".join(wrong),
    )


def keep(new: Measurement, page: Path = MEASURED) -> None:
    """Write *new* to *page*, in the place of an older row of that version and model."""
    others = [m for m in measurements(page) if (m.prompt, m.model) != (new.prompt, new.model)]
    page.write_text(HEAD + "".join(f"{m.line()}\n" for m in (new, *others)), encoding="utf-8")


def measurements(page: Path = MEASURED) -> list[Measurement]:
    """Return the rows of *page*, newest first."""
    if not page.exists():
        return []
    rows = page.read_text(encoding="utf-8").rpartition("|---|\n")[2].splitlines()
    names = ("prompt", "date", "model", "right", "repairs", "calls", "tokens", "wrong")
    return [
        Measurement(**dict(zip(names, map(str.strip, row.strip().split("|")[1:]), strict=False)))
        for row in rows
        if row.startswith("|")
    ]
