"""Three simulcast encodings come in, and one viewer chooses among them."""

import asyncio
import socket

from vpaas_core import Config, Engine, RtcpFeedback, RtpCodecParameters, RtpEncodingParameters, RtpParameters

PLI = RtcpFeedback("nack", "pli")
VP8 = RtpParameters(
    codecs=[RtpCodecParameters("video/VP8", payload_type=96, clock_rate=90000, rtcp_feedback=[PLI])],
    encodings=[RtpEncodingParameters(ssrc=ssrc) for ssrc in (1, 2, 3)],  # from the smallest to the largest
)


def key_frame(ssrc: int, number: int) -> bytes:
    header = bytes([0x80, 0x80 | 96]) + number.to_bytes(2) + (3000 * number).to_bytes(4) + ssrc.to_bytes(4)
    return header + b"\x10\x00" + b"small middle large".split()[ssrc - 1]  # RFC 7741 §4.2, §4.3


async def main() -> None:
    camera, screen = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    screen.bind(("127.0.0.1", 0))
    async with Engine(Config(listen_ip="127.0.0.1")) as engine:
        router = engine.create_router()
        ingress = router.create_plain_transport(comedia=True)
        producer = ingress.produce(kind="video", rtp_parameters=VP8)
        egress = router.create_plain_transport()
        egress.connect("127.0.0.1", screen.getsockname()[1])
        consumer = egress.consume(producer_id=producer.id, rtp_capabilities=router.rtp_capabilities)
        consumer.on("layerschange", lambda layers: print("layerschange", layers and layers.spatial_layer))
        producer.on("wantedlayers", lambda layers: print("wantedlayers", layers))
        for number in range(1, 121):
            if number == 40:
                consumer.set_preferred_layers(0)
            for ssrc in (1, 2, 3):
                camera.sendto(key_frame(ssrc, number), ingress.listen_address)
            await asyncio.sleep(1 / 30)
    screen.setblocking(False)
    try:
        while data := screen.recv(2048):
            if data[1] not in range(192, 224):  # RTCP comes on the same port (RFC 5761 §4)
                print(int.from_bytes(data[2:4]), data.split(b"\0")[-1].decode())
    except BlockingIOError:
        pass


asyncio.run(main())
