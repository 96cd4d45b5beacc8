"""Use the running Docker Engine, or start one for the duration of a block."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import docker
from docker.errors import DockerException

DATA_ROOT_VARIABLE = "DOCKER_DATA_ROOT"
"""An image directory: if it is set, our own engine is started on it in any case."""

START_SECONDS = 60
STOP_SECONDS = 30


class NoDockerEngine(RuntimeError):
    """No Docker Engine answers and none could be started; the message says why and what to do."""


def engine_answers() -> bool:
    """Whether a Docker Engine answers where ``DOCKER_HOST`` (or Docker's default) says."""
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
def docker_engine(directory: Path | None = None) -> Iterator[None]:
    """Provide a Docker Engine at ``DOCKER_HOST`` for the duration of the block.

    A running engine is used, unless `DATA_ROOT_VARIABLE` is set. Otherwise root starts one,
    with its images in that directory or in Docker's default one, and sets ``DOCKER_HOST``
    for the block.

    Args:
        directory: For the new engine's socket and log; by default a temporary one.

    Raises:
        NoDockerEngine: None answers, and this user can't start one or it ended at once.
    """
    data_root = os.environ.get(DATA_ROOT_VARIABLE)
    if data_root is None and engine_answers():
        yield
        return
    with contextlib.ExitStack() as stack:
        if directory is None:
            temporary = tempfile.TemporaryDirectory(prefix="tb-docker-", ignore_cleanup_errors=True)
            directory = Path(stack.enter_context(temporary))
        before = os.environ.get("DOCKER_HOST")
        os.environ["DOCKER_HOST"] = f"unix://{directory}/docker.sock"
        stack.callback(_restore, before)
        stack.enter_context(_started(directory, data_root))
        yield


def _restore(host: str | None) -> None:
    os.environ.pop("DOCKER_HOST", None)
    if host is not None:
        os.environ["DOCKER_HOST"] = host


@contextlib.contextmanager
def _started(directory: Path, data_root: str | None) -> Iterator[None]:
    if os.geteuid() != 0:
        raise NoDockerEngine(
            "no Docker Engine answers this user, and only root can start one; start it, or set "
            "DOCKER_HOST"
        )
    if shutil.which("dockerd") is None:
        raise NoDockerEngine("dockerd is not installed: apt-get install docker.io")
    log = directory / "dockerd.log"
    # pdeathsig: the engine ends with this process, however that ends.
    command = ["setpriv", "--pdeathsig", "TERM", "dockerd", "--bridge=none", "--iptables=false"]
    command += ["--host", os.environ["DOCKER_HOST"], "--pidfile", str(directory / "dockerd.pid")]
    command += ["--exec-root", str(directory / "exec")]
    if data_root is not None:
        command += ["--data-root", data_root]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not engine_answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise NoDockerEngine(f"dockerd did not start: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
