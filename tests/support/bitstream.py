"""From RTP payloads to what a decoder reads: VP9 superframes and AV1 temporal units, by the payload formats.

Nothing here is shared with the packet path: tests compare the two.
"""

from collections.abc import Sequence
from typing import NamedTuple, cast

import av
from av.video.frame import VideoFrame


class Vp9Payload(NamedTuple):
    starts: bool
    ends: bool
    inter_predicted: bool
    picture_id: int
    spatial: int
    temporal: int
    inter_layer: bool
    data: bytes


def vp9_payload(payload: bytes) -> Vp9Payload:
    """RFC 9628 §4.2, in full."""
    flags, at = payload[0], 1
    picture_id, spatial, temporal, inter_layer = -1, 0, 0, False
    if flags & 0x80:
        wide = payload[at] & 0x80
        picture_id = int.from_bytes(payload[at : at + 2], "big") & 0x7FFF if wide else payload[at]
        at += 2 if wide else 1
    if flags & 0x20:
        temporal, spatial = payload[at] >> 5, payload[at] >> 1 & 0x07
        inter_layer = bool(payload[at] & 0x01)
        at += 1 if flags & 0x10 else 2
    if flags & 0x50 == 0x50:
        while payload[at] & 0x01:
            at += 1
        at += 1
    if flags & 0x02:
        structure = payload[at]
        at += 1
        if structure & 0x10:
            at += 4 * ((structure >> 5) + 1)
        if structure & 0x08:
            groups = payload[at]
            at += 1
            for _ in range(groups):
                at += 1 + (payload[at] >> 2 & 0x03)
    starts, ends, inter_predicted = bool(flags & 0x08), bool(flags & 0x04), bool(flags & 0x40)
    return Vp9Payload(starts, ends, inter_predicted, picture_id, spatial, temporal, inter_layer, payload[at:])


def vp9_superframe(payloads: Sequence[bytes]) -> bytes:
    """The frames of one picture, with an index when there are several (VP9 bitstream, annex B)."""
    frames: dict[int, bytes] = {}
    for payload in payloads:
        packet = vp9_payload(payload)
        frames[packet.spatial] = frames.get(packet.spatial, b"") + packet.data
    parts = [frames[spatial] for spatial in sorted(frames)]
    if len(parts) == 1:
        return parts[0]
    marker = bytes([0xC0 | 3 << 3 | len(parts) - 1])
    sizes = b"".join(len(part).to_bytes(4, "little") for part in parts)
    return b"".join(parts) + marker + sizes + marker


def leb128(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def av1_temporal_unit(payloads: Sequence[bytes]) -> bytes:
    """RTP Payload Format For AV1 §4.3 to a bitstream: each OBU gets a size field (AV1 §5.3.2)."""
    obus: list[bytes] = []
    for payload in payloads:
        header, at = payload[0], 1
        elements: list[bytes] = []
        while at < len(payload):
            if header >> 4 & 0x03 == len(elements) + 1:
                size = len(payload) - at  # the last of W elements has no length
            else:
                size, at = leb128(payload, at)
            elements.append(payload[at : at + size])
            at += size
        if header & 0x80:
            obus[-1] += elements.pop(0)
        obus += elements
    stream = bytes([0x12, 0])  # temporal delimiter
    for obu in obus:
        header_len = 2 if obu[0] & 0x04 else 1
        size = len(obu) - header_len
        stream += bytes([obu[0] | 0x02]) + obu[1:header_len]
        stream += bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14]) + obu[header_len:]
    return stream


class Decoder:
    """A decoder that forgives nothing. One output frame a picture: the highest layer it holds."""

    def __init__(self, codec: str) -> None:
        options = {"err_detect": "explode"}
        if codec == "libdav1d":
            options |= {"alllayers": "0", "oppoint": "31", "max_frame_delay": "1"}
        self.context = cast(av.VideoCodecContext, av.CodecContext.create(codec, "r"))
        self.context.options = options
        self.context.thread_count = 1

    def decode(self, picture: bytes) -> list[VideoFrame]:
        return list(self.context.decode(av.Packet(picture)))

    def flush(self) -> list[VideoFrame]:
        return list(self.context.decode(None))


def look(frame: VideoFrame) -> tuple[int, int, int]:
    """Width, height and a fingerprint of all samples, without what pads the lines."""
    lines = []
    for plane in frame.planes:
        samples = memoryview(plane).cast("B")
        starts = range(0, plane.height * plane.line_size, plane.line_size)
        lines += [bytes(samples[start : start + plane.width]) for start in starts]
    return frame.width, frame.height, hash(b"".join(lines))
