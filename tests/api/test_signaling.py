"""A room as its participants see it: joining, publishing, playing, leaving."""

import asyncio
import time
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.live import LiveNode
from tests.support.protoo import DTLS_PARAMETERS, ProtooClient, RefusedError, rtp_parameters
from vpaas_api.settings import Settings


async def test_joining_tells_who_is_there_and_tells_them(live: LiveNode) -> None:
    room = await live.room(name="Lecture")
    ada = await live.open(await live.token(room, permissions={"canSubscribe": False}))
    joined = await ada.join("Ada")
    ada_id = joined["participantId"]
    assert joined == {
        "participantId": ada_id,
        "room": {"id": room, "name": "Lecture"},
        "permissions": {"canPublish": True, "canSubscribe": False},
        "peers": [],
    }
    microphone = await ada.produce(await ada.transport("send"), "microphone", paused=True)
    bob = await live.open(await live.token(room, displayName="Bob of the token"))
    joined = await bob.join("Bob of the page")
    assert joined["peers"] == [
        {
            "id": ada_id,
            "displayName": "Ada",
            "producers": [{"id": microphone, "kind": "audio", "source": "microphone", "paused": True}],
        }
    ]
    peer = await ada.notification("peerJoined")
    assert peer == {"id": joined["participantId"], "displayName": "Bob of the token"}
    assert (await live.client.get(f"/vpaas/rooms/{room}")).json()["participants"] == 2
    await bob.request("leave")
    assert (await bob.closed())[0] == 1000
    assert await ada.notification("peerLeft") == {"id": peer["id"], "reason": "left"}
    assert ada.waiting == []


async def test_a_transport_has_what_a_browser_needs(live: LiveNode) -> None:
    ada = await live.participant(await live.room())
    created = await ada.request("createWebRtcTransport", {"direction": "send"})
    assert set(created) == {"id", "iceParameters", "iceCandidates", "dtlsParameters"}
    assert created["iceParameters"]["iceLite"] is True
    assert created["iceCandidates"][0]["protocol"] == "udp"
    assert created["dtlsParameters"]["fingerprints"][0]["algorithm"].startswith("sha-")
    restarted = await ada.request("restartIce", {"transportId": created["id"]})
    assert restarted["iceParameters"]["usernameFragment"] != created["iceParameters"]["usernameFragment"]
    assert isinstance(await ada.request("getStats", {"transportId": created["id"]}), list)
    assert await ada.request("closeWebRtcTransport", {"transportId": created["id"]}) == {}
    with pytest.raises(RefusedError, match="transportId"):
        await ada.request("getStats", {"transportId": created["id"]})


async def test_a_stream_from_publishing_to_its_end(live: LiveNode) -> None:
    room = await live.room()
    ada, bob = await live.participant(room, "Ada"), await live.participant(room, "Bob")
    bob_id = (await ada.notification("peerJoined"))["id"]
    camera = await ada.produce(await ada.transport("send"), "camera", appData={"any": ["thing"]})
    added = await bob.notification("producerAdded")
    assert added == {
        "peerId": added["peerId"], "id": camera, "kind": "video", "source": "camera", "paused": False,
    }  # fmt: skip
    assert added["peerId"] != bob_id
    consumed = await bob.request(
        "consume", {"transportId": await bob.transport("recv"), "producerId": camera}
    )
    told = {"producerId": camera, "peerId": added["peerId"], "kind": "video", "source": "camera"}
    assert consumed == consumed | told | {"producerPaused": False}
    assert consumed["rtpParameters"]["codecs"][0]["mimeType"] == "video/VP8"
    assert len(consumed["rtpParameters"]["encodings"]) == 1
    consumer = {"consumerId": consumed["id"]}
    for method in ("resumeConsumer", "requestKeyFrame", "pauseConsumer"):
        assert await bob.request(method, consumer) == {}
    for method, told, told_consumer in (
        ("pauseProducer", "producerPaused", "consumerPaused"),
        ("resumeProducer", "producerResumed", "consumerResumed"),
        ("closeProducer", "producerClosed", "consumerClosed"),
    ):
        assert await ada.request(method, {"producerId": camera}) == {}
        assert await bob.notification(told) == {"peerId": added["peerId"], "id": camera}
        assert await bob.notification(told_consumer) == consumer | {"reason": told}
    with pytest.raises(RefusedError, match="no consumer"):
        await bob.request("closeConsumer", consumer)
    assert ada.waiting == bob.waiting == []


async def test_closing_a_consumer_or_a_transport_ends_its_streams(live: LiveNode) -> None:
    room = await live.room()
    ada, bob = await live.participant(room), await live.participant(room)
    send, receive = await ada.transport("send"), await bob.transport("recv")
    camera = await ada.produce(send, "camera")
    for _ in range(2):
        consumed = await bob.request("consume", {"transportId": receive, "producerId": camera})
        await bob.request("closeConsumer", {"consumerId": consumed["id"]})
    await bob.request("consume", {"transportId": receive, "producerId": camera})
    await ada.request("closeWebRtcTransport", {"transportId": send})
    await bob.notification("producerClosed")
    await bob.notification("consumerClosed")
    with pytest.raises(RefusedError, match="no producer"):
        await ada.request("closeProducer", {"producerId": camera})
    (row,) = live.node.rooms._live.values()
    assert row.published == {}


