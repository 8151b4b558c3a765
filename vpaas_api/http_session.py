"""What WHIP (RFC 9725) and WHEP share: a media session whose signalling is an HTTP resource."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from starlette.requests import Request
from starlette.responses import Response

from vpaas_api import limits, logs
from vpaas_api.auth import Grant, new_id
from vpaas_api.errors import ApiError
from vpaas_api.operation import SDP, SDP_FRAGMENT, Operation
from vpaas_api.signaling.connection import Connection
from vpaas_api.signaling.framing import LEFT, Closing
from vpaas_api.signaling.room import Room
from vpaas_core import WebRtcTransport
from vpaas_core.sdp.fragment import parse_fragment, restart_fragment
from vpaas_core.sdp.negotiate import Negotiation

if TYPE_CHECKING:
    from vpaas_api.node import Node

Kind = Literal["whip", "whep"]
HAS_PATH = ("connected", "completed")
MEDIA_LOST = Closing(1006, "media lost")
REFUSED = Closing(1000, "refused")
SOURCE_ENDED = Closing(1000, "source ended")

log = logs.get_logger()


class HttpSession:
    """Ends by DELETE, when no path to the client is left (RFC 7675), when DTLS closes, or with its room."""

    def __init__(
        self,
        kind: Kind,
        room: Room,
        grant: Grant,
        *,
        lost_after_s: float,
        on_close: "Callable[[HttpSession], None]",
    ) -> None:
        self.id = new_id()
        self.kind = kind
        self.etag = _new_etag()
        self.participant_id = grant.participant_id
        self._lost_after_s = lost_after_s
        self._on_close = on_close
        self._lost_timer: asyncio.TimerHandle | None = None
        self.connection = Connection(room, grant, kind, send=_nobody_listens, on_close=self._closed)

    def connect(self, negotiation: Negotiation) -> WebRtcTransport:
        """Make the transport for what was negotiated, and tell the room that the participant is here."""
        self.transport = transport = self.connection.create_transport(
            "send" if self.kind == "whip" else "recv"
        )
        transport.on("icestatechange", self._ice_changed)
        transport.on("dtlsstatechange", self._dtls_changed)
        transport.connect(negotiation.dtls_parameters)
        self._remote_ufrag = negotiation.ice_parameters.username_fragment
        self._section = negotiation.sections[0]
        self._wait_for_media()
        self.connection.room.announce(self.connection)
        return transport

    def created(self, answer: str) -> Response:
        """The 201 of a POST."""
        headers = {
            "Location": f"/vpaas/{self.kind}/{self.id}",
            "ETag": self.etag,
            "Accept-Patch": SDP_FRAGMENT,
        }
        return Response(answer, 201, headers, SDP)

    def patch(self, if_match: str | None, body: str) -> Response:
        """Trickled candidates, or an ICE restart (RFC 9725 §4.3)."""
        if if_match is None:
            raise ApiError("etag_required", "Send the ETag of the session, or * to restart ICE")
        if if_match != "*" and self.etag not in (tag.strip() for tag in if_match.split(",")):
            raise ApiError("etag_mismatch")
        theirs = parse_fragment(body).ice_parameters  # their candidates do not matter to an ICE-lite node
        if theirs is None or theirs.username_fragment == self._remote_ufrag:
            return Response(status_code=204)
        if if_match != "*":
            raise ApiError(
                "etag_mismatch", "The fragment is of another ICE session; restart with If-Match: *"
            )
        ice = self.transport.restart_ice()
        self._remote_ufrag = theirs.username_fragment
        self.etag = _new_etag()
        if self.transport.ice_state not in HAS_PATH:  # media goes on over the old path, and nothing will tell
            self._wait_for_media()
        ours = restart_fragment(
            ice, self.transport.ice_candidates, mid=self._section.mid, kind=self._section.kind
        )
        return Response(ours, 200, {"ETag": self.etag}, SDP_FRAGMENT)

    def close_soon(self, closing: Closing) -> None:
        """After the engine is done with what it is telling us about."""
        asyncio.get_running_loop().call_soon(self.connection.close, closing)

    def _ice_changed(self, state: str) -> None:
        if state == "disconnected":
            self._wait_for_media()
        elif state in HAS_PATH:
            self._stop_waiting()

    def _dtls_changed(self, state: str) -> None:
        if state in ("closed", "failed"):
            self.close_soon(LEFT if state == "closed" else MEDIA_LOST)

    def _wait_for_media(self) -> None:
        self._stop_waiting()
        loop = asyncio.get_running_loop()
        self._lost_timer = loop.call_later(self._lost_after_s, self.connection.close, MEDIA_LOST)

    def _stop_waiting(self) -> None:
        if self._lost_timer is not None:
            self._lost_timer.cancel()
            self._lost_timer = None

    def _closed(self, closing: Closing) -> None:
        self._stop_waiting()
        log.info(f"{self.kind}_ended", session=self.id, room=self.connection.room.id, reason=closing.reason)
        self._on_close(self)


class HttpSessions:
    """The WHIP and WHEP sessions of this node."""

    def __init__(self, lost_after_s: float) -> None:
        self._lost_after_s = lost_after_s
        self._sessions: dict[str, HttpSession] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    @contextmanager
    def opening(self, kind: Kind, room: Room, grant: Grant) -> Iterator[HttpSession]:
        """A new session; if setting it up fails, it is closed again."""
        peer = room.peers.get(grant.participant_id)
        theirs = [each for each in peer.connections if each.kind != "signaling"] if peer else []
        if len(theirs) >= limits.HTTP_SESSIONS_PER_PARTICIPANT:
            raise ApiError(
                "too_many", f"A participant has at most {limits.HTTP_SESSIONS_PER_PARTICIPANT} sessions"
            )
        session = HttpSession(kind, room, grant, lost_after_s=self._lost_after_s, on_close=self._forget)
        self._sessions[session.id] = session
        try:
            yield session
        except BaseException:
            session.connection.close(REFUSED)
            raise
        log.info(f"{kind}_started", session=session.id, room=room.id, participant=grant.participant_id)

    def find(self, kind: Kind, session_id: str, grant: Grant) -> HttpSession:
        """Another participant's session is not found: whoever holds its address may still not touch it."""
        session = self._sessions.get(session_id)
        if session is None or session.kind != kind or session.participant_id != grant.participant_id:
            raise ApiError("session_not_found")
        return session

    def _forget(self, session: HttpSession) -> None:
        self._sessions.pop(session.id, None)


