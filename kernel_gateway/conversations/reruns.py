"""Re-runs of paths' notebooks: each in a process of its own, few at a time.

A re-run is a record in ``reruns/`` of its path (``ID.json``, and the notebook that it gave), so it
is still there after a restart of the service, and goes with its conversation. A service that stops
ends its re-runs; the record of such a one says ``interrupted``.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from container.host.environment import process_environment
from container.limits import Limits, limits_to_json
from container.tree import remove
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.conversations.rerun_events import RerunEvents
from kernel_gateway.conversations.rerun_records import (
    PLACE,
    UNFINISHED,
    Rerun,
    Status,
    as_ended,
    check,
    finished,
    lay_out,
    read,
    remove_record,
    store,
    stored,
)
from kernel_gateway.errors import NotFound, QueueFull, error_facts
from kernel_gateway.events.log import EventLog
from kernel_gateway.ids import PathKey, is_id, new_id
from notebooks.record.cells import utc_now

AT_ONCE, MOST_WAITING = 2, 8
"""How many run at the same time, and may wait of one path."""
WHOLE_SECONDS = 3600.0
LINE_BYTES = 64 * 1024 * 1024
log = logging.getLogger("tallybook.reruns")


class Reruns:
    """Starts re-runs, follows them, and keeps what they found."""

    def __init__(
        self, limits: Limits, events: EventLog, *, backend: str, image: str, runtime: str
    ) -> None:
        """Start none yet.

        Args:
            limits: Those of the service's kernels.
            events: Where a path's clients learn how far its re-runs are.
            backend: That of the service's kernels.
            image: Image of the docker backend.
            runtime: OCI runtime of the docker backend.
        """
        self._events = events
        self._seconds = round(limits.seconds) + 5
        self._launch = {
            "limits": limits_to_json(limits),
            "backend": backend,
            "image": image,
            "runtime": runtime,
        }
        self._places = asyncio.Semaphore(AT_ONCE)
        self._live: dict[PathKey, dict[str, Rerun]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cancelled: set[str] = set()

    async def start(
        self,
        path: OpenPath,
        parameters: Mapping[str, Any],
        inputs: Mapping[str, str],
        *,
        twice: bool,
    ) -> Rerun:
        """Begin a re-run of *path*'s notebook as it is now; return at once.

        Raises:
            UnknownParameter, ParameterMisfit: *parameters* don't fit the notebook.
            BadRequest: *inputs* names an input that is not recorded, or a file that is not there.
            QueueFull: As many re-runs of the path wait as may.
        """
        content = await path.recorder.content()
        await asyncio.to_thread(check, content, path, parameters, inputs)
        live = self._live.setdefault(path.key, {})
        if len(live) > MOST_WAITING:
            raise QueueFull(MOST_WAITING)
        made = Rerun(
            id=new_id("rerun"),
            status="waiting",
            at=utc_now(),
            parameters=dict(parameters),
            inputs=dict(inputs),
            twice=twice,
            of_sha256=hashlib.sha256(content).hexdigest(),
        )
        live[made.id] = made
        await asyncio.to_thread(store, path.home, made)
        self._tasks[made.id] = asyncio.create_task(self._follow(path, made, content))
        return made

    async def all(self, path: OpenPath) -> list[Rerun]:
        """Return the re-runs of *path*, the newest first."""
        kept = await asyncio.to_thread(stored, path.home)
        live = self._live.get(path.key, {})
        found = [live.get(each.id) or as_ended(each) for each in kept]
        return sorted(found, key=lambda each: (each.at, each.id), reverse=True)

    async def get(self, path: OpenPath, rerun: str) -> Rerun:
        """Return one re-run of *path*.

        Raises:
            NotFound: There is none, or not any more.
        """
        if (live := self._live.get(path.key, {}).get(rerun)) is not None:
            return live
        kept = None
        if is_id(rerun):
            kept = await asyncio.to_thread(read, path.home / PLACE / f"{rerun}.json")
        if kept is None:
            raise NotFound("re-run", rerun)
        return as_ended(kept)

    async def cancel(self, path: OpenPath, rerun: str) -> Rerun:
        """End one that waits or runs, and return it; remove one that has ended.

        Raises:
            NotFound: There is none, or not any more.
        """
        found = await self.get(path, rerun)
        if found.status in UNFINISHED and (task := self._tasks.get(rerun)) is not None:
            self._cancelled.add(rerun)
            task.cancel()
            await asyncio.wait({task})
            return await self.get(path, rerun)
        await asyncio.to_thread(remove_record, path.home, rerun)
        return found

    async def stop(self, key: PathKey) -> None:
        """End all re-runs of a path."""
        await self._stop(list(self._live.get(key, {})))

    async def aclose(self) -> None:
        """End all re-runs."""
        await self._stop(list(self._tasks))

    async def _stop(self, reruns: Sequence[str]) -> None:
        tasks = {self._tasks[each] for each in reruns if each in self._tasks}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _follow(self, path: OpenPath, made: Rerun, content: bytes) -> None:
        """Wait for a place, run it, store how it ended."""
        told = RerunEvents(self._events, path.key)
        try:
            await told.progress(made)
            async with self._places:
                ended = await self._run(path, made, content, told)
        except asyncio.CancelledError:
            status: Status = "cancelled" if made.id in self._cancelled else "interrupted"
            ended = replace(self._now(path.key, made), status=status)
        except Exception as error:  # a record that stays "running" would never end
            log.exception("a re-run failed")
            ended = replace(made, status="failed", error=error_facts(error))
        ended = replace(ended, finished_at=utc_now())
        try:
            await asyncio.to_thread(store, path.home, ended)
        except OSError as error:
            log.warning("a re-run's report could not be stored: %s", error)
        finally:
            self._cancelled.discard(made.id)
            del self._tasks[made.id]
            of_path = self._live[path.key]
            del of_path[made.id]
            if not of_path:
                del self._live[path.key]
        await told.finished(ended)

    def _now(self, key: PathKey, made: Rerun) -> Rerun:
        return self._live[key].get(made.id, made)

    async def _run(self, path: OpenPath, made: Rerun, content: bytes, told: RerunEvents) -> Rerun:
        self._live[path.key][made.id] = running = replace(made, status="running")
        await told.progress(running)
        work = Path(tempfile.mkdtemp(prefix="tallybook-rerun-"))
        try:
            await asyncio.to_thread(lay_out, path, work, content, made.inputs)
            last = await self._worker(path.key, running, work, told)
            return await asyncio.to_thread(finished, path.home, running, work, last)
        finally:
            await asyncio.shield(asyncio.to_thread(remove, work))

    async def _worker(
        self, key: PathKey, made: Rerun, work: Path, told: RerunEvents
    ) -> Mapping[str, Any]:
        """Run the process; return the last line that it prints, or an error in its place."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "kernel_gateway.terminal.rerun_worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=process_environment(),
            cwd=Path(__file__).resolve().parents[2],
            limit=LINE_BYTES,
        )  # fmt: skip
        to_process, printed = process.stdin, process.stdout
        if to_process is None or printed is None:
            raise AssertionError("both are pipes")
        job = {
            "work": str(work),
            "parameters": made.parameters,
            "cell_seconds": self._seconds,
            "launch": self._launch,
            "twice": made.twice,
        }
        last: Mapping[str, Any] = {}
        try:
            to_process.write(json.dumps(job).encode() + b"\n")
            async with asyncio.timeout(WHOLE_SECONDS):
                while line := await printed.readline():
                    last = json.loads(line)
                    if "cell" in last:
                        now = replace(made, cell=int(last["cell"]), cells=int(last["of"]))
                        self._live[key][made.id] = now
                        await told.progress(now)
                await process.wait()
        except TimeoutError:
            return _problem(f"It took longer than {WHOLE_SECONDS / 60:g} minutes.")
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(process.wait())
        if "report" in last or "error" in last:
            return last
        return _problem("Its process ended before the end of the notebook.")


def _problem(message: str) -> dict[str, Any]:
    hint = "Run the downloaded notebook by yourself: tallybook rerun."
    return {"error": {"code": "rerun-failed", "message": message, "hint": hint, "details": {}}}
