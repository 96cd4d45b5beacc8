"""Recorded notebooks for tests, and their re-run."""

import asyncio

from kernel_gateway.terminal.rerun import rerun_file
from notebooks.record.cells import CellIntent, Execution, Provenance, new_cell_id
from notebooks.record.recorder import NOTEBOOK, Recorder

OF_THIS_REQUEST = "# Parameters of this request"


def result(text, count=1):
    return {
        "output_type": "execute_result",
        "execution_count": count,
        "data": {"text/plain": text},
        "metadata": {},
    }


def printed(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def shown(**data):
    """A display in several forms; `text_html=…` is text/html."""
    forms = {kind.replace("_", "/", 1): value for kind, value in data.items()}
    return {"output_type": "display_data", "data": forms, "metadata": {}}


def error(name, value):
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": []}


async def write_record(
    directory,
    *cells,
    parameters="limit = 10\ninput_files = []",
    files_before=None,
    files_after=None,
):
    """Record (source, outcome, outputs) cells in *directory*, behind a parameters cell."""
    recorder = Recorder.open(directory, conversation="c", path="main")
    for source, outcome, outputs in ((parameters, "ok", ()), *cells):
        tags = ("parameters",) if source == parameters else ()
        if source.startswith(OF_THIS_REQUEST):
            tags = ("turn-parameters",)
        intent = CellIntent(
            id=new_cell_id(),
            source=source,
            provenance=Provenance(turn_id="t"),
            tags=tags,
            files_before=files_before or {},
        )
        execution = Execution(
            outcome=outcome,
            execution_count=1,
            outputs=tuple(outputs),
            files_after=files_after or {},
        )
        await recorder.commit(intent, execution)
    return directory / NOTEBOOK


async def rerun(notebook, **options):
    return await asyncio.to_thread(rerun_file, notebook, **{"parameters": {}, **options})


def verdicts(report):
    """The verdicts of the cells behind the parameters cell."""
    return [cell.verdict for cell in report.cells[1:]]
