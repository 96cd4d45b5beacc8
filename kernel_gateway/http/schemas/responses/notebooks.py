"""Verification, lineage, staleness and re-runs of notebooks, as the service sends them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from kernel_gateway.http.schemas.responses.base import Error, Exact


class PublicKey(Exact):
    """A public key that verifies notebooks."""

    id: str
    algorithm: Literal["ed25519"]
    public_key: str
    created_at: str
    retired_at: str | None


class PublicKeys(Exact):
    """The public keys of the service, the one in force last."""

    keys: list[PublicKey]


class RecordProblem(Exact):
    """One difference from the record: which cell and field, and who could have made it."""

    cell: int | None
    cell_id: str | None
    what: str
    field: str
    by: str


class RecordSignature(Exact):
    """The signature over a notebook's head."""

    key_id: str | None
    valid: bool
    trusted: bool | None


class RecordReview(Exact):
    """A reviewer's entry in a notebook; *key_id* is null where the service signed it."""

    cell: int
    kind: Literal["sign-off", "review-note"]
    name: str
    at: str
    note: str
    key_id: str | None
    trusted: bool | None


class Verification(Exact):
    """What a verification of a notebook found."""

    verified: bool
    as_written: bool
    cells: int
    head: str
    problems: list[RecordProblem]
    notes: list[str]
    signature: RecordSignature
    reviews: list[RecordReview]
    files: dict[str, Literal["as recorded", "changed", "not here"]]


class TraceWriter(Exact):
    """The recorded cell that wrote a file."""

    number: int
    id: str
    turn: str
    request: str
    model: str | None
    started: str


class TraceStep(Exact):
    """A statement on the way to a traced cell."""

    cell: int
    id: str
    line: int
    code: str


class TraceInput(Exact):
    """A table that the code on the way has read."""

    file: str
    sheet: str
    columns: list[str]
    sha256: str
    changed: bool | None
    written_by: int | None


class CellTrace(Exact):
    """Where a cell of a written file comes from.

    ``origin`` is a tree along formulas: ``value``, ``formula`` with ``precedents``, or
    ``computation`` and ``sources`` (file, sheet, columns, rows); with ``reason`` where it ends.
    """

    file: str
    sheet: str
    cell: str
    sha256: str
    writer: TraceWriter
    earlier: list[int]
    steps: list[TraceStep]
    variables: list[str]
    inputs: list[TraceInput]
    origin: dict[str, Any]
    notes: list[str]
    words: list[str]


class StaleCell(Exact):
    """A cell whose inputs changed after it ran."""

    cell: str
    number: int
    names: dict[str, int]
    files: list[str]
    through: list[int]
    certain: bool
    reason: str


class Staleness(Exact):
    """The cells whose inputs changed after they ran."""

    stale: list[StaleCell]


class NotebookParameter(Exact):
    """A constant that a request named; *value* is a text that a re-run reads as it was recorded."""

    name: str
    kind: Literal[
        "text",
        "yes-or-no",
        "whole-number",
        "number",
        "list",
        "mapping",
        "none",
        "computed",
        "other",
    ] = Field(description="`computed` and `other` can't be replaced.")
    value: str


class NotebookParameters(Exact):
    """The parameters of all requests of a notebook, in the order they were first named."""

    parameters: list[NotebookParameter]


class RerunCell(Exact):
    """The verdict on one code cell."""

    cell: int
    cell_id: str
    verdict: Literal["reproduced", "differs", "failed", "not-run", "incomplete"]
    detail: str


class RerunFile(Exact):
    """The verdict on one file, or on an input that was not given."""

    name: str
    verdict: Literal["reproduced", "differs", "failed", "not-run", "incomplete"]
    detail: str


class RerunReport(Exact):
    """What a re-run found; *exit_code* is that of ``tallybook rerun``."""

    verdict: Literal["reproduced", "differs", "failed", "not-run", "incomplete"]
    exit_code: Literal[0, 1, 3]
    changed: bool
    cells: list[RerunCell]
    files: list[RerunFile]
    replaced_inputs: list[str]
    repaired_cells: list[int]
    replayed_calls: int
    missing_responses: int


class RerunSummary(Exact):
    """A re-run of the notebook with *of_sha256*: *cell* of *cells* have begun."""

    id: str
    status: Literal["waiting", "running", "finished", "failed", "cancelled", "interrupted"]
    at: str
    finished_at: str | None
    parameters: dict[str, Any]
    inputs: dict[str, str]
    twice: bool
    of_sha256: str
    cell: int
    cells: int
    verdict: str | None
    error: Error | None


class Rerun(RerunSummary):
    """A re-run, with its report once it has finished."""

    report: RerunReport | None


class Reruns(Exact):
    """The re-runs of a notebook, the newest first."""

    reruns: list[RerunSummary]


class SignedOff(Exact):
    """A reviewer's entry, as it was recorded."""

    kind: Literal["sign-off", "review-note"]
    user: str
    cell: int
    head: str
