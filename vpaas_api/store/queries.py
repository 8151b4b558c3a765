"""All the queries. Rows come back detached and are read only; each method is one transaction."""

from typing import Any

from sqlalchemy import ColumnElement, event, func, not_, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

from vpaas_api.store.models import SCHEMA_VERSION, Base, JoinRow, RoomRow, SchemaRow


class ExternalIdTakenError(Exception):
    """Another room that has not ended has this externalId."""

    def __init__(self, room_id: str) -> None:
        super().__init__(room_id)
        self.room_id = room_id


class Store:
    def __init__(self, url: str) -> None:
        self._engine: AsyncEngine = create_async_engine(url)
        self._session = async_sessionmaker(self._engine, expire_on_commit=False)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine.sync_engine, "connect", _tune_sqlite)

    async def open(self) -> None:
        """Make the tables if they are missing. Raises RuntimeError if a newer version made them."""
        async with self._engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with self._session.begin() as session:
            version = await session.scalar(select(func.max(SchemaRow.version)))
            if version is None:
                session.add(SchemaRow(version=SCHEMA_VERSION))
            elif version != SCHEMA_VERSION:
                raise RuntimeError(f"the database has schema {version}, this version needs {SCHEMA_VERSION}")

    async def close(self) -> None:
        await self._engine.dispose()

    async def add_room(self, room: RoomRow) -> RoomRow:
        try:
            async with self._session.begin() as session:
                await session.execute(
                    update(RoomRow)
                    .where(
                        RoomRow.external_id == room.external_id,
                        RoomRow.ended_at.is_(None),
                        RoomRow.exp <= room.created_at,
                    )
                    .values(ended_at=RoomRow.exp)
                )
                session.add(room)
        except IntegrityError:
            other = await self.live_room(room.external_id or "", room.created_at)
            if other is None:
                raise
            raise ExternalIdTakenError(other.id) from None
        return room

    async def room(self, room_id: str) -> RoomRow | None:
        async with self._session() as session:
            return await session.get(RoomRow, room_id)

    async def live_room(self, external_id: str, now: int) -> RoomRow | None:
        """The room with this externalId that has not ended."""
        query = select(RoomRow).where(RoomRow.external_id == external_id, not_(_ended(now)))
        async with self._session() as session:
            return (await session.scalars(query)).one_or_none()

    async def rooms(
        self, *, limit: int, skip: int, ended: bool | None, external_id: str | None, now: int
    ) -> tuple[int, list[RoomRow]]:
        """How many match, and one page of them, newest first."""
        wanted: list[ColumnElement[bool]] = []
        if ended is not None:
            wanted.append(_ended(now) if ended else not_(_ended(now)))
        if external_id is not None:
            wanted.append(RoomRow.external_id == external_id)
        page = select(RoomRow).where(*wanted).order_by(RoomRow.created_at.desc(), RoomRow.id)
        async with self._session() as session:
            total = await session.scalar(select(func.count()).select_from(RoomRow).where(*wanted))
            rows = await session.scalars(page.limit(limit).offset(skip))
            return total or 0, list(rows)

    async def end_room(self, room_id: str, now: int) -> RoomRow | None:
        """Returns the room as it is afterwards; None if there is none. Ending twice changes nothing."""
        async with self._session.begin() as session:
            room = await session.get(RoomRow, room_id)
            if room and not room.ended(now):
                room.ended_at = now
            return room

    async def add_join(self, join: JoinRow) -> None:
        async with self._session.begin() as session:
            session.add(join)


def _ended(now: int) -> ColumnElement[bool]:
    return or_(RoomRow.ended_at.is_not(None), RoomRow.exp <= now)


def _tune_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",  # readers do not wait for the writer
        "synchronous = NORMAL",  # safe with WAL; a power cut may lose the last commits, not the file
        "busy_timeout = 5000",  # ms; the command line writes to the same file
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
