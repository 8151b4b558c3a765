"""Who can consume what: mediasoup v3's rules, case by case."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from vpaas_core import ortc
from vpaas_core.codecs import (
    DEFAULT_ROUTER_CODECS,
    HEADER_EXTENSIONS,
    URI_ABS_SEND_TIME,
    URI_AUDIO_LEVEL,
    URI_MID,
    URI_RID,
    h264_profile,
)
from vpaas_core.errors import InvalidParameters, Unsupported
from vpaas_core.parameters import (
    RtcpFeedback,
    RtcpParameters,
    RtpCapabilities,
    RtpCodecCapability,
    RtpCodecParameters,
    RtpEncodingParameters,
    RtpHeaderExtension,
    RtpHeaderExtensionParameters,
    RtpParameters,
    RtxParameters,
)
from vpaas_core.validation import validate_rtp_parameters

CAPABILITIES = ortc.router_capabilities(DEFAULT_ROUTER_CODECS)
NACK, PLI, FIR = RtcpFeedback("nack"), RtcpFeedback("nack", "pli"), RtcpFeedback("ccm", "fir")
OPUS = RtpCodecCapability("audio", "audio/opus", 48000, 2)
VP8 = RtpCodecCapability("video", "video/VP8", 90000)


def camera(**changes) -> RtpParameters:
    """VP8 simulcast with RTX, in a browser's own numbers."""
    parameters = RtpParameters(
        codecs=[
            RtpCodecParameters(
                "video/VP8", 96, 90000, rtcp_feedback=[NACK, PLI, FIR, RtcpFeedback("goog-remb")]
            ),
            RtpCodecParameters("video/rtx", 97, 90000, parameters={"apt": 96}),
        ],
        mid="1",
        header_extensions=[
            RtpHeaderExtensionParameters(URI_MID, 9),
            RtpHeaderExtensionParameters(URI_RID, 10),
        ],
        encodings=[
            RtpEncodingParameters(rid="r0", max_bitrate=100_000, scalability_mode="L1T3"),
            RtpEncodingParameters(rid="r1", max_bitrate=900_000, scalability_mode="L1T3"),
        ],
        rtcp=RtcpParameters(cname="me", reduced_size=True),
        msid="stream track",
    )
    return replace(parameters, **changes)


def h264(profile_level_id: str | int, mode: int = 1, payload_type: int = 96) -> RtpCodecParameters:
    return RtpCodecParameters(
        "video/H264",
        payload_type,
        90000,
        parameters={"packetization-mode": mode, "profile-level-id": profile_level_id},
    )


def consumable(parameters: RtpParameters, kind="video", capabilities=CAPABILITIES) -> RtpParameters:
    return ortc.consumable_parameters(
        kind, parameters, capabilities, ortc.producer_mapping(parameters, capabilities)
    )


def test_router_capabilities():
    capabilities = ortc.router_capabilities([OPUS, replace(VP8, parameters={"x-google-start-bitrate": 1000})])
    assert [(c.mime_type, c.preferred_payload_type, c.parameters) for c in capabilities.codecs] == [
        ("audio/opus", 100, {"minptime": 10, "useinbandfec": 1}),
        ("video/VP8", 101, {"x-google-start-bitrate": 1000}),
        ("video/rtx", 102, {"apt": 101}),
    ]
    assert capabilities.codecs[0].rtcp_feedback == []
    assert capabilities.codecs[1].rtcp_feedback == [NACK, PLI, FIR]
    assert capabilities.header_extensions == HEADER_EXTENSIONS


def test_nothing_is_promised_that_is_not_sent():
    feedback = {each.type for codec in CAPABILITIES.codecs for each in codec.rtcp_feedback}
    assert feedback == {"nack", "ccm"}
    (numbered,) = {each.direction for each in CAPABILITIES.header_extensions if "transport-wide" in each.uri}
    assert numbered == "sendonly"  # packets to viewers are; what publishers send is not reported yet
    received_only = {each.uri for each in CAPABILITIES.header_extensions if each.direction == "recvonly"}
    assert URI_RID in received_only


