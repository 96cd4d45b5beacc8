"""Migrates a database's tables to the current version with Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect

FIRST_VERSION = "0001"


def configuration(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration; migrations run on *connection*."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def migrate(connection: Connection) -> None:
    """Run the migrations that are missing in *connection*'s database."""
    config = configuration(connection)
    tables = inspect(connection).get_table_names()
    if "conversations" in tables and "alembic_version" not in tables:
        command.stamp(config, FIRST_VERSION)  # a database older than the first migration
    command.upgrade(config, "head")
