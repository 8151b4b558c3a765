"""WHIP as a broadcaster uses it, with offers recorded from real clients."""

import asyncio
from typing import Any

import pytest

from tests.support.http_media import CHROMIUM_VIDEO, FRAGMENT, OFFERS, Broadcaster, broadcaster, code
from tests.support.live import LiveNode
from vpaas_api import limits
from vpaas_core.sdp import parse

TRICKLE = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 5 192.0.2.1 6000 typ host\r\n"
NEW_ICE = "a=ice-ufrag:new1\r\na=ice-pwd:0123456789abcdef01234567\r\n"


@pytest.mark.parametrize(
    "name",
    [
        "vp8_640",
        "h264_640",
        "sim_vp8_1280",
        "svc_vp9_L3T3_1280",
        "ffmpeg_whip",
        "gst_whipclient",
        "gst_webrtcbin_vp8",
        "pion_v3",
    ],
)
async def test_offers_of_real_clients_are_answered(live: LiveNode, name: str) -> None:
    room = await live.room()
    viewer = await live.participant(room)
    offer = (OFFERS / f"{name}.offer.sdp").read_text()
    response = await (await broadcaster(live, room, displayName="OBS")).publish(offer)
    assert response.status_code == 201, response.text
    assert response.headers["content-type"] == "application/sdp"
    assert response.headers["location"].startswith("/vpaas/whip/")
    assert response.headers["etag"].startswith('"')
    assert response.headers["access-control-allow-origin"] == "*"
    assert {"Location", "ETag"} <= set(response.headers["access-control-expose-headers"].split(", "))
    answer = parse(response.text)
    assert answer.ice_lite
    assert {section.direction for section in answer.media if section.port} == {"recvonly"}
    peer = await viewer.notification("peerJoined")
    assert peer["displayName"] == "OBS"
    for section in answer.media:
        if section.port:
            added = await viewer.notification("producerAdded")
            assert added["peerId"] == peer["id"]
            assert added["source"] == {"audio": "microphone", "video": "camera"}[added["kind"]]


async def test_a_browser_can_receive_what_is_published(live: LiveNode) -> None:
    room = await live.room()
    viewer = await live.participant(room)
    await (await broadcaster(live, room)).publish()
    added = await viewer.notification("producerAdded")
    consumed = await viewer.request(
        "consume", {"transportId": await viewer.transport("recv"), "producerId": added["id"]}
    )
    assert consumed["peerId"] == added["peerId"]


async def test_a_session_ends_by_delete(live: LiveNode) -> None:
    room = await live.room()
    viewer = await live.participant(room)
    obs = await broadcaster(live, room)
    session = (await obs.publish()).headers["location"]
    for path in ("/vpaas/whip", session):
        response = await obs.request("GET", path)
        assert (response.status_code, response.content) == (204, b"")
    assert len(live.node.http_sessions) == 1
    response = await obs.request("DELETE", session)
    assert response.status_code == 200
    await viewer.notification("producerClosed")
    assert (await viewer.notification("peerLeft"))["reason"] == "left"
    assert len(live.node.http_sessions) == 0
    for method in ("GET", "DELETE"):
        assert code(await obs.request(method, session)) == (404, "session_not_found")
    assert code(await obs.patch(session, TRICKLE, If_Match="*")) == (404, "session_not_found")


async def test_candidates_are_taken_and_ice_restarts(live: LiveNode) -> None:
    obs = await broadcaster(live, await live.room())
    created = await obs.publish()
    session, etag = created.headers["location"], created.headers["etag"]

    accepted = await obs.patch(session, TRICKLE, If_Match=etag)
    assert (accepted.status_code, accepted.content, "etag" in accepted.headers) == (204, b"", False)
    assert (await obs.patch(session, TRICKLE, If_Match=f'"other", {etag}')).status_code == 204
    assert code(await obs.patch(session, TRICKLE)) == (428, "etag_required")
    assert code(await obs.patch(session, TRICKLE, If_Match='"stale"')) == (412, "etag_mismatch")
    assert code(await obs.patch(session, NEW_ICE, If_Match=etag)) == (412, "etag_mismatch")
    assert code(await obs.patch(session, "a=candidate:x\r\n", If_Match=etag)) == (400, "malformed_sdp")
    wrong_type = await obs.patch(session, TRICKLE, If_Match=etag, Content_Type="application/sdp")
    assert code(wrong_type) == (415, "unsupported_media_type")

    restarted = await obs.patch(session, NEW_ICE, If_Match="*")
    assert restarted.status_code == 200
    assert restarted.headers["content-type"] == FRAGMENT
    assert restarted.headers["etag"] not in ("", etag)
    assert "a=candidate:" in restarted.text
    ours = parse(created.text).media[0].ice_ufrag
    assert "a=ice-ufrag:" in restarted.text
    assert f"a=ice-ufrag:{ours}\r\n" not in restarted.text
    assert code(await obs.patch(session, TRICKLE, If_Match=etag)) == (412, "etag_mismatch")
    assert (await obs.patch(session, TRICKLE, If_Match=restarted.headers["etag"])).status_code == 204


