"""One gateway for all the requests of a module, and what each request showed to whom."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import Conversation, RunningGateway, code_reply, exchange, gateways

ANSWER = {"text": "Done."}


@dataclass
class Asked:
    """What a request led to.

    Attributes:
        conversation: Its conversation, with every event.
        profile: What the model was given of the files, before it wrote code.
        seen: All that the model was given, up to its answer.
    """

    conversation: Conversation
    profile: str
    seen: str

    @property
    def printed(self) -> str:
        """What its cells printed and wrote to stderr, and their errors."""
        outputs = [each["output"] for each in self.conversation.of_kind("cell.output")]
        return "".join(o.get("text") or f"{o.get('ename')}: {o.get('evalue')}\n" for o in outputs)

    @property
    def findings(self) -> dict[str, list[str]]:
        """The codes of what was found wrong with each file that was written."""
        checked = self.conversation.of_kind("workbook.checked")
        return {each["name"]: [f["code"] for f in each["findings"]] for each in checked}

    @property
    def tied_out(self) -> dict[str, str]:
        """Messages of the tie-out, by code."""
        results = self.conversation.of_kind("result.checked")
        return {f["code"]: f["message"] for result in results for f in result["findings"]}

    @property
    def outputs(self) -> Path:
        return self.conversation.notebook.parent / "workspace" / "outputs"


Ask = Callable[..., Awaitable[Asked]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningGateway]:
    """A gateway whose model replies to the requests of the module's ``REQUESTS`` with its cells."""
    script: list[dict[str, Any]] = []
    for words, cells in request.module.REQUESTS.items():
        script += exchange(words, *[code_reply(*cell.splitlines()) for cell in cells], ANSWER)
    async with gateways(tmp_path_factory.mktemp("gateway")) as start:
        yield await start(script)


@pytest_asyncio.fixture(loop_scope="module")
async def ask(running: RunningGateway) -> Ask:
    """Upload files to a new conversation, or to that of an earlier request, and ask."""

    async def ask(words: str, *files: Path, after: Asked | None = None) -> Asked:
        conversation = after.conversation if after else await running.conversation(*files)
        before = len(running.standin.requests)
        finished = await conversation.ask(words)
        assert finished["status"] == "ok"
        first, *_, last = [*running.standin.requests[before:]] * 2
        texts = [part.get("text", "") for each in first["contents"] for part in each["parts"]]
        return Asked(conversation, "\n".join(texts), json.dumps(last, ensure_ascii=False))

    return ask
