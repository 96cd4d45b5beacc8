"""The periodic clean-up: ends unused contexts, deletes conversations past their retention."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass

from kernel_gateway.contexts.manager import CLEANED_AT_ONCE, ExecutionContextManager
from kernel_gateway.contexts.resumable_uploads import ResumableUploads
from kernel_gateway.conversations.data_rights import DataRights

log = logging.getLogger("tallybook.clean_up")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """Result of a clean-up.

    Attributes:
        ended: Number of contexts ended.
        removed: Number of conversations deleted.
        failed: Number of contexts and conversations for which that failed; the log says why.
        uploads: Number of unfinished uploads removed.
    """

    ended: int
    removed: int
    failed: int
    uploads: int


class CleanUp:
    """Runs on request, and periodically in the background."""

    def __init__(
        self,
        contexts: ExecutionContextManager,
        data_rights: DataRights,
        uploads: ResumableUploads,
        seconds: float,
    ) -> None:
        """Clean up every *seconds* once `start` was called."""
        self._contexts, self._data_rights, self._seconds = contexts, data_rights, seconds
        self._uploads = uploads
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the periodic clean-up in the background."""
        self._task = asyncio.create_task(self._again_and_again())

    async def _again_and_again(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            try:
                done = await self.run()
            except Exception:  # the database may be unavailable; the next round retries
                log.exception("the clean-up failed; it is tried again in %g s", self._seconds)
                continue
            if done != Cleaned(ended=0, removed=0, failed=0, uploads=0):
                log.info(
                    "ended %d expired contexts, deleted %d conversations past their retention; "
                    "%d could not be; removed %d uploads that never came to an end",
                    done.ended,
                    done.removed,
                    done.failed,
                    done.uploads,
                )

    async def run(self, limit: int = CLEANED_AT_ONCE) -> Cleaned:
        """End up to *limit* expired contexts, delete up to *limit* conversations.

        A failure does not stop the others. All unfinished uploads that expired are removed.

        Raises:
            DatabaseUnavailable: The expired ones can't be looked up.
        """
        ended = await self._contexts.cleanup_expired(limit)
        removed = await self._data_rights.remove_past_retention(limit)
        uploads = await asyncio.to_thread(self._uploads.sweep)
        return Cleaned(
            ended=ended.done,
            removed=removed.done,
            failed=ended.failed + removed.failed,
            uploads=uploads,
        )

    async def aclose(self) -> None:
        """Stop the periodic clean-up."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
