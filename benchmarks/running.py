"""A gateway for the measurements, with the stand-in for the model."""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agent.standin.server import StandinServer
from agent.standin.transcript import Transcript, exchanges_from_json
from kernel_gateway.settings import Settings
from kernel_gateway.terminal.client import GatewayClient
from kernel_gateway.wiring import open_gateway

Found = list[tuple[str, float, float, str, str]]
"""Of each figure: name, value, goal, unit, and the peer's."""
Measure = Callable[[Path], Coroutine[Any, Any, Found]]

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def in_its_own_directory(measure: Measure) -> Found:
    """Run *measure* with a directory that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tallybook-runtime-") as directory:
        return asyncio.run(measure(Path(directory)))


@asynccontextmanager
async def running(
    directory: Path, exchanges: Sequence[dict[str, Any]] = (), **settings: Any
) -> AsyncIterator[tuple[GatewayClient, str]]:
    """Yield a client and the id of a fresh conversation; *settings* as in `Settings`."""
    async with scripted(directory, exchanges, **settings) as (client, _):
        made = await client.post("/api/v1/conversations", {})
        yield client, made["id"]


@asynccontextmanager
async def scripted(
    directory: Path, exchanges: Sequence[dict[str, Any]] = (), **settings: Any
) -> AsyncIterator[tuple[GatewayClient, StandinServer]]:
    """Yield a client and the stand-in for its model; *settings* as in `Settings`."""
    transcript = Transcript(exchanges_from_json(exchanges))
    with StandinServer(transcript) as standin:
        chosen = Settings(
            port=0,
            data_dir=directory / "data",
            gemini_api_key="runtime",
            model_base_url=standin.base_url,
            **settings,
        )
        async with open_gateway(chosen) as gateway:
            client = GatewayClient(gateway.url, gateway.services.token)
            try:
                yield client, standin
            finally:
                client.close()


FOR_MEASURING = {"keep_kernels_seconds": "0", "requests_per_minute": "0"}
"""A service leaves no kernels behind, and answers as fast as it is asked."""


@asynccontextmanager
async def service(
    directory: Path, *, defaults: bool = False, **settings: str
) -> AsyncIterator[tuple[str, str, int]]:
    """Run the service as a process of its own; yield ``host:port``, token and process id.

    Args:
        directory: Where it keeps its data.
        defaults: Leave out what is set for every other measurement (`FOR_MEASURING`).
        **settings: Of the service, by name, as in its environment.
    """
    chosen = settings if defaults else {**FOR_MEASURING, **settings}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "kernel_gateway", "serve", "--port", "0",
        "--data-dir", str(directory / "service"),
        env={**os.environ, **{f"TALLYBOOK_{n.upper()}": value for n, value in chosen.items()}},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        found = None
        while found is None:
            line = (await process.stdout.readline()).decode() if process.stdout else ""
            if not line:
                raise RuntimeError("the service did not start")
            found = re.search(r"http://(\S+?)/\?token=(\S+)", line)
        yield found[1], found[2], process.pid
    finally:
        process.terminate()
        await process.wait()


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the *percent* th percentile of *values*."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
