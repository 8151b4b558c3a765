"""Every recorded offer gets an answer that is right by the rules; the unusual ones get what they need."""

import re
from pathlib import Path

import pytest
from aiortc.sdp import SessionDescription as AiortcDescription
from sdp_rules import bundled, sections, violations

from vpaas_core import ortc
from vpaas_core.codecs import DEFAULT_ROUTER_CODECS, URI_PLAYOUT_DELAY, URI_RID
from vpaas_core.errors import InvalidParameters, Unsupported
from vpaas_core.parameters import (
    DtlsFingerprint,
    DtlsParameters,
    IceCandidate,
    IceParameters,
    MediaKind,
    RtpCodecCapability,
    RtpCodecParameters,
    RtpEncodingParameters,
    RtpParameters,
    RtxParameters,
)
from vpaas_core.sdp import Negotiation, PlayNegotiation, PublishNegotiation
from vpaas_core.sdp.fragment import parse_fragment, restart_fragment

VECTORS = Path(__file__).parents[1] / "vectors" / "sdp"
ENCRYPTED = [path for path in VECTORS.glob("*.offer.sdp") if not path.name.startswith("plain_")]
OFFERS = sorted(path.name.removesuffix(".offer.sdp") for path in ENCRYPTED)
CAPABILITIES = ortc.router_capabilities(DEFAULT_ROUTER_CODECS)
ICE = IceParameters("abcdefgh", "p" * 24)
CANDIDATES = [
    IceCandidate("udp6", 1076302079, "2001:db8::9", "2001:db8::9", "udp", 40000, "host"),
    IceCandidate("udp4", 1076302078, "192.0.2.9", "192.0.2.9", "udp", 40000, "host"),
]
DTLS = DtlsParameters(
    [DtlsFingerprint("sha-512", "00:11"), DtlsFingerprint("sha-256", ":".join(["AB"] * 32))]
)


def load(name: str) -> str:
    return (VECTORS / f"{name}.offer.sdp").read_bytes().decode()


def consumable(kind: MediaKind, codec: RtpCodecParameters | None = None) -> RtpParameters:
    default = (
        RtpCodecParameters("audio/opus", 111, 48000, 2)
        if kind == "audio"
        else RtpCodecParameters("video/VP8", 96, 90000)
    )
    params = RtpParameters([codec or default], encodings=[RtpEncodingParameters(ssrc=7)])
    mapping = ortc.producer_mapping(params, CAPABILITIES)
    return ortc.consumable_parameters(kind, params, CAPABILITIES, mapping)


def consumers_for(negotiation: Negotiation) -> dict[int, RtpParameters]:
    """A consumer, in the offer's first codec, for each section that receives."""
    found = {}
    for section in negotiation.sections:
        if section.rtp_capabilities is None:
            continue
        for codec in section.rtp_capabilities.codecs:
            if any(
                ortc.codec_matches(codec, each) for each in CAPABILITIES.codecs if "rtx" not in each.mime_type
            ):
                source = RtpCodecParameters(
                    codec.mime_type, 96, codec.clock_rate, codec.channels, codec.parameters
                )
                found[section.index] = ortc.consumer_parameters(
                    consumable(section.kind, source), section.rtp_capabilities, mid=section.mid
                )
                break
    return found


def as_player(offer: str) -> str:
    """The offer of the same client when it only receives."""
    own = r"a=(ssrc|ssrc-group|msid|rid|simulcast)[:].*\r?\n"
    return re.sub(r"a=send(only|recv)\b", "a=recvonly", re.sub(own, "", offer))


@pytest.mark.parametrize("name", OFFERS)
def test_publisher_gets_a_legal_answer(name):
    offer = load(name)
    negotiation = PublishNegotiation(offer, CAPABILITIES)
    answer = negotiation.answer(ICE, CANDIDATES, DTLS)
    assert violations(offer, answer) == []
    assert {each.direction for each in sections(answer) if each.port} == {"recvonly"}
    for section in negotiation.sections:
        parameters = section.rtp_parameters
        assert parameters is not None
        mapping = ortc.producer_mapping(parameters, CAPABILITIES)
        assert ortc.consumable_parameters(section.kind, parameters, CAPABILITIES, mapping).encodings
        # The answer and the producer speak of the same formats and extensions.
        answered = sections(answer)[section.index]
        assert answered.formats == [str(codec.payload_type) for codec in parameters.codecs]
        assert {each.id for each in parameters.header_extensions} == {
            int(re.split("[/ ]", each)[0]) for each in answered.all("extmap")
        }


