"""protoo's framing: JSON requests, responses and notifications in WebSocket text messages.

{"request": true, "id": 7, "method": "join", "data": {...}}
{"response": true, "id": 7, "ok": true, "data": {...}}
{"response": true, "id": 7, "ok": false, "errorCode": 404, "errorReason": "..."}
{"notification": true, "method": "peerJoined", "data": {...}}
"""

from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Raw, Struct

SUBPROTOCOL = "protoo"
CLOSE_REASON_BYTES_MAX = 123  # RFC 6455 §5.5: a control frame carries 125 bytes, two of them the code


class Closing(NamedTuple):
    """Why a connection ends: the WebSocket close code, and one word or two for people and logs."""

    code: int
    reason: str


LEFT = Closing(1000, "left")
DISCONNECTED = Closing(1006, "disconnected")
NOT_JOINED = Closing(4408, "not joined in time")
REPLACED = Closing(4410, "replaced")
TOO_SLOW = Closing(4429, "too slow")

UNAUTHORIZED, MALFORMED, ROOM_GONE, ROOM_FULL = 4401, 4403, 4404, 4409


class Request(Struct, frozen=True):
    id: int
    method: str
    data: Raw
    traceparent: str | None


class MalformedError(ValueError):
    """The peer does not speak protoo."""


class _Message(Struct, frozen=True):
    request: bool = False
    response: bool = False
    notification: bool = False
    id: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    method: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    data: Raw = Raw(b"{}")
    traceparent: str | None = None


class _Response(Struct, frozen=True, omit_defaults=True, rename="camel"):
    response: bool
    id: int
    ok: bool
    data: Any = None
    error_code: int | None = None
    error_reason: str | None = None


_decoder = msgspec.json.Decoder(_Message)
_encoder = msgspec.json.Encoder()


def decode(text: str) -> Request | None:
    """A request, or None for what needs no answer. Raises MalformedError."""
    try:
        message = _decoder.decode(text)
    except (ValueError, RecursionError) as error:
        raise MalformedError(str(error)) from None
    if message.request + message.response + message.notification != 1:
        raise MalformedError("neither a request nor a response nor a notification")
    if not message.request:
        return None
    if message.id is None or message.method is None:
        raise MalformedError("a request needs an id and a method")
    data = message.data if bytes(message.data) != b"null" else Raw(b"{}")
    return Request(message.id, message.method, data, message.traceparent)


def success(request_id: int, data: Any) -> str:
    return _encoder.encode(_Response(True, request_id, True, {} if data is None else data)).decode()


def failure(request_id: int, code: int, reason: str) -> str:
    answer = _Response(True, request_id, False, error_code=code, error_reason=reason)
    return _encoder.encode(answer).decode()


def notification(method: str, data: Struct) -> str:
    return _encoder.encode({"notification": True, "method": method, "data": data}).decode()


def close_reason(text: str) -> str:
    return text.encode()[:CLOSE_REASON_BYTES_MAX].decode(errors="ignore")
