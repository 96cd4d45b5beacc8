"""A gateway without a scripted model, a kernel of it, plain HTTP to it, a conversation's files."""

import os
import subprocess

import pytest

from kernel_gateway.terminal.client import path_url
from tests.jupyter_client import new_kernel
from tests.raw_http import Raw


@pytest.fixture
async def running(start_gateway):
    return await start_gateway([], upload_limit_mb=1)


@pytest.fixture
async def kernel(running):
    return await new_kernel(running)


@pytest.fixture
async def raw(running):
    return Raw(running)


@pytest.fixture
async def files_url(running):
    return path_url((await running.client.post("/api/v1/conversations", {}))["id"]) + "/files"


@pytest.fixture
def small_disk(tmp_path):
    """Gives the conversations of a gateway that is started next a disk of so many MB."""
    if os.geteuid() != 0:
        pytest.skip("a file system of its own needs root to mount")
    disk = tmp_path / "data" / "conversations"
    disk.mkdir(parents=True)

    def mount(megabytes):
        options = ["-o", f"size={megabytes}m"]
        subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", disk], check=True)
        return disk

    yield mount
    subprocess.run(["umount", "--lazy", disk], check=True)
