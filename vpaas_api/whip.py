"""WHIP (RFC 9725): one POST publishes into the room of the token."""

from starlette.requests import Request
from starlette.responses import Response

from vpaas_api.auth import Grant
from vpaas_api.http_session import session_operations
from vpaas_api.node import Node
from vpaas_api.operation import SDP, Operation
from vpaas_api.signaling.messages import Source
from vpaas_core import MediaKind
from vpaas_core.sdp.negotiate import PublishNegotiation

SOURCES: dict[MediaKind, Source] = {"audio": "microphone", "video": "camera"}


async def publish_whip(node: Node, request: Request, offer: str) -> Response:
    grant: Grant = request.state.grant
    room = await node.rooms.open(grant.room)
    negotiation = PublishNegotiation(offer, room.router.rtp_capabilities)
    with node.http_sessions.opening("whip", room, grant) as session:
        transport = session.connect(negotiation)
        for section in negotiation.sections:
            assert section.rtp_parameters is not None
            session.connection.produce(transport, section.kind, section.rtp_parameters, SOURCES[section.kind])
    return session.created(
        negotiation.answer(transport.ice_parameters, transport.ice_candidates, transport.dtls_parameters)
    )


OPERATIONS = [
    Operation(
        method="POST",
        path="/vpaas/whip",
        summary="Publish over WHIP",
        handler=publish_whip,
        auth="access",
        status=201,
        consumes=SDP,
        produces=SDP,
        errors=("malformed_sdp", "forbidden", "room_not_found", "room_full", "room_ended",
                "unsupported_media", "too_many"),
        cors=True,
    ),
    *session_operations("whip"),
]  # fmt: skip
