"""Redundant audio reaches who knows it whole, others as plain Opus; silence may be left out."""

import socket
from collections.abc import Iterator

import pytest

from vpaas_core import (
    Config,
    Engine,
    PlainTransport,
    RtpCapabilities,
    RtpCodecCapability,
    RtpCodecParameters,
    RtpEncodingParameters,
    RtpParameters,
)

OPUS, RED = 111, 63
SENT = RtpParameters(
    codecs=[
        RtpCodecParameters("audio/red", RED, 48000, 2, {"": "111/111"}),
        RtpCodecParameters("audio/opus", OPUS, 48000, 2),
    ],
    encodings=[RtpEncodingParameters(ssrc=1)],
)
PLAIN = RtpCapabilities([RtpCodecCapability("audio", "audio/opus", 48000, 2, 77)])
BLOCKS = bytes([0x80 | OPUS]) + ((960 << 10) | 6).to_bytes(3) + bytes([OPUS]) + b"before" + b"now"


def packet(seq: int, payload_type: int, payload: bytes) -> bytes:
    return bytes([0x80, payload_type]) + seq.to_bytes(2) + (960 * seq).to_bytes(4) + (1).to_bytes(4) + payload


@pytest.fixture
def ears() -> Iterator[list[socket.socket]]:
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
        each.settimeout(2)
    yield sockets
    for each in sockets:
        each.close()


def hear(ear: socket.socket) -> tuple[int, int, bytes]:
    """Payload type, sequence number and payload of the next RTP packet."""
    while (data := ear.recv(2048))[1] in range(192, 224):
        pass
    header = 12 + (4 + 4 * int.from_bytes(data[14:16]) if data[0] & 0x10 else 0)
    return data[1] & 0x7F, int.from_bytes(data[2:4]), data[header:]


async def test_red_and_silence(ears: list[socket.socket]) -> None:
    async with Engine(Config(listen_ip="127.0.0.1")) as engine:
        router = engine.create_router()
        ingress: PlainTransport = router.create_plain_transport(comedia=True)
        producer = ingress.produce(kind="audio", rtp_parameters=SENT)
        wishes = [(router.rtp_capabilities, False), (PLAIN, False), (PLAIN, True)]
        consumers = []
        for ear, (capabilities, ignore_dtx) in zip(ears, wishes, strict=True):
            egress = router.create_plain_transport()
            egress.connect("127.0.0.1", ear.getsockname()[1])
            consumers.append(
                egress.consume(producer_id=producer.id, rtp_capabilities=capabilities, ignore_dtx=ignore_dtx)
            )
        whole, *_ = consumers
        red, opus = (codec.payload_type for codec in whole.rtp_parameters.codecs)
        assert whole.rtp_parameters.codecs[0].parameters == {"": f"{opus}/{opus}"}
        assert [codec.payload_type for codec in consumers[1].rtp_parameters.codecs] == [77]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as voice:
            for sent in (packet(1, RED, BLOCKS), packet(2, OPUS, b"\xf8"), packet(3, OPUS, b"after")):
                voice.sendto(sent, ingress.listen_address)
            mapped = bytes([0x80 | opus]) + BLOCKS[1:4] + bytes([opus]) + BLOCKS[5:]
            heard = [[hear(ear) for _ in range(count)] for ear, count in zip(ears, (3, 3, 2), strict=True)]
    assert [each[::2] for each in heard[0]] == [(red, mapped), (opus, b"\xf8"), (opus, b"after")]
    assert [each[::2] for each in heard[1]] == [(77, b"now"), (77, b"\xf8"), (77, b"after")]
    assert [each[::2] for each in heard[2]] == [(77, b"now"), (77, b"after")]
    for each in heard:
        seqs = [seq for _, seq, _ in each]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
