"""Values of the record: a cell's intent, its provenance and its execution."""

from __future__ import annotations

import ast
import contextlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from notebooks.record.terminal_lines import last_states, without_redrawn

Outcome = Literal["ok", "error", "interrupted", "died", "blocked", "not-run"]
RERUNNABLE: frozenset[Outcome] = frozenset({"ok", "error"})
"""Outcomes whose cells run again in a re-run; the others are recorded as raw cells."""


PYTHON = "python"
"""The language of a notebook, and of each cell whose record names none."""
PARAMETER_TAGS = frozenset({"parameters", "turn-parameters"})
"""Tags of the cells that set parameters: the notebook's own, and a later turn's."""


def literal_assignments(source: str) -> dict[str, Any]:
    """Return the names that *source* assigns literals to; other statements are ignored."""
    found: dict[str, Any] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            with contextlib.suppress(ValueError):
                found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


def utc_now() -> str:
    """Return the current time as ISO 8601 with milliseconds and offset."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def new_cell_id() -> str:
    """Return a new nbformat 4.5 cell id."""
    return secrets.token_hex(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a cell came from and who allowed it.

    Attributes:
        turn_id: The cell's turn.
        request: The user's words; empty for code sent directly.
        model: Name of the requested model; ``None`` for direct code.
        model_version: Version the model reported.
        prompt: Version of the system prompt it was given.
        tokens: Token counts of the generation: ``prompt``, ``output``, ``total``.
        risk: Risk tier of the code.
        findings: Risk findings, each with line, column, rule and reason.
        decision: Who allowed or denied it, when, with which grant; ``None`` if not asked.
    """

    turn_id: str
    request: str = ""
    model: str | None = None
    model_version: str | None = None
    prompt: str | None = None
    tokens: Mapping[str, int] = field(default_factory=dict)
    risk: str = "low"
    findings: tuple[Mapping[str, Any], ...] = ()
    decision: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CellIntent:
    """A cell that will run, as the journal records it first.

    Attributes:
        id: nbformat cell id.
        source: The code, exactly as the kernel gets it.
        provenance: Where it came from.
        tags: Jupyter cell tags, ``parameters`` among them.
        started: When the run began.
        files_before: Workspace file → sha256.
        checkpoint: Id of the checkpoint with these files; ``None`` if there is none.
        language: The language of the code; it names the kernel.
    """

    id: str
    source: str
    provenance: Provenance
    tags: tuple[str, ...] = ()
    started: str = field(default_factory=utc_now)
    files_before: Mapping[str, str] = field(default_factory=dict)
    checkpoint: str | None = None
    language: str = PYTHON


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What happened when one cell ran.

    Attributes:
        outcome: How it ended; ``died`` means that there was no reply.
        execution_count: Jupyter's counter, if there was a reply.
        outputs: nbformat outputs, in order, streams joined.
        finished: When it ended.
        seconds: Wall time.
        error: ``{"code", "message"}`` or ``{"ename", "evalue"}``; ``None`` if ok.
        files_after: Workspace file → sha256.
        inputs_read: Names of the uploads it opened; ``None`` if that is not known.
        checks: Written workbook → what is wrong with it (``code``, ``message``, ``hint``,
            ``count``).
        computed: Written workbook → what was computed in it: ``formulas``, ``computed``,
            ``errors`` and ``without_value`` (by kind: ``count`` and some ``cells``), some
            ``cells`` with their values; or the ``problem``.
        tie_out: ``reads`` and ``steps`` of tables, and ``results``: what was written against
            what was read (see `notebooks.workbooks.tie_out.judge.Result`).
        network: Its calls of the network, in order: ``method``, ``url``, ``request_sha256``,
            ``grant``, and of the response ``status``, ``headers``, ``response_bytes`` and
            ``sha256``, by which its content is kept; or the ``problem``.
        lineage: Written file → what it was made from (see `notebooks.lineage.map`).
    """

    outcome: Outcome
    execution_count: int | None = None
    outputs: tuple[Mapping[str, Any], ...] = ()
    finished: str = field(default_factory=utc_now)
    seconds: float = 0.0
    error: Mapping[str, str] | None = None
    files_after: Mapping[str, str] = field(default_factory=dict)
    inputs_read: Sequence[str] | None = None
    checks: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    computed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tie_out: Mapping[str, Any] = field(default_factory=dict)
    network: Sequence[Mapping[str, Any]] = ()
    lineage: Mapping[str, Any] = field(default_factory=dict)

    @property
    def error_text(self) -> str:
        """The error in one line, with an exception's name; empty if there is none."""
        error = dict(self.error or {})
        name = f"{error['ename']}: " if "ename" in error else ""
        return name + error.get("message", "")


