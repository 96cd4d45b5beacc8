"""What a notebook's cells have on record, gathered for an exported page.

All of it is untrusted: a notebook can be edited by hand, so that any value can have any type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notebooks.export.outcomes import Ending, ending_of
from notebooks.record.chain import facts_of, mapping
from notebooks.record.document import Notebook
from notebooks.record.undone import knows_files

INPUTS, OUTPUTS = "inputs/", "outputs/"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCell:
    """A cell of code with what its metadata says.

    Attributes:
        number: Its position in the notebook, from 1.
        cell: The cell.
        ending: How it ended.
        changes: What it did to files: name → ``written``, ``changed`` or ``removed``.
    """

    number: int
    cell: Any
    ending: Ending
    changes: Mapping[str, str]

    @property
    def facts(self) -> Mapping[str, Any]:
        """Its metadata."""
        return facts_of(self.cell)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFile:
    """A file that the notebook names.

    Attributes:
        name: Its name below the workspace.
        sha256: Of its last recorded content; ``size:N`` for a large one.
        present: Whether it was there after the last cell that counts.
        cells: Numbers of the cells that wrote or changed it.
        read_by: Numbers of the cells that read it, as far as that is known.
    """

    name: str
    sha256: str
    present: bool
    cells: tuple[int, ...]
    read_by: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request with everything up to the next one.

    Attributes:
        number: From 1; 0 for what stands before the first request.
        text: The user's words.
        who: Who asked; ``""`` if that is not recorded.
        at: When.
        answers: The answers.
        members: Its cells in order, as (number in the notebook, cell), without the request itself.
    """

    number: int
    text: str
    who: str
    at: str
    answers: tuple[str, ...]
    members: tuple[tuple[int, Any], ...]


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """Return the mappings in a list of a notebook's metadata, which is untrusted."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def words(value: Any, most: int = 2000) -> str:
    """Return *value* as one line; empty for none."""
    text = " ".join(str(value).split()) if value not in (None, "") else ""
    return text if len(text) <= most else text[: most - 1] + "…"


def moment(value: Any) -> str:
    """Return a recorded time for readers, to the second."""
    text = words(value, 40)
    if len(text) >= 19 and text[10] == "T":
        zone = " UTC" if text.endswith(("+00:00", "Z")) else text[23:]
        return f"{text[:10]} {text[11:19]}{zone}"
    return text


def requests_of(notebook: Notebook) -> list[Request]:
    """Return the notebook's requests in order; cells before the first get number 0."""
    made: list[dict[str, Any]] = []
    for number, cell in enumerate(notebook.cells, 1):
        facts = facts_of(cell)
        kind = facts.get("kind") if cell.cell_type == "markdown" else None
        if kind == "request":
            number_of = sum(1 for each in made if each["number"]) + 1
            made.append(_opened(number_of, str(cell.source), facts))
            continue
        if not made:
            made.append(_opened(0, "", {}))
        made[-1]["members"].append((number, cell))
        if kind == "answer":
            made[-1]["answers"].append(str(cell.source))
    return [
        Request(**{**each, "answers": tuple(each["answers"]), "members": tuple(each["members"])})
        for each in made
    ]


