"""The public names of vpaas_core. A change here changes the interface: it belongs into the changelog."""

import vpaas_core

NAMES = {
    "ActiveSpeakerObserver",
    "AudioLevelObserver",
    "Config",
    "Consumer",
    "ConsumerLayers",
    "ConsumerScore",
    "DtlsFingerprint",
    "DtlsParameters",
    "Engine",
    "IceCandidate",
    "IceParameters",
    "InvalidParameters",
    "InvalidState",
    "MediaKind",
    "NotFound",
    "PlainTransport",
    "Producer",
    "ProducerScore",
    "ResourceLimit",
    "Router",
    "RtcpFeedback",
    "RtcpParameters",
    "RtpCapabilities",
    "RtpCodecCapability",
    "RtpCodecParameters",
    "RtpEncodingParameters",
    "RtpHeaderExtension",
    "RtpHeaderExtensionParameters",
    "RtpObserver",
    "RtpParameters",
    "RtxParameters",
    "SpeakerSlots",
    "SrtpParameters",
    "Transport",
    "Unsupported",
    "VideoOrientation",
    "Volume",
    "VpaasError",
    "WebRtcTransport",
    "Worker",
}


def test_the_public_names() -> None:
    assert set(vpaas_core.__all__) == NAMES
    assert len(vpaas_core.__all__) == len(NAMES)


def test_each_is_there() -> None:
    assert all(hasattr(vpaas_core, name) for name in NAMES)
