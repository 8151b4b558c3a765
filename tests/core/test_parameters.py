"""JSON shapes: what clients written for mediasoup v3 send and expect."""

import json

import msgspec
import pytest

from vpaas_core.errors import InvalidParameters, VpaasError
from vpaas_core.parameters import (
    DtlsFingerprint,
    DtlsParameters,
    IceCandidate,
    IceParameters,
    RtcpFeedback,
    RtpCodecCapability,
    RtpEncodingParameters,
    RtpHeaderExtension,
    RtpParameters,
    RtxParameters,
)


def to_json(value: object) -> object:
    return json.loads(msgspec.json.encode(value))


def test_fields_clients_read_are_always_there():
    assert to_json(RtcpFeedback("nack")) == {"type": "nack", "parameter": ""}
    assert to_json(RtpHeaderExtension("audio", "urn:x", 1)) == {
        "kind": "audio",
        "uri": "urn:x",
        "preferredId": 1,
        "preferredEncrypt": False,
        "direction": "sendrecv",
    }
    assert to_json(RtpCodecCapability("video", "video/VP8", 90000, preferred_payload_type=96)) == {
        "kind": "video",
        "mimeType": "video/VP8",
        "clockRate": 90000,
        "preferredPayloadType": 96,
        "parameters": {},
        "rtcpFeedback": [],
    }
    assert to_json(IceParameters("u", "p")) == {"usernameFragment": "u", "password": "p", "iceLite": True}
    assert (
        to_json(IceCandidate("f", 1, "192.0.2.1", "192.0.2.1", "tcp", 9, "host", "passive"))["tcpType"]
        == "passive"
    )
    assert to_json(DtlsParameters([DtlsFingerprint("sha-256", "AB")])) == {
        "fingerprints": [{"algorithm": "sha-256", "value": "AB"}],
        "role": "auto",
    }


def test_what_is_none_is_left_out():
    assert to_json(RtpEncodingParameters(ssrc=1, rtx=RtxParameters(2))) == {"ssrc": 1, "rtx": {"ssrc": 2}}
    assert to_json(RtpParameters([])) == {
        "codecs": [],
        "headerExtensions": [],
        "encodings": [],
        "rtcp": {"reducedSize": True, "mux": True},
    }


def test_what_a_browser_sends_is_read():
    parameters = msgspec.json.decode(
        b"""{"codecs": [{"mimeType": "video/H264", "payloadType": 103, "clockRate": 90000,
             "parameters": {"packetization-mode": 1, "profile-level-id": "42e01f", "x": 1.5},
             "rtcpFeedback": [{"type": "nack"}, {"type": "nack", "parameter": "pli"}]}],
             "headerExtensions": [{"uri": "urn:x", "id": 4, "encrypt": false, "parameters": {}}],
             "encodings": [{"active": true, "scaleResolutionDownBy": 4, "maxBitrate": 100000, "rid": "r0",
             "scalabilityMode": "L1T3", "dtx": false, "networkPriority": "high"}],
             "rtcp": {"cname": "abc"}, "mid": "0", "msid": "s t", "future": 1}""",
        type=RtpParameters,
    )
    assert parameters.codecs[0].parameters["profile-level-id"] == "42e01f"
    assert parameters.codecs[0].rtcp_feedback == [RtcpFeedback("nack"), RtcpFeedback("nack", "pli")]
    assert parameters.encodings[0].scale_resolution_down_by == 4
    assert parameters.rtcp.reduced_size


@pytest.mark.parametrize(
    "text", ["{}", '{"codecs": 1}', '{"codecs": [{"mimeType": "video/VP8"}]}', '{"codecs": [], "mid": 0}']
)
def test_wrong_types_are_refused(text):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=RtpParameters)


def test_defaults_are_not_shared():
    assert RtpParameters([]).encodings is not RtpParameters([]).encodings


def test_errors_name_the_field():
    error = InvalidParameters("codecs[0].clockRate", "is 0")
    assert isinstance(error, VpaasError)
    assert (error.field, str(error)) == ("codecs[0].clockRate", "codecs[0].clockRate: is 0")