@pytest.mark.parametrize("name", OFFERS)
def test_player_gets_a_legal_answer(name):
    offer = as_player(load(name))
    negotiation = PlayNegotiation(offer, CAPABILITIES)
    consumers = consumers_for(negotiation)
    assert consumers.keys() == {section.index for section in negotiation.sections}
    answer = negotiation.answer(ICE, CANDIDATES, DTLS, consumers=consumers)
    assert violations(offer, answer) == []
    assert {each.direction for each in sections(answer) if each.port} == {"sendonly"}
    streams = {each.all("msid")[0].split()[0] for each in sections(answer) if each.port}
    assert len(streams) == 1
    for index, consumer in consumers.items():
        encoding = consumer.encodings[0]
        group = sections(answer)[index].all("ssrc-group")
        assert group == ([f"FID {encoding.ssrc} {encoding.rtx.ssrc}"] if encoding.rtx else [])


@pytest.mark.parametrize("name", OFFERS)
def test_full_client_gets_a_legal_answer(name):
    offer = load(name)
    negotiation = Negotiation(offer, CAPABILITIES, publish=True, play=True)
    answer = negotiation.answer(ICE, CANDIDATES, DTLS, consumers=consumers_for(negotiation))
    assert violations(offer, answer) == []


@pytest.mark.parametrize("name", OFFERS)
def test_aiortc_reads_the_answer(name):
    answer = PublishNegotiation(load(name), CAPABILITIES).answer(ICE, CANDIDATES, DTLS)
    read = AiortcDescription.parse(answer)
    assert [each.kind for each in read.media] == [each.kind for each in sections(answer)]
    accepted = [each for each in read.media if each.port]
    assert [each.rtp.muxId for each in accepted] == bundled(answer)
    for media in accepted:
        assert media.ice.usernameFragment == "abcdefgh"
        assert media.dtls.role == "server"
        assert [each.algorithm for each in media.dtls.fingerprints] == ["sha-256"]
        assert media.rtcp_mux
    assert [each.port for each in accepted[0].ice_candidates] == [40000, 40000]
    assert accepted[0].ice_candidates_complete


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a=setup:passive", "a=setup:actpass"),
        ("a=recvonly", "a=sendonly"),
        ("SAVPF 96 97", "SAVPF 96 50"),
        ("a=rtpmap:96 VP8", "a=rtpmap:96 VP9"),
        ("apt=96", "apt=97"),
        ("a=rtcp-fb:96 nack\r\n", "a=rtcp-fb:96 ack\r\n"),
        ("a=extmap:9 ", "a=extmap:3 "),
        ("recv l;m;h", "recv l;m"),
        ("a=rid:l recv", "a=rid:q recv"),
        ("a=mid:0", "a=mid:1"),
        ("BUNDLE 0", "BUNDLE"),
        ("a=rtcp-mux\r\n", ""),
        ("a=end-of-candidates\r\n", ""),
    ],
)
def test_rules_notice_a_wrong_answer(old, new):
    offer = load("sim_vp8_1280")
    answer = PublishNegotiation(offer, CAPABILITIES).answer(ICE, CANDIDATES, DTLS)
    assert old in answer
    assert violations(offer, answer.replace(old, new)) != []


def test_plain_rtp_is_refused():
    with pytest.raises(Unsupported, match="DTLS-SRTP"):
        PublishNegotiation(load("plain_av1"), CAPABILITIES)


def test_codec_and_streams_of_a_browser():
    negotiation = PublishNegotiation(load("chromium_av_data"), CAPABILITIES)
    audio, video = negotiation.sections
    assert (audio.mid, audio.kind, video.mid, video.kind) == ("0", "audio", "1", "video")
    assert video.rtp_parameters is not None
    assert [c.mime_type for c in video.rtp_parameters.codecs] == ["video/VP8", "video/rtx"]
    assert video.rtp_parameters.encodings == [
        RtpEncodingParameters(ssrc=1559542523, rtx=RtxParameters(1860319576))
    ]
    assert video.rtp_parameters.rtcp.cname == "HZ38QLplrS9SMmlO"
    assert negotiation.ice_parameters.username_fragment == "fXlK"
    assert negotiation.dtls_parameters.role == "client"
    assert [each.ip for each in negotiation.ice_candidates] == ["192.0.2.2", "fd00::2"]


