"""One negotiated stream, filled by one speaker after the other: for the receiver it never changes."""

import asyncio
import socket

from vpaas_core import Config, Engine, RtpCodecParameters, RtpEncodingParameters, RtpParameters


def opus(ssrc: int) -> RtpParameters:
    codec = RtpCodecParameters("audio/opus", payload_type=111, clock_rate=48000, channels=2)
    return RtpParameters(codecs=[codec], encodings=[RtpEncodingParameters(ssrc=ssrc)])


def packet(ssrc: int, seq: int) -> bytes:
    header = bytes([0x80, 111]) + seq.to_bytes(2) + (960 * seq).to_bytes(4) + ssrc.to_bytes(4)
    return header + {1: b"Ada", 2: b"Bob"}[ssrc]


async def main() -> None:
    voice, ear = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    ear.bind(("127.0.0.1", 0))
    ear.settimeout(2)
    async with Engine(Config(listen_ip="127.0.0.1")) as engine:
        router = engine.create_router()
        ingress = router.create_plain_transport(comedia=True)
        ada, bob = (ingress.produce(kind="audio", rtp_parameters=opus(ssrc)) for ssrc in (1, 2))
        egress = router.create_plain_transport()
        egress.connect("127.0.0.1", ear.getsockname()[1])
        slot = egress.consume_slot(kind="audio", rtp_capabilities=router.rtp_capabilities)
        for turn, speaker in enumerate((ada, bob, ada)):
            slot.switch_to(speaker)
            for number in range(3):
                for ssrc in (1, 2):  # both send all the time
                    voice.sendto(packet(ssrc, 1000 * ssrc + 3 * turn + number), ingress.listen_address)
                while (data := await asyncio.to_thread(ear.recv, 2048))[1] in range(192, 224):
                    pass  # RTCP comes on the same port (RFC 5761 §4)
                marker = "starts" if data[1] & 128 else ""
                print(f"seq {int.from_bytes(data[2:4])} {data[-3:].decode()} {marker}")


asyncio.run(main())