def test_extension_ids_are_one_for_each_uri():
    by_uri = {each.uri: each.preferred_id for each in HEADER_EXTENSIONS}
    assert len(set(by_uri.values())) == len(by_uri)
    assert all(each.preferred_id == by_uri[each.uri] <= 14 for each in HEADER_EXTENSIONS)
    assert by_uri[URI_MID] == 1
    assert by_uri[URI_AUDIO_LEVEL] == 10


def test_payload_types_of_the_application_are_kept():
    capabilities = ortc.router_capabilities([replace(VP8, preferred_payload_type=100), OPUS])
    assert [c.preferred_payload_type for c in capabilities.codecs] == [100, 101, 102]
    pcmu = RtpCodecCapability("audio", "audio/PCMU", 8000)
    assert ortc.router_capabilities([pcmu]).codecs[0].preferred_payload_type == 0
    with pytest.raises(InvalidParameters, match="twice"):
        ortc.router_capabilities(
            [replace(OPUS, preferred_payload_type=5), replace(VP8, preferred_payload_type=5)]
        )
    with pytest.raises(InvalidParameters, match="more codecs"):
        ortc.router_capabilities([VP8] * 17)


@pytest.mark.parametrize(
    "codec",
    [
        RtpCodecCapability("video", "video/theora", 90000),
        RtpCodecCapability("video", "video/VP8", 8000),
        RtpCodecCapability("audio", "audio/opus", 48000, 1),
    ],
)
def test_router_refuses_what_it_does_not_carry(codec):
    with pytest.raises(Unsupported):
        ortc.router_capabilities([codec])


def test_producer_is_mapped_to_the_routers_numbers():
    mapping = ortc.producer_mapping(camera(), CAPABILITIES)
    assert mapping.codecs == [(96, 101), (97, 102)]
    assert [each.rid for each in mapping.encodings] == ["r0", "r1"]
    assert len({each.mapped_ssrc for each in mapping.encodings}) == 2
    with pytest.raises(Unsupported, match="H265"):
        ortc.producer_mapping(camera(codecs=[RtpCodecParameters("video/H265", 96, 90000)]), CAPABILITIES)


def test_consumable_parameters():
    parameters = camera()
    mapping = ortc.producer_mapping(parameters, CAPABILITIES)
    result = ortc.consumable_parameters("video", parameters, CAPABILITIES, mapping)
    assert [(c.mime_type, c.payload_type) for c in result.codecs] == [("video/VP8", 101), ("video/rtx", 102)]
    assert [e.ssrc for e in result.encodings] == [e.mapped_ssrc for e in mapping.encodings]
    assert all(e.rid is None and e.rtx is None for e in result.encodings)
    assert result.mid is None
    uris = [each.uri for each in result.header_extensions]
    assert URI_RID not in uris
    assert URI_ABS_SEND_TIME in uris
    with pytest.raises(InvalidParameters, match="kind"):
        ortc.consumable_parameters("audio", parameters, CAPABILITIES, mapping)


def test_consumers_get_rtx_even_if_the_producer_has_none():
    parameters = camera(codecs=camera().codecs[:1])
    assert [c.mime_type for c in consumable(parameters).codecs] == ["video/VP8", "video/rtx"]


def test_consumer_of_a_mediasoup_client():
    parameters = ortc.consumer_parameters(consumable(camera()), CAPABILITIES, mid="7")
    assert [(c.mime_type, c.payload_type) for c in parameters.codecs] == [
        ("video/VP8", 101),
        ("video/rtx", 102),
    ]
    (encoding,) = parameters.encodings
    assert encoding.rtx.ssrc != encoding.ssrc
    assert (encoding.scalability_mode, encoding.max_bitrate) == ("S2T3", 900_000)
    assert (parameters.mid, parameters.rtcp.cname, parameters.msid) == ("7", "me", "stream track")
    again = ortc.consumer_parameters(consumable(camera()), CAPABILITIES, mid="7")
    assert again.encodings[0].ssrc != encoding.ssrc


