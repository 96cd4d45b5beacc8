"""What the event log of a path says of its re-runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from kernel_gateway.conversations.rerun_records import Rerun
from kernel_gateway.errors import GatewayError
from kernel_gateway.events.log import EventLog
from kernel_gateway.ids import PathKey

PROGRESS, FINISHED = "rerun.progress", "rerun.finished"
MOST_OFTEN = 0.5
"""Seconds between two events of cells: the log keeps them, and a notebook may have thousands."""
log = logging.getLogger("tallybook.reruns")


class RerunEvents:
    """Tells of one re-run. A log that can't be written does not end the re-run."""

    def __init__(self, events: EventLog, key: PathKey) -> None:
        """Tell nothing yet.

        Args:
            events: The event log.
            key: The path whose notebook is run again.
        """
        self._events, self._key = events, key
        self._told = 0.0

    async def progress(self, now: Rerun) -> None:
        """Emit ``rerun.progress``, of cells at most every `MOST_OFTEN` seconds."""
        cells = {"cell": now.cell, "cells": now.cells}
        if 1 < now.cell < now.cells and time.monotonic() - self._told < MOST_OFTEN:
            return
        self._told = time.monotonic()
        await self._emit(PROGRESS, {"rerun": now.id, "status": now.status, **cells})

    async def finished(self, ended: Rerun) -> None:
        """Emit ``rerun.finished``; the record is stored."""
        verdict = ended.report["verdict"] if ended.report is not None else None
        facts = {"rerun": ended.id, "status": ended.status, "verdict": verdict}
        await self._emit(FINISHED, {**facts, "error": ended.error and dict(ended.error)})

    async def _emit(self, kind: str, facts: Mapping[str, Any]) -> None:
        try:
            await self._events.append(self._key, kind, facts, None)
        except GatewayError as error:  # the conversation is being deleted, or there is no database
            log.info("an event of a re-run was not stored: %s", error)
