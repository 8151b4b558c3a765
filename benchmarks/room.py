"""What is forwarded, and to whom: one publisher of video and many viewers, each on a transport of its own."""

import secrets
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

from vpaas_core._fastpath.codecs.codec import Codec
from vpaas_core._fastpath.control import Core
from vpaas_core._fastpath.rtp import ExtensionKind
from vpaas_core._fastpath.srtp import SrtpProfile
from vpaas_core._fastpath.stun import build_binding_request

Key = tuple[bytes, bytes]
"""Master key and salt."""

PACKET_BYTES = 1200  # bytes of RTP: header, its extensions, payload; SRTP adds 10 (CM) or 16 (GCM)
CHUNK_PACKETS = 20_000  # forwarded; about 20 ms
CHUNK_BURSTS_MIN, CHUNK_BURSTS_MAX = 5, 1000
SSRC = 1
PAYLOAD_TYPE, RTX_PAYLOAD_TYPE = 96, 97
MID_ID, ABS_SEND_TIME_ID = 1, 3
BARE_HEADER = struct.pack("!BBHII", 0x80, PAYLOAD_TYPE, 0, 0, SSRC)
# RFC 8285 §4.2: mid "0" and abs-send-time, the least that Chromium puts in a video packet
HEADER = b"\x90" + BARE_HEADER[1:]
HEADER += struct.pack("!HHBsB3sxx", 0xBEDE, 2, MID_ID << 4, b"0", ABS_SEND_TIME_ID << 4 | 2, bytes(3))
# RFC 7741 §4.2, §4.3: descriptor with S, then a frame header whose lowest bit is 0 in a key frame
VP8_KEY_FRAME, VP8_DELTA = b"\x10\x00", b"\x00\x01"

PROFILES = {
    SrtpProfile.AEAD_AES_128_GCM: (16, 12),
    SrtpProfile.AES_CM_128_HMAC_SHA1_80: (16, 14),
}


@dataclass(frozen=True)
class Case:
    """`burst` packets arrive at once and go to `consumers` viewers."""

    consumers: int
    burst: int
    profile: SrtpProfile

    @property
    def bursts(self) -> int:
        """How many make a chunk, the least that is measured at once."""
        bursts = CHUNK_PACKETS // (self.consumers * self.burst)
        return max(CHUNK_BURSTS_MIN, min(CHUNK_BURSTS_MAX, bursts))

    def new_key(self) -> Key:
        key_bytes, salt_bytes = PROFILES[self.profile]
        return secrets.token_bytes(key_bytes), secrets.token_bytes(salt_bytes)


def connect(core: Core, case: Case, remote: Key, local: Key, send: Callable[[bytes], object]) -> int:
    """A WebRTC transport with its keys, whose peer has passed its ICE check; `send` is how the peer sends."""
    ufrag, password = secrets.token_hex(8).encode(), secrets.token_hex(16).encode()
    transport = core.add_webrtc_transport(ufrag, password, secrets.randbits(32), 3_600_000_000)
    core.set_srtp(transport, case.profile, *remote, *local)
    request = build_binding_request(ufrag + b":peer", password, priority=1, tie_breaker=1, use_candidate=True)
    send(request)
    while core.transport_state(transport)["remote"] is None:
        time.sleep(0.0001)
    return transport


def add_producer(core: Core, transport: int) -> int:
    return core.add_producer(
        transport,
        video=True,
        clock_rate=90000,
        mid="0",
        cname="publisher",
        encodings=[(SSRC, SSRC + 1, "")],
        codecs={PAYLOAD_TYPE: int(Codec.CODEC_VP8)},
        rtx={RTX_PAYLOAD_TYPE: PAYLOAD_TYPE},
        extensions={
            MID_ID: int(ExtensionKind.EXT_MID),
            ABS_SEND_TIME_ID: int(ExtensionKind.EXT_ABS_SEND_TIME),
        },
        nack=True,
        pli=True,
        fir=True,
        paused=False,
        key_frame_request_delay_us=500_000,
    )


def add_consumer(core: Core, transport: int, producer: int) -> int:
    return core.add_consumer(
        transport,
        producer,
        ssrc=SSRC,
        rtx_ssrc=SSRC + 1,
        mid="0",
        payload_types={PAYLOAD_TYPE: PAYLOAD_TYPE},
        rtx_payload_type=RTX_PAYLOAD_TYPE,
        extensions={
            int(ExtensionKind.EXT_MID): MID_ID,
            int(ExtensionKind.EXT_ABS_SEND_TIME): ABS_SEND_TIME_ID,
        },
        first_seq=1,
        first_rtx_seq=1,
        paused=False,
    )


def packet(header: bytes, payload_start: bytes) -> bytes:
    """PACKET_BYTES of RTP, random where nobody looks."""
    start = header + payload_start
    return start + secrets.token_bytes(PACKET_BYTES - len(start))