def test_router_restricts_what_a_publisher_may_send():
    h264_only = [each for each in DEFAULT_ROUTER_CODECS if each.mime_type in ("audio/opus", "video/H264")]
    negotiation = PublishNegotiation(load("chromium_av_data"), ortc.router_capabilities(h264_only))
    video = negotiation.sections[1].rtp_parameters
    assert video is not None
    assert video.codecs[0].mime_type == "video/H264"
    assert video.codecs[0].parameters["packetization-mode"] == 1
    with pytest.raises(Unsupported, match="none of its codecs"):
        PublishNegotiation(load("ff_sim_vp8"), ortc.router_capabilities(h264_only))


@pytest.mark.parametrize("name", ["ff_sim_vp8", "ff_sim_vp9", "janus_pub", "sim_h264_1280"])
def test_simulcast_is_taken_by_rid(name):
    negotiation = PublishNegotiation(load(name), CAPABILITIES)
    video = negotiation.sections[-1].rtp_parameters
    assert video is not None
    assert [each.rid for each in video.encodings] == ["l", "m", "h"]
    assert all(each.ssrc is None for each in video.encodings)
    assert "a=simulcast:recv l;m;h\r\n" in negotiation.answer(ICE, CANDIDATES, DTLS)


def test_simulcast_of_more_than_the_engine_takes_is_cut():
    offer = load("sim_vp8_1280").replace("a=rid:l send", "\r\n".join(f"a=rid:{r} send" for r in "lxyz"))
    offer = offer.replace("send l;m;h", "send l,x;~m;h;y;z").replace(
        "a=rid:m send", "a=rid:m send pt=96,97;max-width=640"
    )
    answer = PublishNegotiation(offer, CAPABILITIES).answer(ICE, CANDIDATES, DTLS)
    assert violations(offer, answer) == []
    assert "a=simulcast:recv l;~m;h;y\r\n" in answer
    assert "a=rid:m recv pt=96;max-width=640\r\n" in answer


def test_simulcast_without_the_rid_extension_becomes_one_stream():
    offer = "".join(line for line in load("sim_vp8_1280").splitlines(True) if URI_RID not in line)
    negotiation = PublishNegotiation(offer, CAPABILITIES)
    assert negotiation.sections[0].rtp_parameters.encodings == [RtpEncodingParameters()]
    answer = negotiation.answer(ICE, CANDIDATES, DTLS)
    assert violations(offer, answer) == []
    assert "simulcast" not in answer


def test_simulcast_by_ssrc_group():
    offer = load("chromium_av_data").replace(
        "a=ssrc-group:FID",
        "a=ssrc:11 cname:x\r\na=ssrc:12 cname:x\r\na=ssrc-group:SIM 1559542523 11 12\r\na=ssrc-group:FID",
    )
    video = PublishNegotiation(offer, CAPABILITIES).sections[1].rtp_parameters
    assert [each.ssrc for each in video.encodings] == [1559542523, 11, 12]
    assert [each.rtx and each.rtx.ssrc for each in video.encodings] == [1860319576, None, None]


def test_extension_directions_are_mirrored():
    answer = PublishNegotiation(load("ff_sim_vp8"), CAPABILITIES).answer(ICE, CANDIDATES, DTLS)
    assert f"a=extmap:9/recvonly {URI_RID}\r\n" in answer
    assert URI_PLAYOUT_DELAY not in answer  # offered recvonly: the publisher would not send it
    offer = as_player(load("firefox_offer_gum1"))
    play = PlayNegotiation(offer, CAPABILITIES)
    answer = play.answer(ICE, CANDIDATES, DTLS, consumers=consumers_for(play))
    assert f"a=extmap:6/sendonly {URI_PLAYOUT_DELAY}\r\n" in answer


def test_two_byte_extension_ids_need_permission():
    offer = load("chromium_av_data").replace("a=extmap:10 ", "a=extmap:20 ")
    assert f"a=extmap:20 {URI_RID}" in PublishNegotiation(offer, CAPABILITIES).answer(ICE, CANDIDATES, DTLS)
    offer = offer.replace("a=extmap-allow-mixed\r\n", "")
    assert URI_RID not in PublishNegotiation(offer, CAPABILITIES).answer(ICE, CANDIDATES, DTLS)


def test_consumer_uses_the_offers_numbers():
    play = PlayNegotiation(as_player(load("roamhq_wrtc")), CAPABILITIES)
    video = play.sections[0]
    vp9 = RtpCodecParameters("video/VP9", 98, 90000, parameters={"profile-id": 2})
    parameters = ortc.consumer_parameters(consumable("video", vp9), video.rtp_capabilities, mid=video.mid)
    assert [each.payload_type for each in parameters.codecs] == [100, 101]
    assert 9 in [each.id for each in parameters.header_extensions]
    answer = play.answer(ICE, CANDIDATES, DTLS, consumers={0: parameters}, stream_id="camera")
    assert sections(answer)[0].formats == ["100", "101"]
    assert sections(answer)[0].all("msid")[0].startswith("camera ")
    assert sections(answer)[1].direction == "inactive"
    with pytest.raises(InvalidParameters, match="section 2"):
        play.answer(ICE, CANDIDATES, DTLS, consumers={2: parameters})