def test_consumer_speaks_the_peers_numbers():
    remote = RtpCapabilities(
        codecs=[
            RtpCodecCapability(
                "video", "video/vp8", 90000, preferred_payload_type=120, rtcp_feedback=[NACK, PLI]
            ),
            RtpCodecCapability(
                "video", "video/rtx", 90000, preferred_payload_type=124, parameters={"apt": 120}
            ),
        ],
        header_extensions=[
            RtpHeaderExtension("video", URI_MID, 3),
            RtpHeaderExtension("audio", URI_ABS_SEND_TIME, 5),
            RtpHeaderExtension("video", "urn:unknown", 6),
        ],
    )
    parameters = ortc.consumer_parameters(consumable(camera()), remote, mid=None)
    assert [(c.payload_type, c.parameters) for c in parameters.codecs] == [(120, {}), (124, {"apt": 120})]
    assert parameters.codecs[0].rtcp_feedback == [NACK, PLI]
    assert [(each.uri, each.id) for each in parameters.header_extensions] == [(URI_MID, 3)]
    assert ortc.payload_type_map(consumable(camera()), parameters) == {101: 120}


def test_consumer_without_rtx():
    parameters = ortc.consumer_parameters(consumable(camera()), CAPABILITIES, mid=None, enable_rtx=False)
    assert [c.mime_type for c in parameters.codecs] == ["video/VP8"]
    assert parameters.codecs[0].rtcp_feedback == [PLI, FIR]
    assert parameters.encodings[0].rtx is None
    plain = RtpCapabilities([c for c in CAPABILITIES.codecs if c.mime_type != "video/rtx"])
    parameters = ortc.consumer_parameters(consumable(camera()), plain, mid=None)
    assert parameters.encodings[0].rtx is None
    assert NACK in parameters.codecs[0].rtcp_feedback


def test_can_consume():
    only_opus = ortc.router_capabilities([OPUS])
    assert ortc.can_consume(consumable(camera()), CAPABILITIES)
    assert not ortc.can_consume(consumable(camera()), only_opus)
    assert not ortc.can_consume(consumable(camera()), RtpCapabilities())
    with pytest.raises(Unsupported, match="VP8"):
        ortc.consumer_parameters(consumable(camera()), only_opus, mid=None)
    with pytest.raises(InvalidParameters, match="preferredPayloadType"):
        ortc.can_consume(consumable(camera()), RtpCapabilities([replace(VP8, preferred_payload_type=200)]))


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (h264("42e01f"), h264("42e01f"), True),
        (h264("42e01f"), h264("42e034"), True),  # the level does not decide
        (h264("42e01f"), h264("42c01e"), True),  # constrained baseline in other bits
        (h264("42e01f"), h264("4d801f"), True),
        (h264("42e01f"), h264("42001f"), False),
        (h264("42e01f"), h264("42e01f", mode=0), False),
        (h264("4d001f"), h264("4d0028"), True),
        (h264("640032"), h264(640032), True),  # as a JavaScript SDP reader hands it on
        (h264("64001f"), h264("640c1f"), False),
        (h264("64001f"), h264("nonsense"), False),
        (h264("42e01f", mode=0), RtpCodecParameters("video/H264", 1, 90000), True),  # defaults
        (
            RtpCodecParameters("video/VP9", 1, 90000),
            RtpCodecParameters("video/vp9", 2, 90000, parameters={"profile-id": 0}),
            True,
        ),
        (
            RtpCodecParameters("video/VP9", 1, 90000, parameters={"profile-id": "2"}),
            RtpCodecParameters("video/VP9", 2, 90000, parameters={"profile-id": 2}),
            True,
        ),
        (
            RtpCodecParameters("video/VP9", 1, 90000),
            RtpCodecParameters("video/VP9", 2, 90000, parameters={"profile-id": 2}),
            False,
        ),
        (
            RtpCodecParameters("video/AV1", 1, 90000, parameters={"level-idx": 5}),
            RtpCodecParameters("video/AV1", 2, 90000, parameters={"profile": 0}),
            True,
        ),
        (
            RtpCodecParameters("video/AV1", 1, 90000, parameters={"profile": 1}),
            RtpCodecParameters("video/AV1", 2, 90000),
            False,
        ),
        (RtpCodecParameters("audio/OPUS", 1, 48000, 2), RtpCodecParameters("audio/opus", 2, 48000, 2), True),
        (RtpCodecParameters("audio/opus", 1, 48000, 2), RtpCodecParameters("audio/opus", 2, 48000), False),
        (RtpCodecParameters("audio/PCMU", 0, 8000), RtpCodecParameters("audio/PCMU", 0, 8000, 1), True),
        (RtpCodecParameters("video/VP8", 1, 90000), RtpCodecParameters("video/VP8", 1, 8000), False),
    ],
)
def test_codec_matching(a, b, same):
    assert ortc.codec_matches(a, b) is same
    assert ortc.codec_matches(b, a) is same


