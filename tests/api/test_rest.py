import time
from typing import Any

import httpx
import pytest

from vpaas_api import limits
from vpaas_api.auth import AccessTokens, Permissions
from vpaas_api.errors import PROBLEMS
from vpaas_api.node import Node

JSON = {"Content-Type": "application/json"}


def assert_problem(response: httpx.Response, code: str, field: str | None = None) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["code"] == code
    assert response.status_code == problem["status"] == PROBLEMS[code].status
    assert problem["title"] == PROBLEMS[code].title
    if field is not None:
        assert field in [error["field"] for error in problem["errors"]]
    return problem


async def create(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    response = await client.post("/vpaas/rooms", json=body)
    assert response.status_code == 201, response.text
    room: dict[str, Any] = response.json()
    return room


async def test_a_room_is_created_read_listed_and_ended(client: httpx.AsyncClient) -> None:
    now = time.time()
    room = await create(
        client, name="Lecture", externalId="course-42", settings={"maxParticipants": 5},
        metadata={"teacher": "t1", "week": 3},
    )  # fmt: skip
    assert set(room) == {
        "id", "name", "externalId", "nbf", "exp", "createdAt", "ended", "settings", "metadata",
        "participants",
    }  # fmt: skip
    assert room["ended"] is False
    assert room["settings"] == {"maxParticipants": 5}
    assert room["metadata"] == {"teacher": "t1", "week": 3}
    assert room["participants"] == 0
    assert room["nbf"] == pytest.approx(now, abs=5)
    assert room["exp"] == room["nbf"] + 3 * 3600
    assert room["createdAt"].endswith("Z")
    assert (await client.get(f"/vpaas/rooms/{room['id']}")).json() == room
    page = (await client.get("/vpaas/rooms", params={"externalId": "course-42"})).json()
    assert page == {"total": 1, "limit": 10, "skip": 0, "data": [room]}
    for _ in range(2):
        response = await client.delete(f"/vpaas/rooms/{room['id']}")
        assert (response.status_code, response.content) == (204, b"")
    assert (await client.get(f"/vpaas/rooms/{room['id']}")).json() == room | {"ended": True}


async def test_an_empty_object_makes_a_room(client: httpx.AsyncClient) -> None:
    room = await create(client)
    assert (room["name"], room["externalId"], room["settings"]) == ("", None, {"maxParticipants": None})


async def test_a_second_room_with_the_same_external_id_is_told_of_the_first(
    client: httpx.AsyncClient,
) -> None:
    room = await create(client, externalId="mine")
    problem = assert_problem(
        await client.post("/vpaas/rooms", json={"externalId": "mine"}), "external_id_exists", "externalId"
    )
    assert room["id"] in problem["detail"]
    await client.delete(f"/vpaas/rooms/{room['id']}")
    await create(client, externalId="mine")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"nmae": "x"}, "nmae"),
        ({"name": "x" * 501}, "name"),
        ({"name": 5}, "name"),
        ({"externalId": "x" * 101}, "externalId"),
        ({"externalId": ""}, "externalId"),
        ({"settings": {"maxParticipants": 0}}, "settings.maxParticipants"),
        ({"settings": {"recording": True}}, "settings.recording"),
        ({"metadata": {str(i): "" for i in range(51)}}, "metadata"),
        ({"metadata": {"a": "x" * 501}}, "metadata"),
        ({"metadata": {"a": {}}}, "metadata"),
        ({"exp": 1}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"exp": 1.5}, "exp"),
        ({"exp": -1}, "exp"),
        ({"exp": 2**60}, "exp"),
        ({"exp": int(time.time()) + limits.ROOM_LIFE_S_MAX + 3600}, "exp"),
        ({"nbf": int(time.time()) + 7200, "exp": int(time.time()) + 3600}, "exp"),
        ({"nbf": int(time.time()) + 400 * 86400}, "nbf"),
    ],
)
async def test_a_wrong_field_is_named(client: httpx.AsyncClient, body: dict[str, Any], field: str) -> None:
    assert_problem(await client.post("/vpaas/rooms", json=body), "invalid_request", field)
    assert (await client.get("/vpaas/rooms")).json()["total"] == 0


