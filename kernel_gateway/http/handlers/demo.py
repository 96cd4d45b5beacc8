"""The recorded demo: a conversation about real workbooks, whose model's replies are recorded."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from pathlib import Path

from container.workspace.workspace import INPUTS
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.errors import NotFound
from kernel_gateway.http.json_handler import JsonHandler
from kernel_gateway.http.operations import operation
from kernel_gateway.http.received_files import receive
from kernel_gateway.http.render import conversation_to_json
from kernel_gateway.http.schemas.responses import conversations as models
from kernel_gateway.http.uploads import UploadedFile
from kernel_gateway.ids import MAIN_PATH, PathKey
from kernel_gateway.recorded_demo import EXAMPLES, REQUESTS

TITLE = "Recorded demo"


class DemoHandler(JsonHandler):
    """``/demo``: start the recorded demo conversation."""

    @operation(
        "Start the recorded demo conversation: real workbooks and kernel, recorded replies",
        returns={201: models.DemoStarted},
    )
    async def post(self) -> None:
        files = sorted(EXAMPLES.glob("*.xlsx")) if EXAMPLES is not None else []
        if not files:
            raise NotFound("directory of example workbooks", "examples")
        who, services = self.identity, self.services
        row = await services.repository.conversations.add(who.tenant, who.user, TITLE)
        key = PathKey(who.tenant, row.id, MAIN_PATH)
        path = await services.contexts.open(key)
        path.in_use += 1
        try:
            added = [await asyncio.to_thread(_add, path, file) for file in files]
            await receive(services, path, who.user, added, replace=False)
        finally:
            path.in_use -= 1
        turns: list[str] = []
        for request in REQUESTS:
            turn = await services.turns.start(
                key, who.user, kind="turn", request=request, after=turns[-1:], recorded=True
            )
            turns.append(turn.id)
        self.write_json(
            201, {"conversation": conversation_to_json(row, [MAIN_PATH]), "turns": turns}
        )


def _add(path: OpenPath, file: Path) -> UploadedFile:
    """Copy an example workbook into the path's inputs."""
    with path.workspace.add_input(file.name) as new, file.open("rb") as source:
        shutil.copyfileobj(source, new.file)
    return UploadedFile(
        name=f"{INPUTS}/{new.name}",
        wanted=f"{INPUTS}/{file.name}",
        sent_name=file.name,
        size=file.stat().st_size,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        new=True,
    )
