"""OpenAPI 3.1, generated from the operations and the very types that validate requests."""

from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from vpaas_api import __version__
from vpaas_api.errors import PROBLEMS, ProblemDetails
from vpaas_api.node import Node
from vpaas_api.operation import JSON, Operation

REF = "#/components/schemas/{name}"
SECURITY: dict[str, list[dict[str, list[str]]]] = {
    "api": [{"apiToken": []}],
    "access": [{"accessToken": []}],
    "none": [],
}
DESCRIPTION = """Rooms, tokens and media sessions of a VPaaS node.

Signalling is not HTTP: it is a WebSocket at `/vpaas/signaling?accessToken=…`, subprotocol `protoo`."""


def document(operations: list[Operation]) -> dict[str, Any]:
    types = [kind for op in operations for kind in (op.body, op.answer) if kind]
    _, schemas = msgspec.json.schema_components([*types, ProblemDetails], ref_template=REF)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "VPaaS", "version": __version__, "description": DESCRIPTION},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "apiToken": {"type": "http", "scheme": "bearer", "description": "The app's back end"},
                "accessToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A participant; from POST /vpaas/rooms/{id}/join",
                },
            },
        },
    }


def _describe(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": operation.handler.__name__,
        "security": SECURITY[operation.auth],
        "parameters": [*_path_parameters(operation.path), *_query_parameters(operation)],
        "responses": _responses(operation),
    }
    if operation.takes_body:
        schema = _reference(operation.body) if operation.body else {"type": "string"}
        described["requestBody"] = {"required": True, "content": {operation.consumes: {"schema": schema}}}
    return described


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    _, schemas = msgspec.json.schema_components([operation.query], ref_template=REF)
    properties = schemas[operation.query.__name__]["properties"]
    return [{"name": name, "in": "query", "schema": schema} for name, schema in properties.items()]


def _responses(operation: Operation) -> dict[str, Any]:
    success: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer is not None:
        success["content"] = {operation.produces: {"schema": _reference(operation.answer)}}
    elif operation.produces != JSON:
        success["content"] = {operation.produces: {"schema": {"type": "string"}}}
    return {str(operation.status): success} | _problems(operation)


def _problems(operation: Operation) -> dict[str, Any]:
    codes = set(operation.errors)
    if operation.auth != "none":
        codes.add("unauthorized")
    if operation.auth == "access":
        codes |= {"token_expired", "token_not_active"}
    if operation.takes_body:
        codes |= {"body_too_large", "unsupported_media_type"}
    if operation.body:
        codes |= {"malformed_json", "invalid_request"}
    if operation.query:
        codes.add("invalid_request")
    content = {"application/problem+json": {"schema": _reference(ProblemDetails)}}
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(PROBLEMS[code].status, []).append(f"`{code}`: {PROBLEMS[code].title}")
    return {
        str(status): {"description": "; ".join(titles), "content": content}
        for status, titles in sorted(by_status.items())
    }


def _reference(kind: type) -> dict[str, str]:
    return {"$ref": REF.format(name=kind.__name__)}


def operation_of(operations: list[Operation]) -> Operation:
    """The operation that serves the document, itself described in it."""

    async def get_openapi(_node: Node, _request: Request, _given: None) -> Response:
        return Response(encoded, media_type=JSON)

    itself = Operation(
        method="GET",
        path="/openapi.json",
        summary="This document",
        handler=get_openapi,
        auth="none",
    )
    encoded = msgspec.json.encode(document([*operations, itself]))
    return itself
