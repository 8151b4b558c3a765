"""RTP in on one port, out on another: the engine embedded, without ICE, DTLS or a web server."""

import asyncio
import socket

from vpaas_core import Config, Engine, RtpCodecParameters, RtpEncodingParameters, RtpParameters

OPUS = RtpParameters(
    codecs=[RtpCodecParameters("audio/opus", payload_type=111, clock_rate=48000, channels=2)],
    encodings=[RtpEncodingParameters(ssrc=1111)],
)


def packet(seq: int) -> bytes:
    return bytes([0x80, 111]) + seq.to_bytes(2) + (960 * seq).to_bytes(4) + (1111).to_bytes(4) + b"opus"


async def main() -> None:
    sender, viewer = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    viewer.bind(("127.0.0.1", 0))
    viewer.settimeout(2)
    async with Engine(Config(listen_ip="127.0.0.1", workers=1)) as engine:
        router = engine.create_router()
        ingress = router.create_plain_transport(comedia=True)  # learns who sends from the first packet
        producer = ingress.produce(kind="audio", rtp_parameters=OPUS)
        egress = router.create_plain_transport()
        egress.connect("127.0.0.1", viewer.getsockname()[1])
        consumer = egress.consume(producer_id=producer.id, rtp_capabilities=router.rtp_capabilities)
        for seq in range(5):
            sender.sendto(packet(seq), ingress.listen_address)
            while (data := await asyncio.to_thread(viewer.recv, 2048))[1] >= 192:
                pass  # RTCP: sender reports come on the same port
            print(f"ssrc {int.from_bytes(data[8:12])} seq {int.from_bytes(data[2:4])} {data[-4:].decode()}")
        print(consumer.get_stats())


asyncio.run(main())