def session_operations(kind: Kind) -> list[Operation]:
    """Everything under WHIP's and WHEP's addresses but the POST that makes a session."""

    def find(node: "Node", request: Request) -> HttpSession:
        return node.http_sessions.find(kind, request.path_params["session"], request.state.grant)

    async def probe(_node: "Node", _request: Request, _given: None) -> None:
        return None

    async def get_session(node: "Node", request: Request, _given: None) -> None:
        find(node, request)

    async def patch_session(node: "Node", request: Request, fragment: str) -> Response:
        return find(node, request).patch(request.headers.get("if-match"), fragment)

    async def delete_session(node: "Node", request: Request, _given: None) -> Response:
        find(node, request).connection.close(LEFT)
        return Response(status_code=200)

    for handler in (probe, get_session, patch_session, delete_session):
        handler.__name__ += f"_{kind}"
    endpoint, name = f"/vpaas/{kind}", kind.upper()
    session = endpoint + "/{session}"
    return [
        Operation(
            method="GET", path=endpoint, summary=f"Probe the {name} endpoint", handler=probe,
            auth="access", status=204, cors=True,
        ),
        Operation(
            method="GET", path=session, summary=f"Probe a {name} session", handler=get_session,
            auth="access", status=204, errors=("session_not_found",), cors=True,
        ),
        Operation(
            method="PATCH", path=session, summary="Trickle candidates (204), or restart ICE (200)",
            handler=patch_session, auth="access", consumes=SDP_FRAGMENT, produces=SDP_FRAGMENT,
            errors=("session_not_found", "malformed_sdp", "etag_required", "etag_mismatch"), cors=True,
        ),
        Operation(
            method="DELETE", path=session, summary=f"End a {name} session", handler=delete_session,
            auth="access", errors=("session_not_found",), cors=True,
        ),
    ]  # fmt: skip


def _new_etag() -> str:
    return f'"{secrets.token_hex(8)}"'


def _nobody_listens(_notification: str) -> None:
    pass
