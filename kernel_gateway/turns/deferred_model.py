"""A language model created at its first call: its library takes half a second to import."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from agent.ports import Message, Model, ModelReply, ToolDeclaration


class DeferredModel:
    """A model that `prepare` creates once, in a thread."""

    def __init__(self, name: str, make: Callable[[], Model]) -> None:
        """Create the placeholder; the model is not created yet.

        Args:
            name: The model's name.
            make: Creates the model; called in a thread.
        """
        self.name = name
        self._make = make
        self._making: asyncio.Task[Model] | None = None

    def prepare(self) -> asyncio.Task[Model]:
        """Start to create the model, unless that has begun; return the task that does it."""
        if self._making is None:
            self._making = asyncio.create_task(asyncio.to_thread(self._make))
        return self._making

    async def generate(
        self,
        system: str,
        history: Sequence[Message],
        on_text: Callable[[str], Awaitable[None]],
        tools: Sequence[ToolDeclaration] = (),
    ) -> ModelReply:
        """Return the model's reply; see `agent.ports.Model`."""
        model = await asyncio.shield(self.prepare())
        return await model.generate(system, history, on_text, tools)

    async def embed(
        self, texts: Sequence[str], name: str, *, question: bool
    ) -> Sequence[Sequence[float]]:
        """Return embeddings; see `agent.ports.Model`."""
        model = await asyncio.shield(self.prepare())
        return await model.embed(texts, name, question=question)

    async def aclose(self) -> None:
        """Close the model's connections, if it was created."""
        if self._making is not None:
            await (await self._making).aclose()