async def test_a_room_ahead_gets_its_default_length(client: httpx.AsyncClient) -> None:
    opens = int(time.time()) + 86400
    room = await create(client, nbf=opens)
    assert (room["nbf"], room["exp"]) == (opens, opens + limits.ROOM_LIFE_S_DEFAULT)
    longest = await create(client, nbf=opens, exp=opens + limits.ROOM_LIFE_S_MAX)
    assert longest["exp"] - longest["nbf"] == limits.ROOM_LIFE_S_MAX


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"$limit": "0"}, "$limit"),
        ({"$limit": "101"}, "$limit"),
        ({"$limit": "ten"}, "$limit"),
        ({"$skip": "-1"}, "$skip"),
        ({"ended": "maybe"}, "ended"),
        ({"$sort": "name"}, "$sort"),
    ],
)
async def test_a_wrong_query_is_named(client: httpx.AsyncClient, query: dict[str, str], field: str) -> None:
    assert_problem(await client.get("/vpaas/rooms", params=query), "invalid_request", field)


async def test_pages(client: httpx.AsyncClient) -> None:
    rooms = [await create(client, name=str(i)) for i in range(3)]
    await client.delete(f"/vpaas/rooms/{rooms[0]['id']}")
    page = (await client.get("/vpaas/rooms", params={"$limit": 1, "$skip": 1, "ended": "false"})).json()
    assert (page["total"], page["limit"], page["skip"], len(page["data"])) == (2, 1, 1, 1)
    ended = (await client.get("/vpaas/rooms", params={"ended": "true"})).json()
    assert [room["name"] for room in ended["data"]] == ["0"]


async def test_joining_gives_a_token_of_that_room(client: httpx.AsyncClient, tokens: AccessTokens) -> None:
    room = await create(client)
    response = await client.post(
        f"/vpaas/rooms/{room['id']}/join",
        json={
            "displayName": "Ada",
            "externalId": "user-7",
            "permissions": {"canPublish": False},
            "ttlSeconds": 60,
        },
    )
    assert response.status_code == 200
    join = response.json()
    assert set(join) == {"participantId", "accessToken", "url", "iceServers", "expiresAt"}
    assert join["url"] == "ws://node.example/vpaas/signaling"
    assert join["iceServers"] == []
    grant = tokens.verify(join["accessToken"])
    assert grant.participant_id == join["participantId"]
    assert (grant.room, grant.name) == (room["id"], "Ada")
    assert grant.permissions == Permissions(can_publish=False, can_subscribe=True)
    assert grant.exp - grant.iat == 60


async def test_a_token_never_outlives_its_room_nor_opens_it_early(
    client: httpx.AsyncClient, tokens: AccessTokens
) -> None:
    opens = int(time.time()) + 3600
    room = await create(client, nbf=opens, exp=opens + 100)
    join = (await client.post(f"/vpaas/rooms/{room['id']}/join", json={"ttlSeconds": 4000})).json()
    assert_problem(
        await client.get("/vpaas/whip", headers={"Authorization": f"Bearer {join['accessToken']}"}),
        "token_not_active",
    )
    everyone = (await client.post(f"/vpaas/rooms/{room['id']}/join")).json()
    assert everyone["expiresAt"] == join["expiresAt"]
    assert everyone["participantId"] != join["participantId"]


async def test_an_ended_room_cannot_be_joined(client: httpx.AsyncClient) -> None:
    room = await create(client)
    await client.delete(f"/vpaas/rooms/{room['id']}")
    assert_problem(await client.post(f"/vpaas/rooms/{room['id']}/join", json={}), "room_ended")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ttlSeconds": 0}, "ttlSeconds"),
        ({"displayName": "x" * 101}, "displayName"),
        ({"permissions": {"canDance": True}}, "permissions.canDance"),
        ({"permissions": {"canPublish": "yes"}}, "permissions.canPublish"),
        ({"role": "host"}, "role"),
    ],
)
async def test_a_wrong_join_is_named(client: httpx.AsyncClient, body: dict[str, Any], field: str) -> None:
    room = await create(client)
    response = await client.post(f"/vpaas/rooms/{room['id']}/join", json=body)
    assert_problem(response, "invalid_request", field)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_unknown_room(client: httpx.AsyncClient, method: str) -> None:
    assert_problem(await client.request(method, "/vpaas/rooms/nothing"), "room_not_found")
    assert_problem(await client.post("/vpaas/rooms/nothing/join", json={}), "room_not_found")


@pytest.mark.parametrize("body", [b"{", b"hello", b'{"name": }', b'{"name": "\xff"}', b"{} {}"])
async def test_malformed_json(client: httpx.AsyncClient, body: bytes) -> None:
    assert_problem(await client.post("/vpaas/rooms", content=body, headers=JSON), "malformed_json")