async def test_permissions_are_those_of_the_token(live: LiveNode) -> None:
    room = await live.room()
    publisher = await live.participant(room, permissions={"canSubscribe": False})
    viewer = await live.participant(room, permissions={"canPublish": False})
    for client, direction in ((publisher, "recv"), (viewer, "send")):
        with pytest.raises(RefusedError) as refused:
            await client.request("createWebRtcTransport", {"direction": direction})
        assert refused.value.code == 403
    receive = await viewer.transport("recv")
    with pytest.raises(RefusedError) as refused:
        await viewer.produce(receive, "camera")
    assert refused.value.code == 409


WRONG_REQUESTS: list[tuple[str, Any, int, str]] = [
    ("dance", {}, 404, "unknown method 'dance'"),
    ("consume", {}, 400, "transportId"),
    ("consume", {"transportId": "x", "producerId": "y"}, 404, "producerId: no producer 'y'"),
    ("produce", {"transportId": 5}, 400, "transportId"),
    ("createWebRtcTransport", {"direction": "both"}, 400, "direction"),
    ("createWebRtcTransport", {"direction": "send", "force": True}, 400, "force"),
    ("createWebRtcTransport", [], 400, "Expected `object`"),
    ("connectWebRtcTransport", {"transportId": "x", "dtlsParameters": {}}, 400, "fingerprints"),
    (
        "connectWebRtcTransport",
        {"transportId": "x", "dtlsParameters": DTLS_PARAMETERS},
        404,
        "transportId: no transport 'x'",
    ),
    ("restartIce", {"transportId": "x"}, 404, "no transport"),
    ("getStats", {"transportId": "x"}, 404, "no transport"),
    ("pauseProducer", {"producerId": "x"}, 404, "no producer"),
    ("closeProducer", {"producerId": "x"}, 404, "no producer"),
    ("resumeConsumer", {"consumerId": "x"}, 404, "no consumer"),
    ("join", {"rtpCapabilities": {"codecs": [], "headerExtensions": []}}, 409, "already joined"),
]


async def test_a_wrong_request_is_answered_and_the_socket_stays(live: LiveNode) -> None:
    ada = await live.participant(await live.room())
    for method, data, code, reason in WRONG_REQUESTS:
        with pytest.raises(RefusedError) as refused:
            await ada.request(method, data)
        assert refused.value.code == code
        assert reason in refused.value.reason
    assert await ada.request("getRouterRtpCapabilities")


async def test_wrong_media_parameters_name_the_field(live: LiveNode) -> None:
    ada = await live.participant(await live.room())
    send = await ada.transport("send")
    good = rtp_parameters(ada.capabilities, "video", 7)
    unknown_codec = good | {"codecs": [good["codecs"][0] | {"mimeType": "video/MPEG2"}]}
    for parameters, kind, reason in (
        (good | {"codecs": []}, "video", "codecs"),
        (good | {"encodings": [{"ssrc": -1}]}, "video", "ssrc"),
        (good | {"encodings": [{"ssrc": "seven"}]}, "video", "rtpParameters.encodings[0].ssrc"),
        (unknown_codec, "video", "MPEG2"),
        (good, "audio", "source: camera is not audio"),
    ):
        data = {"transportId": send, "kind": kind, "rtpParameters": parameters, "source": "camera"}
        with pytest.raises(RefusedError) as refused:
            await ada.request("produce", data)
        assert refused.value.code == 400
        assert reason in refused.value.reason
    with pytest.raises(RefusedError, match="appData"):
        await ada.produce(send, "camera", appData={"x": "y" * 5000})
    await ada.produce(send, "camera")


async def test_connecting_a_transport_twice_is_refused(live: LiveNode) -> None:
    ada = await live.participant(await live.room())
    send = await ada.transport("send")
    with pytest.raises(RefusedError) as refused:
        await ada.request("connectWebRtcTransport", {"transportId": send, "dtlsParameters": DTLS_PARAMETERS})
    assert refused.value.code == 409


async def test_media_needs_joining_first(live: LiveNode) -> None:
    ada = await live.open(await live.token(await live.room()))
    ada.capabilities = await ada.request("getRouterRtpCapabilities")
    send = await ada.transport("send")
    with pytest.raises(RefusedError, match="join first") as refused:
        await ada.produce(send, "camera")
    assert refused.value.code == 409
    await ada.join()
    await ada.produce(send, "camera")


async def test_a_consumer_needs_a_common_codec(live: LiveNode) -> None:
    room = await live.room()
    ada, bob = await live.participant(room), await live.participant(room)
    camera = await ada.produce(await ada.transport("send"), "camera")
    audio_only = {"codecs": [c for c in bob.capabilities["codecs"] if c["kind"] == "audio"]}
    with pytest.raises(RefusedError, match="codec") as refused:
        await bob.request(
            "consume",
            {
                "transportId": await bob.transport("recv"),
                "producerId": camera,
                "rtpCapabilities": audio_only,
            },
        )
    assert refused.value.code == 400


