"""What a service's database holds."""

from sqlalchemy import select

from kernel_gateway.store.database import EVERYONE
from kernel_gateway.store.tables import Base


async def rows_by_table(running):
    """Return the rows of every table, of all tenants, each as a dictionary of its columns."""
    found = {}
    async with running.gateway.services.repository.database.begin(EVERYONE) as session:
        for table in Base.metadata.sorted_tables:
            found[table.name] = [dict(r._mapping) for r in await session.execute(select(table))]
    return found
