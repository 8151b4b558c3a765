"""A viewer comes ten frames after the only key frame, and sees all since then without anyone being asked."""

import asyncio
import socket

from vpaas_core import Config, Engine, RtpCodecParameters, RtpEncodingParameters, RtpParameters

VP8 = RtpParameters(
    codecs=[RtpCodecParameters("video/VP8", payload_type=96, clock_rate=90000)],  # takes no feedback
    encodings=[RtpEncodingParameters(ssrc=1)],
)


def frame(number: int) -> bytes:
    header = bytes([0x80, 0x80 | 96]) + number.to_bytes(2) + (3000 * number).to_bytes(4) + (1).to_bytes(4)
    return header + b"\x10" + bytes([number != 1]) + b"frame %02d" % number  # the first one is a key frame


async def main() -> None:
    camera, screen = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    screen.bind(("127.0.0.1", 0))
    screen.settimeout(2)
    async with Engine(Config(listen_ip="127.0.0.1")) as engine:
        router = engine.create_router()
        ingress = router.create_plain_transport(comedia=True)
        producer = ingress.produce(kind="video", rtp_parameters=VP8, key_frame_cache_ms=12_000)
        for number in range(1, 12):
            camera.sendto(frame(number), ingress.listen_address)
            await asyncio.sleep(1 / 30)
        egress = router.create_plain_transport()
        egress.connect("127.0.0.1", screen.getsockname()[1])
        egress.consume(producer_id=producer.id, rtp_capabilities=router.rtp_capabilities)
        for _ in range(11):
            while (data := await asyncio.to_thread(screen.recv, 2048))[1] in range(192, 224):
                pass  # RTCP comes on the same port (RFC 5761 §4)
            print(f"seq {int.from_bytes(data[2:4])} {data[-8:].decode()}")
        print("asked for key frames:", producer.get_stats()[0]["pliCount"])


asyncio.run(main())
