"""Is this node able to serve?"""

from msgspec import Struct
from starlette.requests import Request

from vpaas_api import __version__
from vpaas_api.node import Node
from vpaas_api.operation import Operation


class Health(Struct, frozen=True):
    status: str
    version: str
    rooms: int
    participants: int


async def health(node: Node, _request: Request, _given: None) -> Health:
    return Health("ok", __version__, len(node.rooms), node.rooms.participants())


OPERATIONS = [
    Operation(
        method="GET",
        path="/healthz",
        summary="Health and size of this node",
        handler=health,
        auth="none",
        answer=Health,
    )
]
