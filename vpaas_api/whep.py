"""WHEP (draft-ietf-wish-whep-03): one POST plays a participant of the token's room."""

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from vpaas_api.auth import Grant
from vpaas_api.errors import ApiError
from vpaas_api.http_session import SOURCE_ENDED, HttpSession, session_operations
from vpaas_api.node import Node
from vpaas_api.operation import SDP, Operation
from vpaas_api.signaling.messages import Id
from vpaas_api.signaling.room import Published, Room
from vpaas_core import MediaKind
from vpaas_core.sdp.negotiate import PlayNegotiation

RETRY_AFTER_S = 5


class Play(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    participant_id: Id | None = None


async def play_whep(node: Node, request: Request, offer: str) -> Response:
    grant: Grant = request.state.grant
    room = await node.rooms.open(grant.room)
    streams = streams_of(room, request.state.query.participant_id, but=grant.participant_id)
    negotiation = PlayNegotiation(offer, room.router.rtp_capabilities)
    if not any(section.kind in streams for section in negotiation.sections):
        raise nothing_to_play()
    with node.http_sessions.opening("whep", room, grant) as session:
        transport = session.connect(negotiation)
        consumers = {}
        for section in negotiation.sections:
            if published := streams.get(section.kind):
                assert section.rtp_capabilities is not None
                consumer = session.connection.consume(
                    transport, published, section.rtp_capabilities, paused=False, mid=section.mid
                )
                consumer.on("producerclose", lambda: _end_when_silent(session))
                consumers[section.index] = consumer.rtp_parameters
    return session.created(
        negotiation.answer(
            transport.ice_parameters,
            transport.ice_candidates,
            transport.dtls_parameters,
            consumers=consumers,
            stream_id=grant.room,
        )
    )


async def head_whep(_node: Node, _request: Request, _given: None) -> Response:
    return Response(media_type=SDP)


def streams_of(room: Room, participant_id: str | None, *, but: str) -> dict[MediaKind, Published]:
    """The newest audio and video of the participant; by default of whoever else published last."""
    published = list(room.published.values())
    if participant_id is None:
        others = [each.peer.id for each in published if each.peer.id != but]
        participant_id = others[-1] if others else None
    streams = {each.producer.kind: each for each in published if each.peer.id == participant_id}
    if not streams:
        raise nothing_to_play()
    return streams


def nothing_to_play() -> ApiError:
    return ApiError("nothing_to_play", headers={"Retry-After": str(RETRY_AFTER_S)})


def _end_when_silent(session: HttpSession) -> None:
    if not session.connection.consumers:
        session.close_soon(SOURCE_ENDED)


OPERATIONS = [
    Operation(
        method="POST",
        path="/vpaas/whep",
        summary="Play a participant over WHEP; by default the one who published last",
        handler=play_whep,
        auth="access",
        query=Play,
        status=201,
        consumes=SDP,
        produces=SDP,
        errors=("malformed_sdp", "forbidden", "room_not_found", "room_full", "room_ended",
                "nothing_to_play", "unsupported_media", "too_many"),
        cors=True,
    ),
    Operation(
        method="HEAD",
        path="/vpaas/whep",
        summary="What the WHEP endpoint speaks",
        handler=head_whep,
        auth="access",
        produces=SDP,
        cors=True,
    ),
    *session_operations("whep"),
]  # fmt: skip
