"""What a verification found, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

By = Literal["file", "key"]
"""Who could have made a change: anyone with the file, or only somebody with the signing key."""
WHO: dict[By, str] = {
    "file": "anyone who has the file; no key was needed",
    "key": "only somebody with the service's signing key",
}
FileState = Literal["as recorded", "changed", "not here"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One difference from the record.

    Attributes:
        cell: Position of the cell, from 1; ``None`` for the notebook itself.
        cell_id: Its nbformat id, where there is one.
        what: What is wrong, in plain words.
        field: The changed fields, separated by commas, as in the file (``source``,
            ``tallybook.decision``); empty if that can't be known.
        by: Who could have done it.
    """

    cell: int | None
    cell_id: str | None
    what: str
    field: str = ""
    by: By = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The signature over a notebook's head.

    Attributes:
        key_id: The key that is said to have made it; ``None`` if there is no signature.
        valid: Whether it is that key's signature over this notebook's statement.
        trusted: Whether the key is one that the caller gave; ``None`` if none was given.
    """

    key_id: str | None = None
    valid: bool = False
    trusted: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A reviewer's note or sign-off in the chain.

    Attributes:
        cell: Its position, from 1.
        kind: ``sign-off`` or ``review-note``.
        name: The reviewer's name: as the service knew it, or as they gave it.
        at: When; ISO 8601.
        note: Their words.
        key_id: The reviewer's own key; ``None`` if the service signed the entry for them.
        trusted: Whether the caller gave that key; ``None`` for the service's entries.
    """

    cell: int
    kind: str
    name: str
    at: str
    note: str
    key_id: str | None
    trusted: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """Result of `verify_notebook`.

    Attributes:
        cells: How many cells the notebook has.
        head: Hash of the last recorded cell.
        problems: Differences from the record; none if it is as it was recorded.
        notes: What differs without changing the record, such as the layout Jupyter gives a file.
        signature: Whose signature the head has.
        reviews: Reviewers' entries, in order.
        files: Produced file → whether the one beside the notebook is the recorded one.
    """

    cells: int
    head: str
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()
    signature: Signature = field(default_factory=Signature)
    reviews: tuple[Review, ...] = ()
    files: dict[str, FileState] = field(default_factory=dict)

    @property
    def verified(self) -> bool:
        """Whether the record in the notebook is exactly as it was made."""
        return not self.problems

    @property
    def as_written(self) -> bool:
        """Whether not even a byte of the file's layout differs from what Tallybook wrote."""
        return self.verified and not self.notes


def report_to_json(report: VerifyReport) -> dict[str, Any]:
    """Render *report* as plain JSON values."""
    signature = report.signature
    return {
        "verified": report.verified,
        "as_written": report.as_written,
        "cells": report.cells,
        "head": report.head,
        "problems": [
            {
                "cell": p.cell,
                "cell_id": p.cell_id,
                "what": p.what,
                "field": p.field,
                "by": WHO[p.by],
            }
            for p in report.problems
        ],
        "notes": list(report.notes),
        "signature": {
            "key_id": signature.key_id,
            "valid": signature.valid,
            "trusted": signature.trusted,
        },
        "reviews": [
            {
                "cell": r.cell,
                "kind": r.kind,
                "name": r.name,
                "at": r.at,
                "note": r.note,
                "key_id": r.key_id,
                "trusted": r.trusted,
            }
            for r in report.reviews
        ],
        "files": dict(report.files),
    }
