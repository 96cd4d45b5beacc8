"""The interfaces to all rows of the database."""

from __future__ import annotations

from dataclasses import dataclass

from kernel_gateway.store.audit import Audit
from kernel_gateway.store.conversations import Conversations
from kernel_gateway.store.database import Database, open_database
from kernel_gateway.store.embeddings import EmbeddingRows
from kernel_gateway.store.events import EventRows
from kernel_gateway.store.jupyter import JupyterRows
from kernel_gateway.store.learned import LearnedRows
from kernel_gateway.store.permissions import Permissions
from kernel_gateway.store.turns import TurnRows


@dataclass(frozen=True, slots=True)
class Repository:
    """One interface per kind of row; every method is one transaction of one tenant."""

    database: Database
    conversations: Conversations
    turns: TurnRows
    events: EventRows
    permissions: Permissions
    audit: Audit
    jupyter: JupyterRows
    learned: LearnedRows
    embeddings: EmbeddingRows

    async def aclose(self) -> None:
        """Close the connections."""
        await self.database.aclose()


async def open_repository(url: str, node: str = "") -> Repository:
    """Open the database at *url* for *node*; see `open_database`.

    Raises:
        DatabaseUnavailable: It can't be reached or used.
    """
    database = await open_database(url)
    return Repository(
        database=database,
        conversations=Conversations(database, node),
        turns=TurnRows(database),
        events=EventRows(database),
        permissions=Permissions(database),
        audit=Audit(database),
        jupyter=JupyterRows(database),
        learned=LearnedRows(database),
        embeddings=EmbeddingRows(database),
    )
