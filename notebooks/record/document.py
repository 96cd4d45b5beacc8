"""The notebook document: converts values to nbformat 4.5 and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import nbformat
from nbformat.v4 import nbjson, new_markdown_cell, new_notebook, new_raw_cell

from notebooks.record.cells import PYTHON, RERUNNABLE, CellIntent, Execution, Provenance
from notebooks.record.chain import (
    CHAIN,
    GENESIS,
    KEY,
    Attester,
    facts_of,
    field_digests,
    frame,
    joined_hash,
    kept_digits,
    seal,
    source_sha256,
)
from notebooks.record.files import encodable

Notebook = Any
"""An `nbformat.NotebookNode`."""

KERNELSPEC = {
    "name": "tallybook-python",
    "display_name": "Python (Tallybook sandbox)",
    "language": "python",
}
FORMAT = 2
_CELLS_BEGIN, _CELLS_END, _NO_CELLS = b'{\n "cells": [\n', b"\n ]", b'{\n "cells": []'


def make_notebook(conversation: str, path: str, attester: Attester | None = None) -> Notebook:
    """Return an empty notebook for *path* of *conversation*, sealed, and signed by *attester*."""
    notebook = new_notebook(
        metadata={
            "kernelspec": dict(KERNELSPEC),
            "language_info": {"name": "python", "file_extension": ".py"},
            KEY: {"format": FORMAT, "conversation": conversation, "path": path},
        }
    )
    notebook.nbformat_minor = 5
    return sealed(notebook, attester)


def branch_notebook(
    source: Notebook,
    conversation: str,
    path: str,
    turn: str | None,
    attester: Attester | None = None,
) -> Notebook:
    """Return a notebook for *path* that begins with the cells of *source*.

    The inherited cells keep their hashes: they are the same records.

    Args:
        source: The notebook to branch from; not changed.
        conversation: The new notebook's conversation.
        path: The new notebook's path.
        turn: The last turn whose cells are inherited; ``None`` for all of them.
        attester: Signs its head.

    Raises:
        KeyError: *source* has no cell of *turn*.
    """
    cells = list(source.cells)
    if turn is not None:
        of_turn = [n for n, cell in enumerate(cells) if cell.metadata[KEY].get("turn") == turn]
        if not of_turn:
            raise KeyError(turn)
        cells = cells[: of_turn[-1] + 1]
    notebook = make_notebook(conversation, path)
    notebook.cells = [nbformat.from_dict(json.loads(json.dumps(cell))) for cell in cells]
    notebook.metadata[KEY]["branched_from"] = {
        "path": source.metadata[KEY]["path"],
        "turn": turn,
        "cells": len(cells),
    }
    return sealed(notebook, attester)


def inherited_cells(notebook: Notebook) -> int:
    """Return the number of cells inherited from the source path."""
    return int(notebook.metadata[KEY].get("branched_from", {}).get("cells", 0))


def append_text(
    notebook: Notebook,
    cell_id: str,
    text: str,
    facts: Mapping[str, Any],
    attester: Attester | None = None,
) -> None:
    """Append a markdown cell to *notebook* and its chain, with *facts* as Tallybook metadata."""
    _chain(notebook, new_markdown_cell(text, id=cell_id, metadata={KEY: dict(facts)}), attester)


def remove_last_cell(notebook: Notebook) -> int:
    """Take the last cell off *notebook* and its chain; return how many are left."""
    notebook.cells.pop()
    return len(notebook.cells)


def append_cell(
    notebook: Notebook,
    intent: CellIntent,
    execution: Execution,
    attester: Attester | None = None,
) -> None:
    """Append a cell with its outcome to *notebook* and its chain; *attester* signs it.

    A cell that raised an exception is tagged ``raises-exception``, so that a re-run continues
    after it. A cell that was blocked, interrupted or killed becomes a raw cell: recorded with its
    outputs, but never run again.
    """
    facts = _facts(intent, execution)
    tags = list(intent.tags)
    if execution.outcome in RERUNNABLE:
        if execution.outcome == "error":
            tags.append("raises-exception")
        # Not new_code_cell: it validates as well, more slowly than `_chain`.
        cell = nbformat.from_dict(
            {
                "id": intent.id,
                "cell_type": "code",
                "metadata": {"tags": tags, KEY: facts},
                "execution_count": execution.execution_count,
                "source": intent.source,
                "outputs": [dict(output) for output in execution.outputs],
            }
        )
    else:
        facts["outputs"] = [dict(output) for output in execution.outputs]
        metadata = {"tags": tags, KEY: facts}
        cell = new_raw_cell(intent.source, id=intent.id, metadata=metadata)
    _chain(notebook, cell, attester)


def execution_of(cell: Any) -> Execution:
    """Return the execution that `append_cell` made *cell* from."""
    facts = cell.metadata[KEY]
    outputs = facts.get("outputs", cell.get("outputs", ()))
    return Execution(
        outcome=facts["status"],
        execution_count=cell.get("execution_count"),
        outputs=tuple(dict(output) for output in outputs),
        finished=facts["finished"],
        seconds=facts["seconds"],
        error=facts["error"],
        files_after=facts["files_after"],
        inputs_read=facts.get("inputs_read"),  # older records have none
        checks=facts.get("checks", {}),
        computed=facts.get("computed", {}),
        tie_out=facts.get("tie_out", {}),
        lineage=facts.get("lineage", {}),
    )


def intent_of(cell: Any) -> CellIntent:
    """Return the intent that `append_cell` made *cell* from."""
    facts = cell.metadata[KEY]
    model = facts["model"] or {}
    why = Provenance(
        turn_id=facts["turn"],
        request=facts["request"],
        model=model.get("name"),
        model_version=model.get("version"),
        prompt=model.get("prompt"),  # older records have none
        tokens=dict(facts["tokens"]),
        risk=facts["risk"],
        findings=tuple(dict(finding) for finding in facts["findings"]),
        decision=dict(facts["decision"]) if facts["decision"] else None,
    )
    tags = tuple(tag for tag in cell.metadata.get("tags", ()) if tag != "raises-exception")
    language = language_of(facts)
    return CellIntent(id=cell.id, source=cell.source, provenance=why, tags=tags, language=language)


def language_of(facts: Mapping[str, Any]) -> str:
    """Return a cell's language by its recorded *facts*, which may be of any shape."""
    language = facts.get("language", PYTHON)
    return language if isinstance(language, str) else ""


