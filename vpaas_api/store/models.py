"""Tables. Times are whole seconds since the epoch, as in a JWT; ids are made by `auth.new_id`."""

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from vpaas_api import limits

SCHEMA_VERSION = 1


class Base(DeclarativeBase):
    pass


class SchemaRow(Base):
    __tablename__ = "schema_version"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class RoomRow(Base):
    __tablename__ = "rooms"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(limits.ROOM_NAME_CHARS))
    external_id: Mapped[str | None] = mapped_column(String(limits.EXTERNAL_ID_CHARS))
    nbf: Mapped[int] = mapped_column(BigInteger)
    exp: Mapped[int] = mapped_column(BigInteger, index=True)
    created_at: Mapped[int] = mapped_column(BigInteger, index=True)
    ended_at: Mapped[int | None] = mapped_column(BigInteger)
    max_participants: Mapped[int | None]
    meta: Mapped[dict[str, str]] = mapped_column("metadata", JSON)

    def ended(self, now: float) -> bool:
        return self.ended_at is not None or self.exp <= now


_LIVE = text("ended_at IS NULL AND external_id IS NOT NULL")
# An externalId is free again once its room has ended.
Index(
    "rooms_external_id_live",
    RoomRow.external_id,
    unique=True,
    sqlite_where=_LIVE,
    postgresql_where=_LIVE,
)


class JoinRow(Base):
    """One permission to join; its id is the participant's."""

    __tablename__ = "joins"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    room_id: Mapped[str] = mapped_column(ForeignKey("rooms.id"), index=True)
    external_id: Mapped[str | None] = mapped_column(String(limits.EXTERNAL_ID_CHARS))
    can_publish: Mapped[bool]
    can_subscribe: Mapped[bool]
    created_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger)
