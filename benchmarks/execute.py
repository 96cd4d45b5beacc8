"""``1+1`` over the websocket, against jupyter_client and a bare ipykernel."""

from __future__ import annotations

import time
from pathlib import Path

from jupyter_client.manager import start_new_async_kernel

from benchmarks.running import percentile, service
from kernel_gateway.terminal.client import GatewayClient, path_url

CELLS = 200
WARM = 20


async def measure_execute(directory: Path) -> list[tuple[str, float, float, str, str]]:
    """Measure to the result, and to the durable end."""
    results, ends = [], []
    async with service(directory) as (address, token, _):
        client = GatewayClient(f"http://{address}", token)
        conversation = await client.post("/api/v1/conversations", {})
        connection = await client.connect(path_url(conversation["id"]))
        events = connection.events()
        for number in range(CELLS + WARM):
            started = time.perf_counter()
            await connection.send("execute.request", code="1+1")
            async for event in events:
                elapsed = (time.perf_counter() - started) * 1000
                if number >= WARM and event["kind"] == "cell.output":
                    results.append(elapsed)
                if number >= WARM and event["kind"] == "cell.finished":
                    ends.append(elapsed)
                if event["kind"] == "turn.finished":
                    break
        client.close()
    bare = await _bare_kernel()
    peer = f"bare ipykernel over jupyter_client: p50 {bare:.1f} ms ({{:.1f}} times)"
    result, end = percentile(results, 50), percentile(ends, 50)
    return [
        ("`1+1` to its result, p50", result, 8, "ms", peer.format(result / bare)),
        ("`1+1` to its durable end, p50", end, 15, "ms", peer.format(end / bare)),
    ]


async def _bare_kernel() -> float:
    manager, client = await start_new_async_kernel(kernel_name="python3")
    times = []
    try:
        for number in range(CELLS + WARM):
            started = time.perf_counter()
            message_id = client.execute("1+1")
            while True:
                message = await client.get_iopub_msg(timeout=10)
                if message["parent_header"].get("msg_id") != message_id:
                    continue
                if message["msg_type"] == "execute_result" and number >= WARM:
                    times.append((time.perf_counter() - started) * 1000)
                if message["content"].get("execution_state") == "idle":
                    break
            await client.get_shell_msg(timeout=10)
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
    return percentile(times, 50)