async def test_limits_of_one_participant(live: LiveNode) -> None:
    ada = await live.participant(await live.room())
    for _ in range(8):
        await ada.request("createWebRtcTransport", {"direction": "send"})
    with pytest.raises(RefusedError) as refused:
        await ada.request("createWebRtcTransport", {"direction": "send"})
    assert refused.value.code == 429


async def test_a_participant_who_comes_back_replaces_himself(live: LiveNode) -> None:
    room = await live.room()
    ada = await live.participant(room)
    token = await live.token(room, displayName="Bob")
    old = await live.open(token)
    bob_id = (await old.join())["participantId"]
    await old.produce(await old.transport("send"), "camera")
    await ada.notification("producerAdded")
    new = await live.open(token)
    assert await old.closed() == (4410, "replaced")
    await ada.notification("producerClosed")
    assert await ada.notification("peerLeft") == {"id": bob_id, "reason": "replaced"}
    await new.join()
    await ada.notification("peerJoined")
    assert (await ada.notification("peerJoined"))["id"] == bob_id
    assert live.node.rooms.participants(room) == 2


async def test_the_maximum_of_participants_is_strict(live: LiveNode) -> None:
    room = await live.room(settings={"maxParticipants": 5})
    tokens = [await live.token(room) for _ in range(15)]
    clients = await asyncio.gather(*(live.open(token) for token in tokens))
    outcomes = await asyncio.gather(*(outcome(client) for client in clients))
    assert outcomes.count("joined") == 5
    assert outcomes.count("4409") == 10
    assert live.node.rooms.participants(room) == 5
    # Coming back does not need another seat, and a seat that gets free is given away.
    came_back = await live.open(tokens[outcomes.index("joined")])
    await came_back.join()
    await came_back.request("leave")
    await came_back.closed()
    assert await outcome(await live.open(tokens[outcomes.index("4409")])) == "joined"


async def outcome(client: ProtooClient) -> str:
    try:
        await client.join()
    except (asyncio.CancelledError, ConnectionClosed):
        return str((await client.closed())[0])
    return "joined"


async def test_deleting_a_room_ends_it_for_everyone(live: LiveNode) -> None:
    room = await live.room()
    ada, bob = await live.participant(room), await live.participant(room)
    token = await live.token(room)
    await ada.produce(await ada.transport("send"), "camera")
    assert (await live.client.delete(f"/vpaas/rooms/{room}")).status_code == 204
    for client in (ada, bob):
        assert await client.notification("roomClosed") == {"reason": "deleted"}
        assert await client.closed() == (4404, "deleted")
        assert "peerLeft" not in client.waiting
    assert (await (await live.open(token)).closed())[0] == 4404
    assert len(live.node.rooms) == 0


async def test_participants_of_other_rooms_hear_nothing(live: LiveNode) -> None:
    ada = await live.participant(await live.room())
    eve = await live.participant(await live.room())
    camera = await ada.produce(await ada.transport("send"), "camera")
    with pytest.raises(RefusedError, match="no producer"):
        await eve.request("consume", {"transportId": await eve.transport("recv"), "producerId": camera})
    assert eve.waiting == []


class TestLifeOfARoom:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return type(settings)(
            data_dir=settings.data_dir,
            api_token=settings.api_token,
            token_secret=settings.token_secret,
            port=0,
            room_grace_s=0.05,
            join_timeout_s=0.2,
            participants_max=2,
        )

    async def test_an_empty_room_closes_and_opens_again(self, live: LiveNode) -> None:
        room = await live.room()
        ada = await live.participant(room)
        first = (await live.node.rooms.open(room)).router
        closed = asyncio.Event()
        first.on("close", closed.set)
        await ada.close()
        async with asyncio.timeout(10):
            await closed.wait()
        assert len(live.node.rooms) == 0
        await live.participant(room)
        assert (await live.node.rooms.open(room)).router is not first

    async def test_who_does_not_join_is_sent_away(self, live: LiveNode) -> None:
        room = await live.room()
        idle, joined = await live.open(await live.token(room)), await live.participant(room)
        assert await idle.closed() == (4408, "not joined in time")
        assert await joined.request("getRouterRtpCapabilities")
        assert joined.waiting == []

    async def test_a_room_ends_when_its_time_is_over(self, live: LiveNode) -> None:
        room = await live.room(exp=int(time.time()) + 2)
        ada = await live.participant(room)
        assert await ada.notification("roomClosed") == {"reason": "expired"}
        assert await ada.closed() == (4404, "expired")

    async def test_the_node_has_a_maximum_for_rooms_without_one(self, live: LiveNode) -> None:
        room = await live.room()
        for _ in range(2):
            await live.participant(room)
        assert (await (await live.open(await live.token(room))).closed())[0] == 4409
