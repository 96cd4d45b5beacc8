"""Past turns by their meaning: each answered request gets an embedding, which is searched."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from agent.egress.policy import Policies
from agent.egress.stream import guarded
from agent.errors import ModelDeclined, ModelRejected, ModelReplyBroken, ModelUnavailable
from agent.ports import Embedder
from kernel_gateway.errors import ConversationDeleted, DatabaseUnavailable
from kernel_gateway.store.embeddings import EmbeddingRows, vector_bytes
from kernel_gateway.store.tables import EmbeddingRow

log = logging.getLogger("tallybook.embeddings")
AT_ONCE, MOST_NEAR = 50, 8
CHARACTERS = 2000
"""How much of a request and of an answer is embedded."""
WAIT_SECONDS = 1.0
"""How long a request waits for the embedding of its words."""
PAUSE_SECONDS = 300.0
"""Pause after the service has refused or failed."""
FAILURES = (
    ModelUnavailable, ModelRejected, ModelReplyBroken, ModelDeclined,
    DatabaseUnavailable, ConversationDeleted, TimeoutError,
)  # fmt: skip


class TurnEmbeddings:
    """Embeds answered requests in the background, and finds those that a request is near to.

    What the model's service does not give, or not in time, is done without.
    """

    def __init__(
        self, rows: EmbeddingRows, model: Embedder | None, name: str, egress: Policies
    ) -> None:
        """Use the embedding model *name* of *model*; empty for none.

        Args:
            rows: Has the embeddings.
            model: Makes them: a model's service, or `agent.models.local_embeddings`.
            name: The embedding model.
            egress: What must not go to that service, by tenant. What was said before goes to it
                as it goes to the model when it is remembered.
        """
        self._egress = egress
        self._rows, self._name = rows, name if model else ""
        self._model = model
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._again: set[tuple[str, str]] = set()
        self._paused_until = 0.0

    def follow(self, tenant: str, user: str) -> None:
        """Embed, in the background, the requests of *user* that have no embedding yet."""
        key = tenant, user
        if not self._name:
            return
        if key in self._tasks:
            self._again.add(key)
            return
        task = self._tasks[key] = asyncio.create_task(self._embed_missing(key))
        task.add_done_callback(lambda _: self._tasks.pop(key, None))

    async def _embed_missing(self, key: tuple[str, str]) -> None:
        while not self._paused():
            self._again.discard(key)
            try:
                full = await self._embed_some(*key)
            except FAILURES as error:
                self._pause(error)
                return
            if not full and key not in self._again:
                return

    async def _embed_some(self, tenant: str, user: str) -> bool:
        """Embed up to `AT_ONCE` requests; return whether there may be more."""
        missing = await self._rows.missing(tenant, user, self._name, AT_ONCE)
        if not missing:
            return False
        texts = [f"{row.request[:CHARACTERS]}\n\n{row.answer[:CHARACTERS]}" for row in missing]
        policy = self._egress.of(tenant)
        texts = [guarded(text, policy.model).text for text in texts]
        vectors = await self._embedded(texts, question=False)
        made = [
            EmbeddingRow(
                turn=row.id,
                tenant=tenant,
                user=user,
                conversation=row.conversation,
                model=self._name,
                vector=vector,
                created_at=row.created_at,
            )
            for row, vector in zip(missing, vectors, strict=True)
        ]
        await self._rows.keep(tenant, made)
        return len(missing) == AT_ONCE

    async def _embedded(self, texts: Sequence[str], *, question: bool) -> list[bytes]:
        if self._model is None:
            return []
        try:
            vectors = await self._model.embed(texts, self._name, question=question)
            made = await asyncio.to_thread(lambda: [vector_bytes(vector) for vector in vectors])
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            said = f"its embeddings are no numbers: {type(error).__name__}"
            raise ModelReplyBroken(said) from None
        if len(made) != len(texts):
            raise ModelReplyBroken(f"{len(made)} embeddings for {len(texts)} texts")
        return made

    async def nearest(self, tenant: str, user: str, request: str, without: str) -> Sequence[Any]:
        """Return the turns of *user*, but of the conversation *without*, nearest to *request*.

        Returns:
            Rows as of `EmbeddingRows.missing`, nearest first.
        """
        if not self._name or self._paused() or not request.strip():
            return []
        try:
            if not await self._rows.has_any(tenant, user, self._name, without=without):
                return []
            async with asyncio.timeout(WAIT_SECONDS):
                (vector,) = await self._embedded([request[:CHARACTERS]], question=True)
                return await self._rows.nearest(
                    tenant, user, self._name, vector, without=without, most=MOST_NEAR
                )
        except FAILURES as error:
            self._pause(error)
            return []

    def _paused(self) -> bool:
        return asyncio.get_running_loop().time() < self._paused_until

    def _pause(self, error: Exception) -> None:
        self._paused_until = asyncio.get_running_loop().time() + PAUSE_SECONDS
        said = str(error) or type(error).__name__
        log.warning("past requests are not searched by meaning for 5 minutes: %s", said)

    async def aclose(self) -> None:
        """Stop; what is not embedded yet is embedded with the user's next request."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