@pytest.mark.parametrize(
    ("source", "receiver", "taken"),
    [
        (
            h264("42001e"),
            h264("42e01f"),
            True,
        ),  # FFmpeg's stream, a browser that names only Constrained Baseline
        (h264("42001e"), h264("42e01f", mode=0), False),
        (h264("4d001f"), h264("42e01f"), False),
        (h264("42e01f"), h264("42001f"), False),
    ],
)
def test_baseline_goes_to_receivers_of_constrained_baseline(source, receiver, taken):
    produced = consumable(camera(codecs=[source], encodings=[RtpEncodingParameters(ssrc=1)]))
    capability = RtpCodecCapability(
        "video", "video/H264", 90000, preferred_payload_type=50, parameters=receiver.parameters
    )
    capabilities = RtpCapabilities([capability])
    assert ortc.can_consume(produced, capabilities) is taken
    if taken:
        consumer = ortc.consumer_parameters(produced, capabilities, mid="0")
        assert [codec.payload_type for codec in consumer.codecs] == [50]
        assert list(ortc.payload_type_map(produced, consumer).values()) == [50]


def test_profiles_are_told_apart_among_the_router_codecs():
    ffmpeg = camera(codecs=[h264("42001e")], encodings=[RtpEncodingParameters(ssrc=1)])
    mapped = ortc.producer_mapping(ffmpeg, CAPABILITIES).codecs[0].mapped_payload_type
    codec = next(c for c in CAPABILITIES.codecs if c.preferred_payload_type == mapped)
    assert h264_profile(codec.parameters) == "baseline"
    # The stream's own level is what consumers hear of.
    assert consumable(ffmpeg).codecs[0].parameters["profile-level-id"] == "42001e"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"codecs": []}, "codecs"),
        ({"codecs": [RtpCodecParameters("video/rtx", 97, 90000, parameters={"apt": 96})]}, "codecs"),
        ({"codecs": [RtpCodecParameters("text/x", 96, 90000)]}, "codecs[0].mimeType"),
        ({"codecs": [RtpCodecParameters("video/VP8", 128, 90000)]}, "codecs[0].payloadType"),
        ({"codecs": [RtpCodecParameters("video/VP8", 96, 0)]}, "codecs[0].clockRate"),
        ({"codecs": [h264("42e01f"), h264("42e01f")]}, "codecs[1].payloadType"),
        (
            {"codecs": [h264("42e01f"), RtpCodecParameters("video/rtx", 97, 90000)]},
            "codecs[1].parameters.apt",
        ),
        (
            {"codecs": [h264("42e01f"), RtpCodecParameters("video/rtx", 97, 90000, parameters={"apt": 98})]},
            "codecs[1].parameters.apt",
        ),
        ({"mid": ""}, "mid"),
        ({"mid": "x" * 17}, "mid"),
        ({"header_extensions": [RtpHeaderExtensionParameters("urn:x", 0)]}, "headerExtensions[0].id"),
        ({"header_extensions": [RtpHeaderExtensionParameters("urn:x", 1)] * 2}, "headerExtensions[1].id"),
        ({"encodings": [RtpEncodingParameters(rid=str(i)) for i in range(5)]}, "encodings"),
        ({"encodings": [RtpEncodingParameters(rid="a b")]}, "encodings[0].rid"),
        ({"encodings": [RtpEncodingParameters(rid="a")] * 2}, "encodings[1].rid"),
        ({"encodings": [RtpEncodingParameters(ssrc=2**32)]}, "encodings[0].ssrc"),
        ({"encodings": [RtpEncodingParameters(ssrc=1, rtx=RtxParameters(1))]}, "encodings[0].rtx.ssrc"),
        ({"encodings": [RtpEncodingParameters(), RtpEncodingParameters(ssrc=1)]}, "encodings[0]"),
        ({"encodings": [RtpEncodingParameters(codec_payload_type=97)]}, "encodings[0].codecPayloadType"),
    ],
)
def test_invalid_parameters_are_named(changes, field):
    with pytest.raises(InvalidParameters) as caught:
        validate_rtp_parameters(camera(**changes))
    assert caught.value.field == field