async def test_json_nested_without_end_is_refused(client: httpx.AsyncClient) -> None:
    for body in (b"[" * 100_000, b'{"metadata": {"a": ' + b"[" * 100_000, b'{"x": ' + b'{"x": ' * 30_000):
        response = await client.post("/vpaas/rooms", content=body, headers=JSON)
        assert response.status_code == 400


async def test_another_content_type(client: httpx.AsyncClient) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        headers = {"Content-Type": content_type} if content_type else {}
        response = await client.post("/vpaas/rooms", content=b"{}", headers=headers)
        assert_problem(response, "unsupported_media_type")
    charset = {"Content-Type": "application/json; charset=utf-8"}
    assert (await client.post("/vpaas/rooms", content=b"{}", headers=charset)).status_code == 201


async def test_a_body_that_is_too_large(client: httpx.AsyncClient, node: Node) -> None:
    large = b'{"name": "' + b"x" * node.settings.body_bytes_max + b'"}'
    assert_problem(await client.post("/vpaas/rooms", content=large, headers=JSON), "body_too_large")

    async def undeclared() -> Any:
        for _ in range(100):
            yield large[: len(large) // 50]

    assert_problem(await client.post("/vpaas/rooms", content=undeclared(), headers=JSON), "body_too_large")


@pytest.mark.parametrize(
    "path", ["/vpaas", "/vpaas/rooms/", "/vpaas/room", "/vpaas/rooms/a/b", "/%00", "/../x"]
)
async def test_an_unknown_address(client: httpx.AsyncClient, path: str) -> None:
    assert_problem(await client.get(path), "not_found")


async def test_another_method(client: httpx.AsyncClient) -> None:
    response = await client.put("/vpaas/rooms", json={})
    assert_problem(response, "method_not_allowed")
    assert response.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert_problem(await client.post("/index.html"), "method_not_allowed")


@pytest.mark.parametrize("header", ["", "Bearer wrong", "Basic eDp5"])
async def test_the_api_token_is_needed(client: httpx.AsyncClient, header: str) -> None:
    for method, path in (
        ("GET", "/vpaas/rooms"),
        ("POST", "/vpaas/rooms"),
        ("GET", "/vpaas/rooms/x"),
        ("DELETE", "/vpaas/rooms/x"),
        ("POST", "/vpaas/rooms/x/join"),
    ):
        response = await client.request(method, path, headers={"Authorization": header})
        assert_problem(response, "unauthorized")
        assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_participants_token_is_no_api_token(client: httpx.AsyncClient) -> None:
    room = await create(client)
    join = (await client.post(f"/vpaas/rooms/{room['id']}/join")).json()
    response = await client.get("/vpaas/rooms", headers={"Authorization": f"Bearer {join['accessToken']}"})
    assert_problem(response, "unauthorized")


async def test_head_and_options(client: httpx.AsyncClient) -> None:
    assert (await client.head("/vpaas/rooms")).status_code == 200
    response = await client.options("/vpaas/rooms")
    assert (response.status_code, response.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert "access-control-allow-origin" not in response.headers  # the API token is no browser's business


async def test_health_needs_no_token(client: httpx.AsyncClient) -> None:
    response = await client.get("/healthz", headers={"Authorization": ""})
    assert response.json() == {"status": "ok", "version": "0.1.0", "rooms": 0, "participants": 0}


async def test_the_demo_joins_one_room_for_each_name(client: httpx.AsyncClient, tokens: AccessTokens) -> None:
    joins = [
        (
            await client.post(
                "/demo/join", json={"room": name, "displayName": "Ada"}, headers={"Authorization": ""}
            )
        )
        for name in ("tea", "tea", "coffee")
    ]
    assert [join.status_code for join in joins] == [200, 200, 200]
    first, second, other = (tokens.verify(join.json()["accessToken"]) for join in joins)
    assert first.room == second.room != other.room
    assert first.name == "Ada"
    assert_problem(await client.post("/demo/join", json={"room": ""}), "invalid_request", "room")


async def test_the_demo_can_be_off(client: httpx.AsyncClient, node: Node) -> None:
    object.__setattr__(node, "settings", type(node.settings)(host="0.0.0.0"))
    assert_problem(await client.post("/demo/join", json={"room": "tea"}), "not_found")
