"""Memory of the service while a 100 MB file is uploaded."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from kernel_gateway.terminal.client import GatewayClient, path_url

FILE_BYTES = 100_000_000


async def measure_upload(directory: Path) -> list[tuple[str, float, float, str, str]]:
    """Start the service as a process of its own and read its peak memory."""
    file = directory / "big.bin"
    with file.open("wb") as out:
        for _ in range(FILE_BYTES // 1_000_000):
            out.write(os.urandom(1_000_000))
    copied = time.perf_counter()
    (directory / "copy.bin").write_bytes(file.read_bytes())
    copied = time.perf_counter() - copied
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "kernel_gateway", "serve", "--port", "0",
        "--data-dir", str(directory / "data"),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        url, token = await _address(process)
        client = GatewayClient(url, token)
        made = await client.post("/api/v1/conversations", {})
        before = _peak_mb(process.pid)
        started = time.perf_counter()
        await client.upload(path_url(made["id"]), [file])
        seconds = time.perf_counter() - started
        after = _peak_mb(process.pid)
        client.close()
    finally:
        process.terminate()
        await process.wait()
    peer = f"took {seconds:.2f} s; copying the file on this disk: {copied:.2f} s"
    return [("Memory for a 100 MB upload", after - before, 50, "MB", peer)]


async def _address(process: asyncio.subprocess.Process) -> tuple[str, str]:
    while process.stdout is not None:
        line = (await process.stdout.readline()).decode()
        if not line:
            break
        if line.startswith("Open:"):
            url, _, token = line.split()[1].partition("/?token=")
            return url, token
    raise RuntimeError("the service did not start")


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1000
