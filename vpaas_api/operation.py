"""One HTTP operation: its declaration serves the request, and OpenAPI is generated from it too."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from vpaas_api import logs
from vpaas_api.auth import bearer, require_api_token
from vpaas_api.errors import ApiError, from_engine, from_validation
from vpaas_core import VpaasError

if TYPE_CHECKING:
    from vpaas_api.node import Node

JSON = "application/json"
SDP = "application/sdp"
SDP_FRAGMENT = "application/trickle-ice-sdpfrag"
DROPPED_BYTES_MAX = 8 * 1024 * 1024

CORS_HEADERS = {
    # Tokens travel in a header, never in a cookie, so a foreign origin gains nothing by being let in.
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Location, ETag, Link, Accept-Post, Accept-Patch, WWW-Authenticate",
}
PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Max-Age": "86400",
}

log = logs.get_logger()


@dataclass(frozen=True, kw_only=True)
class Operation:
    method: str
    path: str
    summary: str
    handler: Callable[["Node", Request, Any], Awaitable[Any]]
    """Takes the node, the request and the decoded body (or query, if it has no body); answers a Struct, None
    or a whole Response. `request.state` has `grant`, and `query` for an operation with both."""
    auth: Literal["api", "access", "none"] = "api"
    body: type[Struct] | None = None
    query: type[Struct] | None = None
    answer: type[Struct] | None = None
    status: int = 200
    consumes: str = JSON
    produces: str = JSON
    errors: tuple[str, ...] = ()
    """Keys of `errors.PROBLEMS` this operation may answer, beyond those of its body and its token."""
    cors: bool = False

    @property
    def takes_body(self) -> bool:
        return self.body is not None or self.consumes != JSON


class Endpoint:
    """All operations under one path, as an ASGI application."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self.operations = tuple(operations)
        self._operations = {operation.method: operation for operation in self.operations}
        if get := self._operations.get("GET"):
            self._operations.setdefault("HEAD", get)
        self._cors = CORS_HEADERS if any(op.cors for op in self._operations.values()) else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        with logs.trace(request.headers.get("traceparent")):
            try:
                response = await self._respond(request)
            except ClientDisconnect:
                return
            except ApiError as error:
                response = problem(error)
            except VpaasError as error:
                response = problem(from_engine(error))
            except Exception:
                log.exception("request_failed", method=request.method, route=request.scope["path"])
                response = problem(ApiError("internal_error"))
        response.headers.update(self._cors)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=self._options())
        operation = self._operations.get(request.method)
        if operation is None:
            raise ApiError("method_not_allowed", headers={"Allow": self._allowed()})
        node: Node = request.app.state.node
        if operation.auth == "api":
            require_api_token(request.headers.get("authorization"), node.api_token)
        elif operation.auth == "access":
            request.state.grant = node.access_tokens.verify(bearer(request.headers.get("authorization")))
        given = await _given(operation, request, node.settings.body_bytes_max)
        answer = await operation.handler(node, request, given)
        if isinstance(answer, Response):
            return answer
        if answer is None:
            return Response(status_code=204)
        return Response(msgspec.json.encode(answer), operation.status, media_type=operation.produces)

    def _allowed(self) -> str:
        return ", ".join(sorted([*self._operations, "OPTIONS"]))

    def _options(self) -> dict[str, str]:
        headers = {"Allow": self._allowed()}
        for method, name in (("POST", "Accept-Post"), ("PATCH", "Accept-Patch")):
            if operation := self._operations.get(method):
                headers[name] = operation.consumes
        if self._cors:
            headers |= PREFLIGHT_HEADERS | {"Access-Control-Allow-Methods": self._allowed()}
        return headers


def routes(operations: Iterable[Operation]) -> list[Route]:
    by_path = groupby(sorted(operations, key=lambda op: op.path), key=lambda op: op.path)
    return [Route(path, Endpoint(group), name=path) for path, group in by_path]


async def _given(operation: Operation, request: Request, bytes_max: int) -> Any:
    query = None
    if operation.query is not None:
        try:
            query = msgspec.convert(dict(request.query_params), operation.query, strict=False)
        except msgspec.ValidationError as error:
            raise from_validation(error) from None
    if not operation.takes_body:
        return query
    request.state.query = query
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await _read_body(request, bytes_max)
    if content_type != operation.consumes and (content_type or body):
        raise ApiError("unsupported_media_type", f"Send Content-Type: {operation.consumes}")
    if operation.body is None:
        return _text(body)
    try:
        return msgspec.json.decode(body or b"{}", type=operation.body)
    except msgspec.ValidationError as error:
        raise from_validation(error) from None
    except (ValueError, RecursionError) as error:
        raise ApiError("malformed_json", str(error)) from None


async def _read_body(request: Request, bytes_max: int) -> bytes:
    """What is too large is still read, within reason: a client that is sending would miss the answer."""
    body, received = bytearray(), 0
    async for chunk in request.stream():
        received += len(chunk)
        if received <= bytes_max:
            body += chunk
        elif received > bytes_max + DROPPED_BYTES_MAX:
            break
    if received > bytes_max:
        raise ApiError(
            "body_too_large", f"At most {bytes_max} bytes are taken", headers={"Connection": "close"}
        )
    return bytes(body)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise ApiError("malformed_sdp", str(error)) from None


def problem(error: ApiError) -> Response:
    return Response(
        msgspec.json.encode(error.details()),
        error.status,
        headers=error.headers,
        media_type="application/problem+json",
    )


async def router_problem(_request: Request, error: Exception) -> Response:
    """What Starlette's router refuses by itself (an unknown path, a method of a file), as a problem."""
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "invalid_request")
    return problem(ApiError(code, headers=dict(error.headers or {})))
