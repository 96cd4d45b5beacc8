"""Five hundred idle kernels behind one service, and what a thousand comings and goings leave."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from benchmarks.running import running
from container.host.cgroups import group_parent
from container.host.runtime import runtime_directory
from container.kernel.session import KernelSession
from container.limits import MIB
from container.shim.client import ask
from container.workspace.workspace import Workspace
from kernel_gateway.terminal.client import GatewayClient, PathConnection, path_url

IDLE = 500
CYCLES = 1000
AT_A_TIME = 4
ANSWERS = 20


async def measure_idle(directory: Path) -> list[tuple[str, float, float, str, str]]:
    """Hold idle kernels behind a service that still answers."""
    async with running(directory, max_kernels=IDLE + 8) as (client, conversation):
        first = await client.connect(path_url(conversation))
        before = await _answer_ms(first)
        free = _available_bytes()
        held = 0
        for _ in range(IDLE):
            await _begin(client)
            held += 1
        used = (free - _available_bytes()) / MIB
        after = await _answer_ms(first)
    return [
        (f"Memory for each of {held} idle kernels", used / held, 40, "MB", "of the whole machine"),
        (f"`1+1` beside {held} idle kernels", after, 50, "ms", f"beside none: {before:.1f} ms"),
    ]


async def _begin(client: GatewayClient) -> None:
    made = await client.post("/api/v1/conversations", {})
    connection = await client.connect(path_url(made["id"]))
    await _run(connection, "import pandas as pd\nframe = pd.DataFrame({'a': [1, 2]})")
    connection.close()


async def _run(connection: PathConnection, code: str) -> None:
    await connection.send("execute.request", code=code)
    async for event in connection.events():
        if event["kind"] == "turn.finished":
            if event["data"]["status"] != "ok":
                raise RuntimeError(f"the cell failed: {event}")
            return


async def _answer_ms(connection: PathConnection) -> float:
    await _run(connection, "1+1")
    began = time.perf_counter()
    for _ in range(ANSWERS):
        await _run(connection, "1+1")
    return (time.perf_counter() - began) * 1000 / ANSWERS


def _available_bytes() -> int:
    """Return the machine's free memory, caches counted as free."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/meminfo names no MemAvailable")


async def measure_cycles(directory: Path) -> list[tuple[str, float, float, str, str]]:
    """Start and end kernels, and count what has grown."""
    await _cycles(directory / "first", 20)
    before = await count_resources()
    await _cycles(directory / "all", CYCLES)
    after = await count_resources()
    return [
        (f"{kind} more after {CYCLES} kernels came and went", after[kind] - before[kind], 0, "", "")
        for kind in before
    ]


async def _cycles(directory: Path, count: int) -> None:
    directory.mkdir()
    waiting = [directory / str(number) for number in range(count)]

    async def work() -> None:
        while waiting:
            session = KernelSession(Workspace.create(waiting.pop()))
            await session.start()
            await session.aclose()

    await asyncio.gather(*(work() for _ in range(AT_A_TIME)))


async def count_resources() -> dict[str, int]:
    """Return how many of each thing that could leak there are now."""
    shim: dict[str, Any] = await ask({"op": "ping"})
    await asyncio.sleep(1)  # until what ended just now, the question itself too, is closed
    owner = Path("/proc", str(shim["pid"]))
    parent = group_parent()
    own = f"k-{shim['pid']}-*"
    groups = [g for d in (parent.directories if parent else ()) for g in d.glob(own)]
    mine = Path("/proc/self")
    return {
        "processes of the kernels' owner": _family(int(shim["pid"])),
        "file descriptors of the kernels' owner": len(list((owner / "fd").iterdir())),
        "file descriptors of the service": len(list((mine / "fd").iterdir())),
        "mounts": len((owner / "mountinfo").read_text().splitlines()),
        "control groups": len(groups),
        "directories": len(list(runtime_directory().iterdir())),
    }


def _family(pid: int) -> int:
    """Return how many processes descend from *pid*."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return len(children) + sum(_family(child) for child in children)
