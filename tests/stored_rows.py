"""What a service's database holds."""

from sqlalchemy import select, update

from kernel_gateway.store.database import EVERYONE
from kernel_gateway.store.tables import Base, ConversationRow, EventRow, TurnRow


async def rows_by_table(running):
    """Return the rows of every table, of all tenants, each as a dictionary of its columns."""
    found = {}
    async with running.gateway.services.repository.database.begin(EVERYONE) as session:
        for table in Base.metadata.sorted_tables:
            found[table.name] = [dict(r._mapping) for r in await session.execute(select(table))]
    return found


async def make_old(running, conversation):
    """Let all that happened in *conversation* have happened long ago."""
    long_ago = "2020-01-01T00:00:00.000+00:00"
    async with running.gateway.services.repository.database.begin(EVERYONE) as session:
        for change in (
            update(ConversationRow).where(ConversationRow.id == conversation),
            update(TurnRow).where(TurnRow.conversation == conversation),
        ):
            await session.execute(change.values(created_at=long_ago))
        events = update(EventRow).where(EventRow.conversation == conversation)
        await session.execute(events.values(at=long_ago))
