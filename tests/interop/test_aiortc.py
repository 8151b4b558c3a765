"""aiortc publishes over WHIP, another aiortc plays over WHEP; pictures and sound are decoded."""

import re

import pytest
from aioice import Connection

from tests.interop.conftest import EMPTY, holds
from tests.support.http_peer import HttpPeer, player, publisher
from tests.support.live import LiveNode
from tests.support.pictures import FPS, Bar, Tone, assert_bar_moves, assert_tone, eventually

GCM_128, GCM_256, CM_80 = b"SRTP_AEAD_AES_128_GCM", b"SRTP_AEAD_AES_256_GCM", b"SRTP_AES128_CM_SHA1_80"


async def source(live: LiveNode, room: str, *, codec: str = "VP8") -> HttpPeer:
    return publisher(live.client, await live.token(room), [Tone(), Bar()], codec)


async def viewer(live: LiveNode, room: str) -> HttpPeer:
    return player(live.client, await live.token(room))


async def plays(viewer: HttpPeer) -> None:
    assert_bar_moves(await viewer.receivers["video"].next_pictures(30))
    assert_tone(await viewer.receivers["audio"].next_second())


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_pictures_and_sound_arrive(live: LiveNode, codec: str) -> None:
    room = await live.room()
    async with await source(live, room, codec=codec) as sending, await viewer(live, room) as early:
        await sending.open()
        await sending.connected()
        await early.open()
        await plays(early)
        assert early.first_picture_s() < 5
        async with await viewer(live, room) as late:
            await late.open()
            await plays(late)
            assert late.first_picture_s() < 5, "a key frame is asked for when somebody comes"
            assert f"{codec}/90000" in late.answer
            print(f"{codec}: first picture {early.first_picture_s():.2f} s, {late.first_picture_s():.2f} s")
        await plays(early)


@pytest.mark.parametrize(
    ("sent", "received"), [(GCM_128, CM_80), (CM_80, GCM_256), (CM_80, CM_80)], ids=lambda name: name.decode()
)
async def test_each_side_has_its_own_srtp_profile(live: LiveNode, sent: bytes, received: bytes) -> None:
    room = await live.room()
    async with await source(live, room) as sending, await viewer(live, room) as watching:
        sending.offer_only(sent)
        watching.offer_only(received)
        await sending.open()
        await watching.open()
        await plays(watching)
        assert (sending.srtp_profile, watching.srtp_profile) == (sent, received)


async def test_gcm_is_preferred(live: LiveNode) -> None:
    room = await live.room()
    async with await source(live, room) as sending:
        await sending.open()
        await sending.connected()
        assert sending.srtp_profile == GCM_128, "aiortc prefers AEAD_AES_256_GCM; the node is the server"


async def test_a_peer_may_be_the_dtls_server(live: LiveNode) -> None:
    def passive(offer: str) -> str:
        return offer.replace("a=setup:actpass", "a=setup:passive")

    room = await live.room()
    async with await source(live, room) as sending, await viewer(live, room) as watching:
        await sending.open(passive)
        await watching.open(passive)
        assert "a=setup:active" in sending.answer
        await plays(watching)


async def test_candidates_may_come_later(live: LiveNode) -> None:
    candidates: list[str] = []

    def withhold(offer: str) -> str:
        candidates.extend(re.findall(r"a=candidate:.*\r\n", offer))
        return re.sub(r"a=(candidate:.*|end-of-candidates)\r\n", "", offer)

    room = await live.room()
    async with await source(live, room) as sending, await viewer(live, room) as watching:
        await sending.open(withhold)
        fragment = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n" + "".join(dict.fromkeys(candidates))
        assert (await sending.patch(fragment + "a=end-of-candidates\r\n", sending.etag)).status_code == 204
        await watching.open()
        await plays(watching)


@pytest.mark.parametrize("settings_with", [{"media_lost_s": 2.0}])
async def test_media_goes_on_through_an_ice_restart(live: LiveNode) -> None:
    """aiortc cannot restart ICE; its agent can be given the credentials of a restart."""
    room = await live.room()
    async with await source(live, room) as sending, await viewer(live, room) as watching:
        await sending.open()
        await watching.open()
        await plays(watching)
        ice: Connection = sending.pc.getTransceivers()[0].sender.transport.transport._connection
        before = ice.remote_username
        ice._local_username, ice._local_password = "restarted", "a-password-of-the-restarted-session"
        response = await sending.patch(
            f"a=ice-ufrag:{ice.local_username}\r\na=ice-pwd:{ice.local_password}\r\n", "*"
        )
        assert response.status_code == 200, response.text
        found = dict(re.findall(r"a=(ice-ufrag|ice-pwd):(\S+)", response.text))
        ice.remote_username, ice.remote_password = found["ice-ufrag"], found["ice-pwd"]
        assert ice.remote_username != before
        await plays(watching)  # over the old path: no check with the new credentials has been sent yet
        await check(ice)
        await watching.receivers["video"].next_pictures(3 * FPS)
        await plays(watching)
        assert (await sending.patch("a=end-of-candidates\r\n", sending.etag)).status_code == 412
        assert (await sending.patch("a=end-of-candidates\r\n", response.headers["etag"])).status_code == 204


async def check(ice: Connection) -> None:
    """A Binding request on the selected path; raises if it is not answered."""
    pair = ice._nominated[1]
    request = ice.build_request(pair, nominate=True)
    await pair.protocol.request(request, pair.remote_addr, integrity_key=ice.remote_password.encode())


async def test_a_viewer_ends_with_its_source(live: LiveNode) -> None:
    room = await live.room()
    async with await source(live, room) as sending, await viewer(live, room) as watching:
        await sending.open()
        await watching.open()
        await plays(watching)
        assert (await sending.delete()).status_code == 200
        await watching.state("closed")
        await eventually(lambda: holds(live) == EMPTY)
        assert watching.location is not None
        assert (await watching.request("GET", watching.location)).status_code == 404
        watching.location = None


async def test_a_source_that_closes_without_a_word_is_gone_at_once(live: LiveNode) -> None:
    """DTLS's close_notify is the only word; HTTP says nothing."""
    room = await live.room()
    async with await source(live, room) as sending, await viewer(live, room) as watching:
        await sending.open()
        await watching.open()
        await plays(watching)
        sending.location = watching.location = None
        await sending.pc.close()
        await watching.state("closed")
        await eventually(lambda: holds(live) == EMPTY)


async def test_a_viewer_that_leaves_takes_nothing_from_the_others(live: LiveNode) -> None:
    room = await live.room()
    async with await source(live, room) as sending, await viewer(live, room) as staying:
        await sending.open()
        await staying.open()
        async with await viewer(live, room) as leaving:
            await leaving.open()
            await plays(leaving)
            assert (await leaving.delete()).status_code == 200
            await leaving.state("closed")
        assert holds(live) == {"transports": 2, "producers": 2, "consumers": 2, "sessions": 2}
        await plays(staying)


async def test_sound_alone(live: LiveNode) -> None:
    room = await live.room()
    async with (
        publisher(live.client, await live.token(room), [Tone()]) as sending,
        await viewer(live, room) as watching,
    ):
        await sending.open()
        await watching.open()
        assert_tone(await watching.receivers["audio"].next_second())
        assert "video" not in watching.receivers, "the section of video is answered without a stream"
