"""The signalling socket itself: who gets in, what is malformed, what is too much, and how it ends."""

import asyncio
import json
import time
from typing import Any

import jwt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.support.live import LiveNode
from tests.support.protoo import RefusedError
from vpaas_api.auth import AUDIENCE, ISSUER
from vpaas_api.settings import Settings
from vpaas_api.signaling import messages
from vpaas_api.signaling.session import TokenBucket

SECRET = "a signing secret of the tests, 32 bytes and more"


def token(room: str, *, secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "p", "room": room, "jti": "j",
        "permissions": {"canPublish": True, "canSubscribe": True}, "iat": now, "nbf": now, "exp": now + 60,
    }  # fmt: skip
    key = None if algorithm == "none" else secret
    return jwt.encode(claims | changes, key, algorithm=algorithm)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"exp": 1_000_000_000}, "jwt expired"),
        ({"nbf": 4_000_000_000}, "jwt not active"),
        ({"aud": "vpaas:api"}, "jwt audience invalid"),
        ({"secret": "another secret that is long enough to be one"}, "jwt signature invalid"),
        ({"algorithm": "none"}, "jwt malformed"),
    ],
)
async def test_a_bad_token_closes_with_its_reason(live: LiveNode, wrong: Any, reason: str) -> None:
    client = await live.open(token(await live.room(), **wrong))
    assert await client.closed() == (4401, reason)


async def test_a_token_opens_its_own_room_only(live: LiveNode) -> None:
    assert (await (await live.open("")).closed())[0] == 4401
    assert await (await live.open(token("nothing"))).closed() == (4404, "room not found")
    room, other = await live.room(), await live.room()
    await live.participant(other)
    client = await live.open(token(room))
    joined = await client.join()
    assert (joined["room"]["id"], joined["peers"]) == (room, [])


@pytest.mark.parametrize(
    "message",
    [
        "hello",
        "{}",
        "[]",
        '{"request": true, "id": 1}',
        '{"request": true, "method": "join"}',
        '{"request": true, "id": 1, "method": 5}',
        '{"request": true, "id": 1, "method": "join", "data": ' + "[" * 5000,
        b"\x00\x01",
    ],
)
async def test_what_is_not_protoo_closes_the_socket(live: LiveNode, message: str | bytes) -> None:
    room = await live.room()
    other, client = await live.participant(room), await live.participant(room)
    await client.socket.send(message)
    code, reason = await client.closed()
    assert (code, reason.startswith("malformed message")) == (4403, True)
    await other.notification("peerLeft")


async def test_a_message_that_is_too_large_closes_the_socket(live: LiveNode) -> None:
    client = await live.participant(await live.room())
    await client.socket.send(json.dumps({"x": "y" * live.node.settings.message_bytes_max}))
    assert (await client.closed())[0] == 1009


async def test_deep_nesting_in_a_request_is_refused_or_malformed_but_harmless(live: LiveNode) -> None:
    client = await live.participant(await live.room())
    nested: Any = "x"
    for _ in range(900):
        nested = {"x": nested}
    with pytest.raises(RefusedError) as refused:
        await client.request("join", {"rtpCapabilities": {"codecs": []}, "device": nested})
    assert refused.value.code in (400, 409)


async def test_the_protoo_subprotocol_is_chosen_when_offered(live: LiveNode) -> None:
    room_token = await live.token(await live.room())
    client = await live.open(room_token)
    assert client.socket.subprotocol == "protoo"
    url = f"{live.url.replace('http', 'ws')}/vpaas/signaling?accessToken={room_token}"
    async with connect(url) as socket:
        assert socket.subprotocol is None


async def test_other_websocket_addresses_are_not_found(live: LiveNode) -> None:
    with pytest.raises(InvalidStatus):
        await connect(f"{live.url.replace('http', 'ws')}/vpaas/other")


async def test_notifications_from_a_client_are_ignored(live: LiveNode) -> None:
    client = await live.participant(await live.room())
    await client.socket.send('{"notification": true, "method": "hello", "data": {}}')
    await client.socket.send('{"response": true, "id": 1, "ok": true, "data": {}}')
    assert await client.request("getRouterRtpCapabilities", {})


async def test_a_shutdown_tells_the_clients(live: LiveNode) -> None:
    client = await live.participant(await live.room())
    live.stop()
    assert (await client.closed())[0] == 1012


async def test_tokens_are_never_logged(live: LiveNode, capfd: pytest.CaptureFixture[str]) -> None:
    room = await live.room()
    room_token = await live.token(room, displayName="Ada Lovelace")
    client = await live.open(room_token)
    await client.join()
    await (await live.open(room_token + "x")).closed()
    await client.socket.send("nonsense")
    await client.closed()
    logged = "".join(capfd.readouterr())
    assert "participant_joined" in logged
    assert "participant_left" in logged
    for secret in (room_token, room_token.rpartition(".")[2], "accessToken", live.node.api_token, "Lovelace"):
        assert secret not in logged


class TestLimits:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        changes = {"message_rate": 1, "message_burst": 20, "message_queue_max": 50}
        return Settings(**{name: getattr(settings, name) for name in settings.__struct_fields__} | changes)

    async def test_too_many_requests_are_refused(self, live: LiveNode) -> None:
        client = await live.participant(await live.room())
        results = await asyncio.gather(
            *(client.request("getRouterRtpCapabilities") for _ in range(30)), return_exceptions=True
        )
        refused = [result for result in results if isinstance(result, RefusedError)]
        assert {result.code for result in refused} == {429}
        assert len(refused) == 30 - 18  # two requests were those of joining

    async def test_who_does_not_keep_up_is_cut_off(self, live: LiveNode) -> None:
        room = await live.room()
        client = await live.participant(room)
        here = await live.node.rooms.open(room)
        for number in range(52):
            here.tell("peerLeft", messages.PeerLeft(str(number), "left"))
        assert here.peers == {}
        assert await client.closed() == (4429, "too slow")


def test_a_token_bucket_allows_a_burst_and_then_its_rate() -> None:
    bucket = TokenBucket(rate=2, burst=3, now_s=0)
    assert [bucket.take(0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(0.5), bucket.take(0.5)] == [True, False]
    assert [bucket.take(100) for _ in range(4)] == [True, True, True, False]