def _facts(intent: CellIntent, execution: Execution) -> dict[str, Any]:
    why = intent.provenance
    model = {"name": why.model, "version": why.model_version, "prompt": why.prompt}
    return {
        "turn": why.turn_id,
        "request": why.request,
        **({} if intent.language == PYTHON else {"language": intent.language}),
        "model": model if why.model else None,
        "tokens": dict(why.tokens),
        "code_sha256": source_sha256(intent.source),
        "risk": why.risk,
        "findings": [dict(finding) for finding in why.findings],
        "decision": dict(why.decision) if why.decision else None,
        "started": intent.started,
        "finished": execution.finished,
        "seconds": round(execution.seconds, 6),
        "status": execution.outcome,
        "error": dict(execution.error) if execution.error else None,
        "files_before": dict(intent.files_before),
        "files_after": dict(execution.files_after),
        "inputs_read": None if execution.inputs_read is None else list(execution.inputs_read),
        "checks": {name: [dict(f) for f in found] for name, found in execution.checks.items()},
        **_computed(execution),
        "tie_out": dict(execution.tie_out),
        **({"network": [dict(call) for call in execution.network]} if execution.network else {}),
        **({"lineage": dict(execution.lineage)} if execution.lineage else {}),
        "checkpoint": intent.checkpoint,
    }


def _computed(execution: Execution) -> dict[str, Any]:
    """Return what was computed in the written workbooks; the workbooks hold the values."""
    if not execution.computed:
        return {}
    kept = {
        name: {key: value for key, value in each.items() if key != "cells"}
        for name, each in execution.computed.items()
    }
    return {"computed": kept}


def _chain(notebook: Notebook, cell: Any, attester: Attester | None) -> None:
    notebook.cells.append(linked(encodable_value(cell), head(notebook), attester))


def linked(cell: Any, prev: str, attester: Attester | None) -> Any:
    """Return *cell* with its place in the chain after a cell with hash *prev*.

    Raises:
        nbformat.ValidationError: It is not valid.
    """
    # Validate only the new cell: the others were validated when they were appended.
    nbformat.validate(_alone(cell))
    facts = cell.metadata[KEY]
    facts["chain"] = CHAIN
    signer = None if attester is None else attester.cell_signer()
    if signer is not None:
        facts["signed_by"] = signer.key_id
    digests = field_digests(cell)
    facts["fields"], facts["prev"] = kept_digits(digests), prev
    facts["hash"] = joined_hash(digests, prev)
    if signer is not None:
        facts["signature"] = dict(signer.sign_cell(facts["hash"]))
    return cell


def _alone(cell: Any) -> Notebook:
    """Return a notebook of one cell, not validated."""
    return nbformat.from_dict({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def encodable_value(cell: Any) -> Any:
    """Replace lone surrogates, which code can print but UTF-8 can't encode."""
    try:
        json.dumps(cell, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return nbformat.from_dict(encodable(cell))
    return cell


def head(notebook: Notebook) -> str:
    """Return the hash of the last cell, or `GENESIS` if there is none."""
    if not notebook.cells:
        return GENESIS
    return str(facts_of(notebook.cells[-1]).get("hash", GENESIS))


def sealed(notebook: Notebook, attester: Attester | None) -> Notebook:
    """Bring what *notebook* says of itself up to its cells; *attester* signs it.

    Appending a cell does not do this: it costs a signature. Call it before the file is written.
    """
    facts = notebook.metadata[KEY]
    facts["format"] = FORMAT
    facts["head"], facts["cells"] = head(notebook), len(notebook.cells)
    facts["frame"] = frame(notebook)
    facts["seal"] = seal(notebook)
    facts.pop("statement", None)  # it signed an earlier head
    if attester is not None:
        facts.update(attester.attest(notebook))
    return notebook


def notebook_bytes(notebook: Notebook) -> bytes:
    """Render *notebook* byte for byte as Jupyter writes it."""
    text = str(nbjson.writes(notebook))
    return (text if text.endswith("\n") else text + "\n").encode()


class GrowingFile:
    """Renders an append-only notebook; each cell is rendered once and cached.

    Otherwise the time per cell would grow with the notebook.
    """

    def __init__(self) -> None:
        self._cells: list[bytes] = []

    def cut(self, count: int) -> None:
        """Forget all cells but the first *count*: the others were taken off the notebook."""
        del self._cells[count:]

    def render(self, notebook: Notebook) -> bytes:
        """Return `notebook_bytes` of *notebook*; cells rendered before must not have changed."""
        for cell in notebook.cells[len(self._cells) :]:
            whole = notebook_bytes(_alone(cell))
            self._cells.append(whole[len(_CELLS_BEGIN) : whole.rindex(_CELLS_END)])
        if not self._cells:
            return notebook_bytes(notebook)
        around = notebook_bytes(nbformat.from_dict({**notebook, "cells": []}))
        rest = around.removeprefix(_NO_CELLS)
        return b"".join((_CELLS_BEGIN, b",\n".join(self._cells), _CELLS_END, rest))
