"""A publisher that plays a clip in a loop, whatever it is asked for: plain RTP from a socket of its own."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from itertools import count

from quality.clips import Clip, payloads
from vpaas_core import (
    PlainTransport,
    Producer,
    Router,
    RtcpFeedback,
    RtpCodecParameters,
    RtpEncodingParameters,
    RtpParameters,
)

CLOCK_RATE = 90_000
PAYLOAD_TYPE = 96
REPORT_S = 1.0
NTP_EPOCH_S = 2_208_988_800  # of 1970, as NTP counts (RFC 868)
_FORMATS: dict[str, dict[str, str | int | float]] = {
    "VP8": {},
    "H264": {"profile-level-id": "42e01f", "packetization-mode": 1, "level-asymmetry-allowed": 1},
}
_ssrcs = count(0x51000001)


class Sender:
    def __init__(self, router: Router, clip: Clip, *, first: int = 0) -> None:
        """`first`: the picture of the clip to begin with."""
        self.clip = clip
        self.ssrc = next(_ssrcs)
        self.transport: PlainTransport = router.create_plain_transport(comedia=True)
        codec = RtpCodecParameters(
            f"video/{clip.codec}", PAYLOAD_TYPE, CLOCK_RATE, parameters=_FORMATS[clip.codec],
            rtcp_feedback=[RtcpFeedback("nack", "pli")],
        )  # fmt: skip
        parameters = RtpParameters([codec], encodings=[RtpEncodingParameters(ssrc=self.ssrc)])
        self.transport.connect()
        self.producer: Producer = self.transport.produce(kind="video", rtp_parameters=parameters)
        self._first = first
        self._seq = self._packets = self._octets = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.connect(self.transport.listen_address)
        self._task = asyncio.create_task(self._play())
        self.started_s = time.time()

    @property
    def key_frame_requests(self) -> int:
        """PLIs that the node has sent to us."""
        return sum(int(entry["pliCount"]) for entry in self.producer.get_stats())

    def number_at(self, at_s: float) -> int:
        """Of the picture sent last before that time, counted from the clip's beginning."""
        return self._first + int((at_s - self.started_s) * self.clip.fps)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._socket.close()
        self.transport.close()

    async def _play(self) -> None:
        self.started_s = time.time()
        reported_s = 0.0
        for number in count():
            due_s = self.started_s + number / self.clip.fps
            await asyncio.sleep(max(0.0, due_s - time.time()))
            if due_s >= reported_s + REPORT_S:
                reported_s = due_s
                self._send(self._report(due_s))
            self._send_frame(self._first + number, due_s)

    def _send_frame(self, number: int, due_s: float) -> None:
        frame = self.clip.frames[number % len(self.clip.frames)]
        waiting = list(payloads(self.clip.codec, frame, number))
        for index, payload in enumerate(waiting):
            marker = (index == len(waiting) - 1) << 7
            self._seq += 1
            header = struct.pack(
                "!BBHII", 0x80, marker | PAYLOAD_TYPE, self._seq & 0xFFFF, _timestamp(due_s), self.ssrc
            )
            self._send(header + payload)
            self._packets += 1
            self._octets += len(payload)

    def _report(self, at_s: float) -> bytes:
        """RFC 3550 §6.4.1: a sender report without blocks."""
        ntp = int((at_s + NTP_EPOCH_S) * (1 << 32))
        return struct.pack(
            "!BBHIQIII",
            0x80,
            200,
            6,
            self.ssrc,
            ntp,
            _timestamp(at_s),
            self._packets,
            self._octets & 0xFFFFFFFF,
        )

    def _send(self, data: bytes) -> None:
        try:
            self._socket.send(data)
        except (BlockingIOError, ConnectionError):
            return  # as lost on a network


def _timestamp(at_s: float) -> int:
    return int(at_s * CLOCK_RATE) & 0xFFFFFFFF