def intent_to_json(intent: CellIntent) -> dict[str, Any]:
    """Render *intent* as plain JSON values."""
    return asdict(intent)


def intent_from_json(value: dict[str, Any]) -> CellIntent:
    """Return the intent that `intent_to_json` rendered."""
    provenance = dict(value["provenance"])
    provenance["findings"] = tuple(provenance["findings"])
    return CellIntent(
        **{**value, "provenance": Provenance(**provenance), "tags": tuple(value["tags"])}
    )


def execution_to_json(execution: Execution) -> dict[str, Any]:
    """Render *execution* as plain JSON values."""
    return asdict(execution)


def execution_from_json(value: dict[str, Any]) -> Execution:
    """Return the execution that `execution_to_json` rendered."""
    return Execution(**{**value, "outputs": tuple(value["outputs"])})


REST_OF_OUTPUT = re.compile(r"\n\[\d+ more bytes of output are in [^\n]*\]\n\Z")


def rest_of_output(size: int, place: str) -> str:
    """Return the note that replaces *size* bytes of overlong output, stored in *place*."""
    return f"\n[{size} more bytes of output are in {place}]\n"


class OutputCollector:
    """Collects a running cell's outputs as a notebook stores them."""

    def __init__(self) -> None:
        self._outputs: list[dict[str, Any]] = []
        self._display_ids: list[str | None] = []
        self._clear_next = False

    def add(self, output: Mapping[str, Any]) -> None:
        """Add one output: join streams, apply ``clear_output`` and display updates.

        Of a line that is redrawn, such as a progress bar, the last state is kept.

        An update of another cell's display becomes a new display of this cell: the other cell's
        record is closed.

        Source: "Messaging in Jupyter" 5.4, ``display_data`` and ``update_display_data``.
        """
        item = dict(output)
        if item["output_type"] == "clear_output":
            self._clear_next = True
            if not item.get("wait"):
                self._clear()
            return
        if self._clear_next:
            self._clear()
        display_id = (item.pop("transient", None) or {}).get("display_id")
        updated = self._update(display_id, item)
        if item["output_type"] == "update_display_data":
            if updated:
                return
            item["output_type"] = "display_data"
        last = self._outputs[-1] if self._outputs else None
        if item["output_type"] == "stream" and last and last.get("name") == item["name"]:
            before, line, rest = last["text"].rpartition("\n")
            last["text"] = before + line + without_redrawn(rest + item["text"])
            return
        if item["output_type"] == "stream":
            item["text"] = without_redrawn(item["text"])
        self._outputs.append(item)
        self._display_ids.append(display_id)

    def _update(self, display_id: str | None, item: Mapping[str, Any]) -> bool:
        """Give every display with this id the content of *item*; return whether there is one."""
        if display_id is None:
            return False
        known = [n for n, shown in enumerate(self._display_ids) if shown == display_id]
        for number in known:
            self._outputs[number] |= {"data": item["data"], "metadata": item["metadata"]}
        return bool(known)

    def _clear(self) -> None:
        self._outputs.clear()
        self._display_ids.clear()
        self._clear_next = False

    def outputs(self) -> tuple[Mapping[str, Any], ...]:
        """Return the current outputs of the cell."""
        return tuple(
            {**output, "text": last_states(output["text"])}
            if output["output_type"] == "stream"
            else output
            for output in self._outputs
        )
