"""A gateway for the measurements, with the stand-in for the model."""

from __future__ import annotations

import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agent.standin.server import StandinServer
from agent.standin.transcript import Transcript, exchanges_from_json
from kernel_gateway.settings import Settings
from kernel_gateway.terminal.client import GatewayClient
from kernel_gateway.wiring import open_gateway

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@asynccontextmanager
async def running(
    directory: Path, exchanges: Sequence[dict[str, Any]] = (), **settings: Any
) -> AsyncIterator[tuple[GatewayClient, str]]:
    """Yield a client and the id of a fresh conversation; *settings* as in `Settings`."""
    transcript = Transcript(exchanges_from_json(exchanges))
    with StandinServer(transcript) as standin:
        chosen = Settings(
            port=0,
            data_dir=directory / "data",
            gemini_api_key="bench",
            model_base_url=standin.base_url,
            **settings,
        )
        async with open_gateway(chosen) as gateway:
            client = GatewayClient(gateway.url, gateway.services.token)
            try:
                made = await client.post("/api/v1/conversations", {})
                yield client, made["id"]
            finally:
                client.close()


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the *percent* th percentile of *values*."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