async def test_wrong_offers(live: LiveNode) -> None:
    room = await live.room()
    viewer = await live.participant(room)
    obs = await broadcaster(live, room)
    for body in (
        "",
        "hello",
        "v=0\r\n",
        CHROMIUM_VIDEO.replace("a=fingerprint:", "a=x:"),
    ):
        assert code(await obs.publish(body)) == (400, "malformed_sdp")
    assert code(await obs.request("POST", "/vpaas/whip", CHROMIUM_VIDEO)) == (415, "unsupported_media_type")
    as_json = await obs.request("POST", "/vpaas/whip", "{}", Content_Type="application/json")
    assert code(as_json) == (415, "unsupported_media_type")
    large = CHROMIUM_VIDEO + "a=x\r\n" * live.node.settings.body_bytes_max
    assert code(await obs.publish(large)) == (413, "body_too_large")
    assert code(await obs.publish(CHROMIUM_VIDEO.replace("VP8/90000", "VP6/90000"))) == (
        422,
        "unsupported_media",
    )
    backwards = CHROMIUM_VIDEO.replace("a=sendonly", "a=recvonly")
    assert code(await obs.publish(backwards)) == (422, "unsupported_media")
    assert len(live.node.http_sessions) == 0
    assert viewer.waiting == []
    assert live.node.rooms.participants(room) == 1


async def test_a_token_is_needed_for_all_but_preflight(live: LiveNode) -> None:
    room = await live.room()
    obs = await broadcaster(live, room)
    session = (await obs.publish()).headers["location"]
    for method, path in (
        ("POST", "/vpaas/whip"),
        ("GET", "/vpaas/whip"),
        ("GET", session),
        ("PATCH", session),
        ("DELETE", session),
    ):
        for header in ("", "Bearer nonsense", f"Bearer {live.node.api_token}"):
            response = await live.client.request(method, path, headers={"Authorization": header})
            assert response.status_code == 401
            assert response.headers["www-authenticate"].startswith("Bearer")
            assert response.headers["access-control-allow-origin"] == "*"
    other = await broadcaster(live, room)
    for method in ("GET", "DELETE"):
        assert code(await other.request(method, session)) == (404, "session_not_found")
        wrong_kind = session.replace("whip", "whep")
        assert code(await obs.request(method, wrong_kind)) == (404, "session_not_found")
    preflight = await live.client.options(session, headers={"Origin": "https://app.example"})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-methods"] == "DELETE, GET, HEAD, OPTIONS, PATCH"
    assert "If-Match" in preflight.headers["access-control-allow-headers"]
    assert preflight.headers["accept-patch"] == FRAGMENT
    endpoint = await live.client.options("/vpaas/whip")
    assert endpoint.headers["accept-post"] == "application/sdp"


async def test_a_viewer_may_not_publish(live: LiveNode) -> None:
    viewer = await broadcaster(live, await live.room(), permissions={"canPublish": False})
    assert code(await viewer.publish()) == (403, "forbidden")
    assert len(live.node.http_sessions) == 0


async def test_an_ended_or_full_room(live: LiveNode) -> None:
    room = await live.room(settings={"maxParticipants": 1})
    first, second = await broadcaster(live, room), await broadcaster(live, room)
    assert (await first.publish()).status_code == 201
    assert code(await second.publish()) == (409, "room_full")
    await live.client.delete(f"/vpaas/rooms/{room}")
    assert len(live.node.http_sessions) == 0
    assert code(await first.publish()) == (410, "room_ended")


async def test_a_participant_has_a_bounded_number_of_sessions(live: LiveNode) -> None:
    obs = await broadcaster(live, await live.room())
    sessions = [await obs.publish() for _ in range(limits.HTTP_SESSIONS_PER_PARTICIPANT)]
    assert {response.status_code for response in sessions} == {201}
    assert len({response.headers["location"] for response in sessions}) == len(sessions)
    assert code(await obs.publish()) == (429, "too_many")
    await obs.request("DELETE", sessions[0].headers["location"])
    assert (await obs.publish()).status_code == 201
    assert len(live.node.rooms._live) == 1


async def test_one_participant_may_watch_in_a_browser_and_publish_from_an_encoder(live: LiveNode) -> None:
    room = await live.room()
    viewer = await live.participant(room)
    token = await live.token(room, displayName="Ada")
    browser = await live.open(token)
    await browser.join()
    ada_id = (await viewer.notification("peerJoined"))["id"]
    obs = Broadcaster(live, token)
    session = (await obs.publish()).headers["location"]
    assert (await viewer.notification("producerAdded"))["peerId"] == ada_id
    await browser.request("leave")
    await browser.closed()
    assert viewer.waiting.count("peerLeft") == 0
    await obs.request("DELETE", session)
    assert (await viewer.notification("peerLeft"))["id"] == ada_id
    assert "peerJoined" not in viewer.waiting


class TestLoss:
    @pytest.fixture
    def settings(self, settings: Any) -> Any:
        return type(settings)(
            **{name: getattr(settings, name) for name in settings.__struct_fields__} | {"media_lost_s": 0.1}
        )

    async def test_a_session_without_media_ends(self, live: LiveNode) -> None:
        room = await live.room()
        viewer = await live.participant(room)
        await (await broadcaster(live, room)).publish()
        assert (await viewer.notification("peerLeft"))["reason"] == "media lost"
        assert len(live.node.http_sessions) == 0
        async with asyncio.timeout(10):
            await viewer.notification("producerClosed")