@pytest.mark.parametrize(
    ("setup", "answered", "remote_role"),
    [("actpass", "passive", "client"), ("active", "passive", "client"), ("passive", "active", "server")],
)
def test_dtls_roles(setup, answered, remote_role):
    offer = load("vp8_640").replace("a=setup:actpass", f"a=setup:{setup}")
    negotiation = PublishNegotiation(offer, CAPABILITIES)
    assert negotiation.dtls_parameters.role == remote_role
    assert f"a=setup:{answered}\r\n" in negotiation.answer(ICE, CANDIDATES, DTLS)


@pytest.mark.parametrize(
    ("old", "new", "error", "match"),
    [
        ("a=setup:actpass", "a=setup:holdconn", Unsupported, "holdconn"),
        ("a=extmap-allow-mixed", "a=ice-lite", Unsupported, "ICE lite"),
        ("a=rtcp-mux\r\n", "", Unsupported, "rtcp-mux"),
        ("a=sendonly", "a=recvonly", Unsupported, "direction"),
        ("a=sendonly", "a=inactive", Unsupported, "direction"),
        ("m=video 9 ", "m=video 0 ", Unsupported, "disabled"),
        ("VP8/90000", "theora/90000", Unsupported, "codecs"),
        ("a=ice-pwd:", "a=x-ice-pwd:", InvalidParameters, "ICE credentials"),
        ("a=fingerprint:", "a=x-fingerprint:", InvalidParameters, "fingerprint"),
        ("a=mid:0", "a=mid:" + "0" * 17, InvalidParameters, "mid"),
        ("a=group:BUNDLE 0", "a=group:BUNDLE 1", None, ""),
        ("a=group:BUNDLE 0\r\n", "", None, ""),
    ],
)
def test_offers_that_are_not_quite(old, new, error, match):
    offer = load("vp8_640").replace(old, new)
    if error is not None:
        with pytest.raises(error, match=match):
            PublishNegotiation(offer, CAPABILITIES)
    else:
        answer = PublishNegotiation(offer, CAPABILITIES).answer(ICE, CANDIDATES, DTLS)
        assert "m=video 40000" in answer


def test_whip_limits_are_a_flag():
    offer = load("chromium_av_data")
    video = offer[offer.index("m=video") : offer.index("m=application")]
    offer = offer.replace("BUNDLE 0 1 2", "BUNDLE 0 1 2 9") + re.sub(
        r"a=(ssrc|ssrc-group):.*\r\n", "", video
    ).replace("a=mid:1", "a=mid:9")
    with pytest.raises(Unsupported, match="more than one video"):
        PublishNegotiation(offer, CAPABILITIES)
    negotiation = PublishNegotiation(offer, CAPABILITIES, whip=False)
    assert [each.mid for each in negotiation.sections] == ["0", "1", "9"]
    answer = negotiation.answer(ICE, CANDIDATES, DTLS)
    assert violations(offer, answer) == []
    assert bundled(answer) == ["0", "1", "9"]


def test_no_partial_answer_in_whip():
    offer = load("chromium_av_data").replace("opus/48000/2", "speex/48000/2").replace("G722/8000", "x/8000")
    opus_and_vp8 = [
        RtpCodecCapability("audio", "audio/opus", 48000, 2),
        RtpCodecCapability("video", "video/VP8", 90000),
    ]
    capabilities = ortc.router_capabilities(opus_and_vp8)
    with pytest.raises(Unsupported, match="section 0"):
        PublishNegotiation(offer, capabilities)
    negotiation = PublishNegotiation(offer, capabilities, whip=False)
    answer = negotiation.answer(ICE, CANDIDATES, DTLS)
    # The offer's first section is rejected, so the next one carries the bundle.
    assert bundled(answer) == ["1"]
    assert "a=candidate" in "".join(sections(answer)[1].lines)
    assert violations(offer, answer) == []


def test_sections_without_bundle_are_refused():
    offer = load("chromium_av_data").replace("a=group:BUNDLE 0 1 2\r\n", "")
    with pytest.raises(Unsupported, match="BUNDLE"):
        PublishNegotiation(offer, CAPABILITIES)


