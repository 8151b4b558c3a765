"""Joining by room name alone, for the page of this node. It needs no key: off on a public address."""

from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request

from vpaas_api.errors import ApiError
from vpaas_api.node import Node
from vpaas_api.operation import Operation
from vpaas_api.rest.joins import DisplayName, Join, JoinRequest, answer_join
from vpaas_api.rest.rooms import CreateRoom, add_room
from vpaas_api.store import RoomRow, Store
from vpaas_api.times import now_s


class DemoJoin(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    room: Annotated[str, Meta(min_length=1, max_length=80)]
    display_name: DisplayName = ""


async def demo_join(node: Node, request: Request, wanted: DemoJoin) -> Join:
    if not node.settings.demo_enabled:
        raise ApiError("not_found", "The demo is off on this node")
    room = await _room_named(node.store, wanted.room)
    return await answer_join(node, request, room, JoinRequest(display_name=wanted.display_name))


async def _room_named(store: Store, name: str) -> RoomRow:
    external_id = f"demo:{name}"
    if room := await store.live_room(external_id, now_s()):
        return room
    try:
        return await add_room(store, CreateRoom(name=name, external_id=external_id))
    except ApiError:
        if room := await store.live_room(external_id, now_s()):
            return room  # somebody else opened it in the meantime
        raise


OPERATIONS = [
    Operation(
        method="POST",
        path="/demo/join",
        summary="Join a room by its name (only while the demo is on)",
        handler=demo_join,
        auth="none",
        body=DemoJoin,
        answer=Join,
        errors=("not_found",),
    )
]
