"""A real Docker Engine for the tests: the one that runs, or one started for them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException, ImageNotFound

from container.image.build import build
from container.kernel_environment import DEFAULT_IMAGE

START_SECONDS = 30
on_every_backend = pytest.mark.parametrize(
    "backend", ["zygote", "bubblewrap", "docker"], indirect=True
)
"""Runs a test of `start_kernel` with each thing that can start a kernel."""


@contextlib.contextmanager
def engine_with_image(directory: Path) -> Iterator[None]:
    """Have an engine answer, and the image built, for the length of the block."""
    with contextlib.ExitStack() as stack:
        if not _answers():
            stack.enter_context(_started(directory))
        client = docker.from_env()
        try:
            client.images.get(DEFAULT_IMAGE)
        except ImageNotFound:
            build(DEFAULT_IMAGE, None)
        finally:
            client.close()
        yield


def _answers() -> bool:
    try:
        client = docker.from_env()
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except DockerException:
        return False
    finally:
        client.close()


@contextlib.contextmanager
def _started(directory: Path) -> Iterator[None]:
    if os.geteuid() != 0 and "CI" not in os.environ:
        pytest.skip("no Docker Engine answers this user, and only root can start one")
    if shutil.which("dockerd") is None:
        pytest.fail("dockerd is not installed: run .ci/setup test")
    log = directory / "dockerd.log"
    # Ends with this process, however that ends.
    command = ["setpriv", "--pdeathsig", "TERM", "dockerd"]
    command += ["--host", os.environ["DOCKER_HOST"], "--bridge=none", "--iptables=false"]
    command += ["--exec-root", str(directory / "exec"), "--pidfile", str(directory / "dockerd.pid")]
    with log.open("wb") as output:
        engine = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers():
            if engine.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"dockerd did not start: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield
    finally:
        engine.terminate()
        engine.wait(30)
