from collections import defaultdict
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.applications import Starlette
from starlette.routing import Mount, Route, WebSocketRoute

from vpaas_api.operation import Endpoint


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    response = await client.get("/openapi.json", headers={"Authorization": ""})
    assert response.headers["content-type"] == "application/json"
    document: dict[str, Any] = response.json()
    return document


async def test_the_document_is_valid(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()


async def test_every_route_is_documented_and_every_documented_route_exists(
    app: Starlette, document: dict[str, Any]
) -> None:
    served: dict[str, set[str]] = defaultdict(set)
    for route in app.routes:
        if isinstance(route, Route):
            assert isinstance(route.endpoint, Endpoint)
            methods = {op.method.lower() for op in route.endpoint.operations}
            served[route.path] |= methods
        else:
            # Signalling is a WebSocket and the page is files: neither is HTTP an app calls.
            assert isinstance(route, WebSocketRoute | Mount)
    documented = {path: set(methods) for path, methods in document["paths"].items()}
    assert documented == served


async def test_operations_have_names_of_their_own_and_resolvable_types(document: dict[str, Any]) -> None:
    operations = [op for path in document["paths"].values() for op in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert all(operation["summary"] for operation in operations)
    schemas = document["components"]["schemas"]
    assert schemas["CreateRoom"]["properties"]["name"]["maxLength"] == 500
    assert schemas["CreateRoom"]["additionalProperties"] is False
