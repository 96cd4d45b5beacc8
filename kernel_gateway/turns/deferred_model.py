"""A language model that is made with its first call: its library takes half a second to import."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from agent.ports import Message, Model, ModelReply


class DeferredModel:
    """Stands for a model that `prepare` makes, in a thread, once."""

    def __init__(self, name: str, make: Callable[[], Model]) -> None:
        """Describe it.

        Args:
            name: The model's.
            make: Makes it; called in a thread.
        """
        self.name = name
        self._make = make
        self._making: asyncio.Task[Model] | None = None

    def prepare(self) -> asyncio.Task[Model]:
        """Begin to make the model, if that was not done; return what ends with it."""
        if self._making is None:
            self._making = asyncio.create_task(asyncio.to_thread(self._make))
        return self._making

    async def generate(
        self,
        system: str,
        history: Sequence[Message],
        on_text: Callable[[str], Awaitable[None]],
    ) -> ModelReply:
        """Have the model answer; see `agent.ports.Model`."""
        model = await asyncio.shield(self.prepare())
        return await model.generate(system, history, on_text)

    async def aclose(self) -> None:
        """Close the model's connections, if it was ever made."""
        if self._making is not None:
            await (await self._making).aclose()