def test_encodings_may_be_left_out():
    parameters = camera(encodings=[])
    assert len(ortc.producer_mapping(parameters, CAPABILITIES).encodings) == 1
    assert len(consumable(parameters).encodings) == 1


TEXT = st.sampled_from(["video/VP8", "video/rtx", "audio/opus", "video/H264", "x", "video/", ""])
PARAMETERS = st.dictionaries(
    st.sampled_from(["apt", "profile-level-id", "packetization-mode", "profile-id"]),
    st.one_of(st.integers(-5, 130), st.sampled_from(["42e01f", "", "0", "zz"])),
)
CODECS = st.builds(
    RtpCodecParameters,
    TEXT,
    st.integers(-1, 130),
    st.sampled_from([0, 48000, 90000]),
    st.none() | st.integers(-1, 3),
    PARAMETERS,
)
ENCODINGS = st.builds(RtpEncodingParameters, st.none() | st.integers(-1, 5), st.none() | st.text(max_size=3))


@given(st.lists(CODECS, max_size=4), st.lists(ENCODINGS, max_size=5), st.sampled_from(["audio", "video"]))
def test_any_parameters_are_mapped_or_refused(codecs, encodings, kind):
    parameters = RtpParameters(codecs, encodings=encodings)
    try:
        result = consumable(parameters, kind)
    except (InvalidParameters, Unsupported):
        return
    assert ortc.can_consume(result, CAPABILITIES)
    validate_rtp_parameters(ortc.consumer_parameters(result, CAPABILITIES, mid="0"))


def test_capabilities_survive_json():
    text = msgspec.json.encode(CAPABILITIES)
    assert msgspec.json.decode(text, type=RtpCapabilities) == CAPABILITIES


def test_only_viewers_of_av1_get_the_dependency_descriptor():
    for mime_type, expected in (("video/VP8", False), ("video/AV1", True)):
        sent = RtpParameters([RtpCodecParameters(mime_type, 96, 90000)])
        mapping = ortc.producer_mapping(sent, CAPABILITIES)
        consumable = ortc.consumable_parameters("video", sent, CAPABILITIES, mapping)
        consumer = ortc.consumer_parameters(consumable, CAPABILITIES, mid="0")
        got = any("dependency-descriptor" in each.uri for each in consumer.header_extensions)
        assert got is expected
