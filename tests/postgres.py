"""A PostgreSQL server of this run's own, on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}


@dataclass(frozen=True)
class Postgres:
    """A server that listens; `superuser` may do anything, the service's role may not."""

    port: int
    superuser: str
    directory: Path

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=self.superuser, dbname=database, autocommit=True
        )

    def new_database(self) -> str:
        """Create a database with a plain role that owns it; return the service's URL for it."""
        name = f"tallybook_{secrets.token_hex(4)}"
        with self.connect() as connection:
            connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret-{name}'")
            connection.execute(f"CREATE DATABASE {name} OWNER {name}")
        return f"postgresql://{name}:secret-{name}@127.0.0.1:{self.port}/{name}"

    def control(self, action: str) -> None:
        """Run ``pg_ctl start`` or ``stop``."""
        options = [
            "-o",
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=",
        ]
        command = [
            _binary("pg_ctl"),
            "-D",
            str(self.directory),
            "-w",
            "-l",
            str(self.directory / "log"),
        ]
        mode = options if action == "start" else ["-m", "immediate"]
        subprocess.run([*_as_postgres(), *command, *mode, action], check=True, **QUIET)


def _binary(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not found:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    return str(found[-1])


def _as_postgres() -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    directory = Path(tempfile.mkdtemp(prefix="tb-pg-", dir="/tmp"))
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(directory, owner.pw_uid, owner.pw_gid)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = directory / "data"
    initdb = [_binary("initdb"), "-D", str(data), "-U", user, "--auth=trust", "-E", "UTF8"]
    subprocess.run([*_as_postgres(), *initdb, "--no-sync"], check=True, cwd="/", **QUIET)
    server = Postgres(port, user, data)
    server.control("start")
    try:
        yield server
    finally:
        server.control("stop")
        shutil.rmtree(directory, ignore_errors=True)