def test_old_client_without_mid():
    offer = load("vp8_640").replace("a=group:BUNDLE 0\r\n", "").replace("a=mid:0\r\n", "")
    negotiation = PublishNegotiation(offer, CAPABILITIES)
    assert negotiation.sections[0].mid is None
    answer = negotiation.answer(ICE, CANDIDATES, DTLS)
    assert violations(offer, answer) == []
    assert "a=group" not in answer


def test_ffmpeg_publishes_the_profile_it_encodes():
    negotiation = PublishNegotiation(load("ffmpeg_whip"), CAPABILITIES)
    answer = negotiation.answer(ICE, CANDIDATES, DTLS)
    assert "a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001e\r\n" in answer
    assert negotiation.sections[1].rtp_parameters.encodings[0].rtx == RtxParameters(2691529818)


def test_stereo_opus_is_asked_for_when_the_sender_has_it():
    offer = load("chromium_av_data").replace(
        "minptime=10;useinbandfec=1", "minptime=10;sprop-stereo=1;usedtx=1"
    )
    answer = PublishNegotiation(offer, CAPABILITIES).answer(ICE, CANDIDATES, DTLS)
    assert "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;usedtx=1\r\n" in answer


@pytest.mark.parametrize("written", ["OPUS/48000", "opus/48000/1"])
def test_opus_has_two_channels_however_it_is_written(written):
    offer = load("ffmpeg_whip").replace("opus/48000/2", written)
    negotiation = PublishNegotiation(offer, CAPABILITIES)
    audio = negotiation.sections[0].rtp_parameters
    assert audio is not None
    assert (audio.codecs[0].mime_type, audio.codecs[0].channels) == ("audio/opus", 2)
    assert f"a=rtpmap:111 {written}\r\n" in negotiation.answer(ICE, CANDIDATES, DTLS)


def test_default_destination_is_an_address():
    negotiation = PublishNegotiation(load("vp8_640"), CAPABILITIES)
    named = [IceCandidate("1", 1, "sfu.example", "sfu.example", "udp", 5, "host")]
    assert "c=IN IP6 2001:db8::9\r\n" in negotiation.answer(ICE, CANDIDATES, DTLS)
    answer = negotiation.answer(ICE, named, DTLS)
    assert "m=video 9 " in answer
    assert "a=candidate:1 1 udp 1 sfu.example 5 typ host\r\n" in answer


def test_trickle_fragment():
    # RFC 8840 §9.2
    body = (
        "a=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=ice-ufrag:8hhY\r\nm=audio 9 RTP/AVP 0\r\na=mid:1\r\n"
        "a=candidate:1 1 UDP 2130706432 2001:db8:a0b:12f0::1 5000 typ host\r\n"
        "a=candidate:1 2 UDP 2130706432 2001:db8:a0b:12f0::1 5001 typ host\r\n"
        "a=candidate:1 1 UDP 2130706431 192.0.2.1 5010 typ host\r\n"
        "a=candidate:2 1 UDP 1694498815 192.0.2.3 5010 typ srflx raddr 10.0.1.1 rport 8998\r\n"
        "m=audio 9 RTP/AVP 0\r\na=mid:2\r\na=candidate:9 1 UDP 1 4e5d.local 5010 typ host\r\n"
        "a=end-of-candidates\r\n"
    )
    fragment = parse_fragment(body)
    assert fragment.ice_parameters == IceParameters("8hhY", "asd88fgpdd777uzjYhagZg", ice_lite=False)
    assert [(each.ip, each.port) for each in fragment.candidates] == [
        ("2001:db8:a0b:12f0::1", 5000),
        ("192.0.2.1", 5010),
        ("192.0.2.3", 5010),
    ]
    assert fragment.mid == "1"
    assert fragment.end_of_candidates
    assert parse_fragment("a=end-of-candidates\n").ice_parameters is None


def test_restart_fragment_is_readable():
    fragment = parse_fragment(restart_fragment(ICE, CANDIDATES, mid="0", kind="video"))
    assert fragment.ice_parameters.username_fragment == ICE.username_fragment
    assert fragment.candidates == CANDIDATES
    assert fragment.mid == "0"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "nonsense",
        "v=0\r\n",
        "a=ice-ufrag:abcd\r\n",
        "a=candidate:1 1 udp x 192.0.2.1 1 typ host",
        "a=mid:a b",
    ],
)
def test_malformed_fragments(body):
    with pytest.raises(InvalidParameters):
        parse_fragment(body)
