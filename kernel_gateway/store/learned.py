"""Rows of what is learned of users: preferences, and code that worked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from kernel_gateway.errors import NotFound, TooManyPreferences
from kernel_gateway.ids import new_id
from kernel_gateway.store.audit import audit_line
from kernel_gateway.store.database import Database, whole
from kernel_gateway.store.tables import PreferenceRow, TurnRow, WorkedCodeRow
from notebooks.record.cells import utc_now

MOST_PREFERENCES = 50
MOST_WORKED = 200
"""Of one user; older ones go."""
LOOKED_AT = 40
"""The latest requests of a user, in which what is asked for again is noticed."""


class LearnedRows:
    """Preferences and worked code of users; a user's are nobody else's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @whole
    async def preferences(self, tenant: str, user: str) -> Sequence[PreferenceRow]:
        """Return the preferences of *user*: stated ones first, then the newest."""
        query = (
            select(PreferenceRow)
            .where(*_of(tenant, user), PreferenceRow.deleted_at.is_(None))
            .order_by(PreferenceRow.origin.desc(), PreferenceRow.created_at.desc())
        )
        async with self._database.begin(tenant) as session:
            return (await session.scalars(query)).all()

    @whole
    async def add(self, tenant: str, user: str, text: str) -> PreferenceRow:
        """Add a preference that *user* states; one in the same words is returned as it is.

        Raises:
            TooManyPreferences: The user has as many as there may be.
        """
        held = select(PreferenceRow).where(*_of(tenant, user), PreferenceRow.deleted_at.is_(None))
        async with self._database.begin(tenant) as session:
            rows = (await session.scalars(held)).all()
            for row in rows:
                if row.text.casefold() == text.casefold():
                    return row
            if len(rows) >= MOST_PREFERENCES:
                raise TooManyPreferences(MOST_PREFERENCES)
            row = _new(tenant, user, text, "stated", None)
            session.add(row)
            audit, columns = audit_line(tenant, user, "preference.added", row.id)
            await session.execute(insert(audit), columns)
        return row

    @whole
    async def change(self, tenant: str, user: str, preference: str, text: str) -> PreferenceRow:
        """Give a preference of *user* another text; it counts as stated from now on.

        Raises:
            NotFound: *user* has no such preference.
        """
        statement = (
            update(PreferenceRow)
            .where(*_of(tenant, user), PreferenceRow.id == preference)
            .where(PreferenceRow.deleted_at.is_(None))
            .values(text=text, origin="stated", updated_at=utc_now())
            .returning(PreferenceRow)
        )
        async with self._database.begin(tenant) as session:
            row = (await session.scalars(statement)).first()
            if row is None:
                raise NotFound("preference", preference)
            audit, columns = audit_line(tenant, user, "preference.changed", preference)
            await session.execute(insert(audit), columns)
        return row

    @whole
    async def remove(self, tenant: str, user: str, preference: str) -> None:
        """Delete a preference of *user*; one that was observed is not observed again.

        Raises:
            NotFound: *user* has no such preference.
        """
        of_it = (*_of(tenant, user), PreferenceRow.id == preference)
        async with self._database.begin(tenant) as session:
            row = (await session.scalars(select(PreferenceRow).where(*of_it))).first()
            if row is None or row.deleted_at is not None:
                raise NotFound("preference", preference)
            if row.topic is None:
                await session.execute(delete(PreferenceRow).where(*of_it))
            else:
                row.text, row.deleted_at = "", utc_now()
            audit, columns = audit_line(tenant, user, "preference.deleted", preference)
            await session.execute(insert(audit), columns)

    @whole
    async def observe(self, tenant: str, user: str, found: Mapping[str, str]) -> None:
        """Store what was observed (topic → words), unless the user has changed or deleted it."""
        async with self._database.begin(tenant) as session:
            held = await session.scalars(
                select(PreferenceRow).where(*_of(tenant, user), PreferenceRow.topic.is_not(None))
            )
            known = {row.topic: row for row in held}
            for topic, text in found.items():
                row = known.get(topic)
                if row is None:
                    session.add(_new(tenant, user, text, "observed", topic))
                elif row.origin == "observed" and row.deleted_at is None and row.text != text:
                    row.text, row.updated_at = text, utc_now()

    @whole
    async def recent_requests(self, tenant: str, user: str) -> Sequence[str]:
        """Return the latest answered requests of *user*, newest first."""
        query = (
            select(TurnRow.request)
            .where(TurnRow.tenant == tenant, TurnRow.user == user, TurnRow.kind == "turn")
            .order_by(TurnRow.created_at.desc())
            .limit(LOOKED_AT)
        )
        async with self._database.begin(tenant) as session:
            return (await session.scalars(query)).all()

    @whole
    async def worked(self, tenant: str, user: str, without: str = "") -> Sequence[WorkedCodeRow]:
        """Return the code that worked for *user*, newest first; not of conversation *without*.

        A thread reads it: there may be a megabyte.
        """
        query = (
            select(*WorkedCodeRow.__table__.columns)
            .where(WorkedCodeRow.tenant == tenant, WorkedCodeRow.user == user)
            .where(WorkedCodeRow.conversation != without)
            .order_by(WorkedCodeRow.created_at.desc())
            .limit(MOST_WORKED)
        )

        def found(connection: Connection) -> list[WorkedCodeRow]:
            return [WorkedCodeRow(**row) for row in connection.execute(query).mappings()]

        return await self._database.read(tenant, found)

    @whole
    async def keep(self, row: WorkedCodeRow) -> None:
        """Store code that worked; the user's oldest goes when there is too much.

        Raises:
            ConversationDeleted: Its conversation was deleted.
        """
        mine = (WorkedCodeRow.tenant == row.tenant, WorkedCodeRow.user == row.user)
        kept = (
            select(WorkedCodeRow.turn)
            .where(*mine)
            .order_by(WorkedCodeRow.created_at.desc())
            .limit(MOST_WORKED)
        )
        counted = select(func.count()).select_from(WorkedCodeRow).where(*mine)
        async with self._database.begin(row.tenant) as session:
            if await session.get(WorkedCodeRow, row.turn) is None:
                session.add(row)
                await session.flush()
            if (await session.scalar(counted) or 0) > MOST_WORKED:
                await session.execute(
                    delete(WorkedCodeRow).where(*mine, WorkedCodeRow.turn.not_in(kept))
                )


def _of(tenant: str, user: str) -> tuple[ColumnElement[bool], ...]:
    return PreferenceRow.tenant == tenant, PreferenceRow.user == user


def _new(tenant: str, user: str, text: str, origin: str, topic: str | None) -> PreferenceRow:
    return PreferenceRow(
        id=new_id("pref"),
        tenant=tenant,
        user=user,
        text=text,
        origin=origin,
        topic=topic,
        created_at=utc_now(),
    )
