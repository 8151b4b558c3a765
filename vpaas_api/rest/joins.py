"""Joining: the app's back end asks for one participant, and gets the token that participant connects with."""

from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request

from vpaas_api import limits, logs
from vpaas_api.auth import AccessTokens, Grant, Permissions, new_id
from vpaas_api.errors import ApiError
from vpaas_api.node import Node
from vpaas_api.operation import Operation
from vpaas_api.rest.rooms import ExternalId, find_room
from vpaas_api.store import JoinRow, RoomRow, Store
from vpaas_api.times import now_s, rfc3339

DisplayName = Annotated[str, Meta(max_length=limits.DISPLAY_NAME_CHARS)]

log = logs.get_logger()


class JoinRequest(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    external_id: ExternalId | None = None
    display_name: DisplayName = ""
    permissions: Permissions = Permissions()
    ttl_seconds: Annotated[int, Meta(ge=1, le=limits.ROOM_LIFE_S_MAX)] | None = None


class IceServer(Struct, frozen=True, rename="camel", omit_defaults=True):
    urls: list[str]
    username: str = ""
    credential: str = ""


class Join(Struct, frozen=True, rename="camel", kw_only=True):
    participant_id: str
    access_token: str
    url: Annotated[str, Meta(description="WebSocket address of signalling; add ?accessToken=…")]
    ice_servers: list[IceServer]
    expires_at: Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


async def join_room(node: Node, request: Request, wanted: JoinRequest) -> Join:
    room = await find_room(node.store, request.path_params["id"])
    return await answer_join(node, request, room, wanted)


async def answer_join(node: Node, request: Request, room: RoomRow, wanted: JoinRequest) -> Join:
    token, grant = await admit(node.store, node.access_tokens, room, wanted)
    log.info("join_granted", room=room.id, participant=grant.participant_id)
    return Join(
        participant_id=grant.participant_id,
        access_token=token,
        url=signaling_url(node.settings.public_url or str(request.base_url)),
        ice_servers=[],
        expires_at=rfc3339(grant.exp),
    )


async def admit(store: Store, tokens: AccessTokens, room: RoomRow, wanted: JoinRequest) -> tuple[str, Grant]:
    """A new participant's signed token. It never outlives the room."""
    now = now_s()
    if room.ended(now):
        raise ApiError("room_ended", f"Room {room.id} has ended")
    opens = max(now, room.nbf)
    grant = Grant(
        sub=new_id(),
        room=room.id,
        permissions=wanted.permissions,
        iat=now,
        nbf=opens,
        exp=min(room.exp, opens + (wanted.ttl_seconds or limits.ROOM_LIFE_S_MAX)),
        jti=new_id(),
        name=wanted.display_name,
    )
    await store.add_join(
        JoinRow(
            id=grant.sub,
            room_id=room.id,
            external_id=wanted.external_id,
            can_publish=wanted.permissions.can_publish,
            can_subscribe=wanted.permissions.can_subscribe,
            created_at=now,
            expires_at=grant.exp,
        )
    )
    return tokens.sign(grant), grant


def signaling_url(origin: str) -> str:
    return "ws" + origin.removeprefix("http").rstrip("/") + "/vpaas/signaling"


OPERATIONS = [
    Operation(
        method="POST",
        path="/vpaas/rooms/{id}/join",
        summary="Let one participant into a room",
        handler=join_room,
        body=JoinRequest,
        answer=Join,
        errors=("room_not_found", "room_ended"),
    )
]