def _opened(number: int, text: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    who, at = words(facts.get("user"), 200), moment(facts.get("at"))
    return {"number": number, "text": text, "who": who, "at": at, "answers": [], "members": []}


def code_of(notebook: Notebook) -> list[RecordedCell]:
    """Return the cells of code, those that did not run among them."""
    return [
        RecordedCell(number=number, cell=cell, ending=ending_of(cell), changes=_changes(cell))
        for number, cell in enumerate(notebook.cells, 1)
        if cell.cell_type == "code" or (cell.cell_type == "raw" and ending_of(cell).outcome)
    ]


def _changes(cell: Any) -> dict[str, str]:
    facts = facts_of(cell)
    before, after = mapping(facts.get("files_before")), mapping(facts.get("files_after"))
    if not after and not knows_files(facts):
        return {}
    found = {
        str(name): "changed" if name in before else "written"
        for name, sha256 in after.items()
        if before.get(name) != sha256
    }
    return found | {str(name): "removed" for name in before if name not in after}


def files_of(notebook: Notebook, code: Sequence[RecordedCell]) -> list[RecordedFile]:
    """Return every file that a cell or an undo names, inputs first."""
    known: dict[str, str] = {}
    last: Mapping[str, Any] = {}
    for cell in notebook.cells:
        facts = facts_of(cell)
        after = mapping(facts.get("files_after"))
        for files in (mapping(facts.get("files_before")), after):
            known |= {str(name): str(sha256) for name, sha256 in files.items()}
        if after or knows_files(facts):
            last = after
    known |= {str(name): str(sha256) for name, sha256 in last.items()}
    return [
        RecordedFile(
            name=name,
            sha256=known[name],
            present=name in last,
            cells=tuple(c.number for c in code if c.changes.get(name) in ("written", "changed")),
            read_by=tuple(c.number for c in code if name in _read(c.facts)),
        )
        for name in sorted(known, key=lambda name: (not name.startswith(INPUTS), name))
    ]


def _read(facts: Mapping[str, Any]) -> list[Any]:
    read = facts.get("inputs_read")
    return read if isinstance(read, list) else []


def ties_of(facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the tie-out results of a cell."""
    return mappings(mapping(facts.get("tie_out")).get("results"))


def findings_of(facts: Mapping[str, Any]) -> list[str]:
    """Return what was found in the workbooks that a cell wrote, tie-out aside."""
    found = []
    for name, checks in mapping(facts.get("checks")).items():
        for check in mappings(checks):
            count = check.get("count")
            times = f" ({count} times)" if isinstance(count, int) and count > 1 else ""
            hint = words(check.get("hint"))
            found.append(f"{name}: {words(check.get('message'))}{times} {hint}".rstrip())
    for name, computed in mapping(facts.get("computed")).items():
        report = mapping(computed)
        if problem := words(report.get("problem")):
            found.append(f"{name}: its formulas were not computed: {problem}")
        for kind, what in (("errors", "with the error"), ("without_value", "without a value:")):
            for reason, each in mapping(report.get(kind)).items():
                count = words(mapping(each).get("count", 1), 20)
                many = "1 formula" if count == "1" else f"{count} formulas"
                found.append(f"{name}: {many} {what} {reason}{_cells(each)}")
    return found


def _cells(each: Any) -> str:
    cells = mapping(each).get("cells")
    return (
        f" ({', '.join(words(cell, 80) for cell in cells[:8])})" if isinstance(cells, list) else ""
    )


def computed_of(facts: Mapping[str, Any]) -> list[str]:
    """Return how many formulas were computed in each workbook after the cell."""
    return [
        f"{name}: {words(report.get('computed'), 20)} of {words(report.get('formulas'), 20)}"
        f" formulas were computed{_kept(report)}"
        for name, report in ((n, mapping(r)) for n, r in mapping(facts.get("computed")).items())
        if "formulas" in report
    ]


def _kept(report: Mapping[str, Any]) -> str:
    kept = mapping(report.get("kept"))
    count, original = words(kept.get("count"), 20), words(kept.get("original"), 200)
    return f", {count} keep the value stored in {original}" if kept else ""


def model_of(facts: Mapping[str, Any]) -> str:
    """Return the model that wrote a cell, by the version it reported."""
    model = mapping(facts.get("model"))
    return words(model.get("version") or model.get("name"), 200)


def allowed_by(facts: Mapping[str, Any]) -> str:
    """Return who allowed or denied a cell, and when; empty if nobody was asked."""
    decision = mapping(facts.get("decision"))
    if not decision:
        return ""
    what = {
        "once": "allowed once",
        "always": "always allowed",
        "deny": "denied",
        "timeout": "no reply in time",
    }.get(str(decision.get("decision")), words(decision.get("decision"), 80))
    who, at = words(decision.get("who"), 200), moment(decision.get("at"))
    return f"{what}{f' by {who}' if who else ''}{f', {at}' if at else ''}"


def risks_of(facts: Mapping[str, Any]) -> list[str]:
    """Return why a cell's code is of its risk tier."""
    return [
        f"line {words(each.get('line'), 20)}: {words(each.get('reason') or each.get('rule'))}"
        for each in mappings(facts.get("findings"))
    ]
