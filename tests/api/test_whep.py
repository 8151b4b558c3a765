"""WHEP as a player uses it."""

from tests.support.http_media import FRAGMENT, OFFERS, broadcaster, code
from tests.support.live import LiveNode
from vpaas_core.sdp import parse

PUBLISHER = (OFFERS / "chromium_av_data.offer.sdp").read_text()
PLAYER = PUBLISHER.replace("a=sendrecv", "a=recvonly")
VIDEO_PUBLISHER = (OFFERS / "vp8_640.offer.sdp").read_text()


async def test_a_player_gets_what_was_published_last(live: LiveNode) -> None:
    room = await live.room()
    browser = await live.participant(room)
    for name in ("first", "second"):
        publisher = await broadcaster(live, room, displayName=name)
        assert (await publisher.publish(PUBLISHER)).status_code == 201
    viewer = await broadcaster(live, room, permissions={"canPublish": False})
    response = await viewer.play(PLAYER)
    assert response.status_code == 201, response.text
    assert response.headers["location"].startswith("/vpaas/whep/")
    answer = parse(response.text)
    audio, video, data = answer.media
    assert (audio.direction, video.direction, data.port) == ("sendonly", "sendonly", 0)
    assert video.ssrcs
    assert audio.msids[0].split()[0] == video.msids[0].split()[0]  # one MediaStream
    peers = [await browser.notification("peerJoined") for _ in range(3)]
    assert [peer["displayName"] for peer in peers] == ["first", "second", ""]
    (session,) = [each for each in live.node.http_sessions._sessions.values() if each.kind == "whep"]
    played = {consumer.producer_id for consumer in session.connection.consumers.values()}
    assert played == {
        each.producer.id
        for each in session.connection.room.published.values()
        if each.peer.id == peers[1]["id"]
    }
    chosen = await viewer.play(PLAYER, f"?participantId={peers[0]['id']}")
    assert chosen.status_code == 201


async def test_a_kind_nobody_publishes_is_answered_inactive(live: LiveNode) -> None:
    room = await live.room()
    await (await broadcaster(live, room)).publish(VIDEO_PUBLISHER)
    response = await (await broadcaster(live, room)).play(PLAYER)
    assert response.status_code == 201
    audio, video, _ = parse(response.text).media
    assert (audio.direction, video.direction) == ("inactive", "sendonly")


async def test_nothing_to_play_is_worth_another_try(live: LiveNode) -> None:
    room = await live.room()
    viewer = await broadcaster(live, room)
    for query in ("", "?participantId=nobody"):
        response = await viewer.play(PLAYER, query)
        assert code(response) == (409, "nothing_to_play")
        assert int(response.headers["retry-after"]) > 0
    assert code(await viewer.play(PLAYER, "?participant=x")) == (400, "invalid_request")
    await (await broadcaster(live, room)).publish(VIDEO_PUBLISHER)
    audio_only = PLAYER.replace("m=video", "m=application").replace("a=mid:1", "a=mid:1")
    assert (await viewer.play(audio_only)).status_code in (409, 400, 422)
    assert live.node.rooms.participants(room) == 1


async def test_a_publisher_hears_others_not_itself(live: LiveNode) -> None:
    room = await live.room()
    alone = await broadcaster(live, room)
    await alone.publish(PUBLISHER)
    assert code(await alone.play(PLAYER)) == (409, "nothing_to_play")


async def test_a_player_ends_with_its_source(live: LiveNode) -> None:
    room = await live.room()
    browser = await live.participant(room)
    publisher = await broadcaster(live, room)
    source = (await publisher.publish(PUBLISHER)).headers["location"]
    viewer = await broadcaster(live, room)
    session = (await viewer.play(PLAYER)).headers["location"]
    await publisher.request("DELETE", source)
    reasons = {(await browser.notification("peerLeft"))["reason"] for _ in range(2)}
    assert reasons == {"left", "source ended"}
    assert code(await viewer.request("GET", session)) == (404, "session_not_found")


async def test_a_player_trickles_restarts_and_leaves(live: LiveNode) -> None:
    room = await live.room()
    await (await broadcaster(live, room)).publish(PUBLISHER)
    viewer = await broadcaster(live, room)
    created = await viewer.play(PLAYER)
    session = created.headers["location"]
    accepted = await viewer.patch(session, "a=end-of-candidates\r\n", If_Match=created.headers["etag"])
    assert accepted.status_code == 204
    restart = "a=ice-ufrag:new1\r\na=ice-pwd:0123456789abcdef01234567\r\n"
    restarted = await viewer.patch(session, restart, If_Match="*")
    assert (restarted.status_code, restarted.headers["content-type"]) == (200, FRAGMENT)
    assert (await viewer.request("DELETE", session)).status_code == 200
    assert live.node.rooms.participants(room) == 1


async def test_head_says_what_the_endpoint_speaks(live: LiveNode) -> None:
    viewer = await broadcaster(live, await live.room())
    response = await viewer.request("HEAD", "/vpaas/whep")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/sdp")
    assert (await viewer.request("GET", "/vpaas/whep")).status_code == 204


async def test_who_may_not_subscribe_may_not_play(live: LiveNode) -> None:
    room = await live.room()
    await (await broadcaster(live, room)).publish(PUBLISHER)
    viewer = await broadcaster(live, room, permissions={"canSubscribe": False})
    assert code(await viewer.play(PLAYER)) == (403, "forbidden")
    assert live.node.rooms.participants(room) == 1
