"""Rooms: made ahead by the app's back end, open between nbf and exp, ended early by DELETE."""

from typing import Annotated, Any

from msgspec import Meta, Struct, field
from starlette.requests import Request

from vpaas_api import limits, logs
from vpaas_api.auth import new_id
from vpaas_api.errors import ApiError, FieldError
from vpaas_api.node import Node
from vpaas_api.operation import Operation
from vpaas_api.store import ExternalIdTakenError, RoomRow, Store
from vpaas_api.times import now_s, rfc3339

RoomName = Annotated[str, Meta(max_length=limits.ROOM_NAME_CHARS)]
ExternalId = Annotated[
    str, Meta(min_length=1, max_length=limits.EXTERNAL_ID_CHARS, description="The app's own id")
]
EpochSeconds = Annotated[int, Meta(ge=0, le=2**40, description="Seconds since 1970, UTC, as in a JWT")]
MetadataKey = Annotated[str, Meta(min_length=1, max_length=limits.METADATA_KEY_CHARS)]
MetadataText = Annotated[str, Meta(max_length=limits.METADATA_VALUE_CHARS)]
Metadata = Annotated[
    dict[MetadataKey, MetadataText | int | float | bool | None], Meta(max_length=limits.METADATA_KEYS)
]

log = logs.get_logger()


class RoomSettings(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    max_participants: Annotated[int, Meta(ge=1, le=limits.PARTICIPANTS_MAX)] | None = None


class CreateRoom(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    name: RoomName = ""
    external_id: ExternalId | None = None
    nbf: EpochSeconds | None = None
    exp: EpochSeconds | None = None
    settings: RoomSettings = RoomSettings()
    metadata: Metadata = {}


class Room(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    name: str
    external_id: str | None
    nbf: EpochSeconds
    exp: EpochSeconds
    created_at: Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
    ended: bool
    settings: RoomSettings
    metadata: dict[str, Any]
    participants: Annotated[int, Meta(description="How many are in the room now")]


class ListRooms(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=limits.PAGE_SIZE_MAX)] = field(
        name="$limit", default=limits.PAGE_SIZE_DEFAULT
    )
    skip: Annotated[int, Meta(ge=0, le=2**31)] = field(name="$skip", default=0)
    ended: bool | None = None
    external_id: ExternalId | None = None


class RoomPage(Struct, frozen=True):
    total: int
    limit: int
    skip: int
    data: list[Room]


async def create_room(node: Node, _request: Request, wanted: CreateRoom) -> Room:
    return _view(node, await add_room(node.store, wanted))


async def list_rooms(node: Node, _request: Request, wanted: ListRooms) -> RoomPage:
    total, rows = await node.store.rooms(
        limit=wanted.limit,
        skip=wanted.skip,
        ended=wanted.ended,
        external_id=wanted.external_id,
        now=now_s(),
    )
    return RoomPage(total, wanted.limit, wanted.skip, [_view(node, row) for row in rows])


async def get_room(node: Node, request: Request, _given: None) -> Room:
    return _view(node, await find_room(node.store, request.path_params["id"]))


async def delete_room(node: Node, request: Request, _given: None) -> None:
    await find_room(node.store, request.path_params["id"])
    await node.rooms.end(request.path_params["id"], "deleted")


async def add_room(store: Store, wanted: CreateRoom) -> RoomRow:
    now = now_s()
    nbf = wanted.nbf if wanted.nbf is not None else now
    opens = max(nbf, now)
    exp = wanted.exp if wanted.exp is not None else opens + limits.ROOM_LIFE_S_DEFAULT
    _check_times(now, opens, exp)
    room = RoomRow(
        id=new_id(),
        name=wanted.name,
        external_id=wanted.external_id,
        nbf=nbf,
        exp=exp,
        created_at=now,
        max_participants=wanted.settings.max_participants,
        meta=wanted.metadata,
    )
    try:
        await store.add_room(room)
    except ExternalIdTakenError as error:
        raise ApiError(
            "external_id_exists",
            f"Room {error.room_id} has it",
            errors=[FieldError("externalId", f"is the externalId of room {error.room_id}")],
        ) from None
    log.info("room_created", room=room.id, exp=exp)
    return room


async def find_room(store: Store, room_id: str) -> RoomRow:
    room = await store.room(room_id)
    if room is None:
        raise ApiError("room_not_found", f"No room has the id {room_id!r}")
    return room


def _check_times(now: int, opens: int, exp: int) -> None:
    wrong = []
    if opens - now > limits.ROOM_AHEAD_S_MAX:
        wrong.append(FieldError("nbf", f"is more than {limits.ROOM_AHEAD_S_MAX} s ahead"))
    if exp <= opens:
        wrong.append(FieldError("exp", "is not after nbf and now"))
    elif exp - opens > limits.ROOM_LIFE_S_MAX:
        wrong.append(FieldError("exp", f"is more than {limits.ROOM_LIFE_S_MAX} s after the room opens"))
    if wrong:
        raise ApiError("invalid_request", errors=wrong)


def _view(node: Node, row: RoomRow) -> Room:
    return Room(
        id=row.id,
        name=row.name,
        external_id=row.external_id,
        nbf=row.nbf,
        exp=row.exp,
        created_at=rfc3339(row.created_at),
        ended=row.ended(now_s()),
        settings=RoomSettings(row.max_participants),
        metadata=row.meta,
        participants=node.rooms.participants(row.id),
    )


OPERATIONS = [
    Operation(
        method="POST",
        path="/vpaas/rooms",
        summary="Create a room",
        handler=create_room,
        body=CreateRoom,
        answer=Room,
        status=201,
        errors=("external_id_exists",),
    ),
    Operation(
        method="GET",
        path="/vpaas/rooms",
        summary="List rooms, newest first",
        handler=list_rooms,
        query=ListRooms,
        answer=RoomPage,
    ),
    Operation(
        method="GET",
        path="/vpaas/rooms/{id}",
        summary="Get a room",
        handler=get_room,
        answer=Room,
        errors=("room_not_found",),
    ),
    Operation(
        method="DELETE",
        path="/vpaas/rooms/{id}",
        summary="End a room and disconnect everyone in it",
        handler=delete_room,
        status=204,
        errors=("room_not_found",),
    ),
]
