"""A decoder that shows nothing it could not decode, and forgives the node nothing.

`Viewer(sink)` keeps what the node sends to a viewer, lost on the way or not. `watch()` checks it and tells
what was shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import cast

from aiortc.codecs.vpx import VpxPayloadDescriptor

from tests.sim.layers import Layered, LayeredStream, Sent
from tests.sim.packets import Rtp, parse_rtp
from tests.sim.streams import RECEIVED_EXTENSIONS, Sink, number_of
from tests.support.dependency import Structure, read_descriptor
from vpaas_core._fastpath.rtp import ExtensionKind
from vpaas_core._fastpath.srtp_session import SrtpError

ALIGNED = 180  # ticks of 90 kHz: 2 ms
STEP = 90  # between two pictures, at least
LIVE_US = 12_000
DD = RECEIVED_EXTENSIONS[ExtensionKind.EXT_DEPENDENCY_DESCRIPTOR]


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture on the viewer's screen."""

    at_us: int
    captured_us: int
    capture: int
    stream: LayeredStream
    spatial: int
    temporal: int
    key: bool
    timestamp: int  # unwrapped

    @property
    def layer(self) -> int:
        """Spatial, or the encoding of a simulcast publisher."""
        return max(self.spatial, self.stream.index)


@dataclass(frozen=True, slots=True, repr=False)
class Forwarded:
    """A packet as the node sent it, and what it was."""

    seq: int
    timestamp: int  # unwrapped
    at_us: int
    rtp: Rtp
    sent: Sent
    gap: int  # numbers before it under which nothing was sent
    picture: int  # the how manieth to be sent; the same may be sent again

    def __repr__(self) -> str:
        marked = " marked" * self.rtp.marker
        return f"<{self.seq} at {self.at_us} ts {self.timestamp} gap {self.gap}{marked}: {self.sent}>"

    @property
    def source(self) -> tuple[LayeredStream, int]:
        return self.sent.stream, self.sent.capture

    @property
    def starts(self) -> bool:
        """Here it may begin, also again."""
        return self.sent.frame.key_picture and (self.sent.frame.spatial, self.sent.index) == (0, 0)

    @property
    def live(self) -> bool:
        """Sent on as it came."""
        return self.at_us - self.sent.captured_us < LIVE_US


class Viewer:
    """What a sink gets, from now on, of its publisher or, as a slot, of several."""

    def __init__(self, sink: Sink, *publishers: Layered) -> None:
        self.sink = sink
        self.publishers = publishers or (cast(Layered, sink.source),)
        self.departed: dict[int, tuple[int, Rtp]] = {}  # when, by extended sequence number
        self._session = sink.peer.theirs.session()
        self._highest = -1
        self._departing: Callable[[bytes], None] = sink.peer.departing
        sink.peer.departing = self._depart  # type: ignore[method-assign]

    def prefer(self, spatial: int, temporal: int = 2) -> int:
        """Tells the wish to the node; returns when."""
        self.sink.network.core.set_preferred_layers(self.sink.consumer, spatial, temporal)
        return self.sink.network.now_us

    @property
    def layers(self) -> tuple[int, int]:
        """What the node says it forwards; (-1, -1): nothing yet."""
        return self.sink.network.core.consumer_layers(self.sink.consumer)

    def _depart(self, data: bytes) -> None:
        self._departing(data)
        if not 128 <= data[0] < 192 or 192 <= data[1] < 224:
            return
        try:
            packet = parse_rtp(self._session.unprotect_rtp(data))
        except SrtpError:  # a plain retransmission
            return
        if packet.ssrc == self.sink.ssrc:
            highest = packet.seq if self._highest < 0 else self._highest
            seq = highest + (packet.seq - highest + 0x8000) % 0x10000 - 0x8000
            self._highest = max(self._highest, seq)
            self.departed.setdefault(seq, (self.sink.network.now_us, packet))

    def forwarded(self) -> list[Forwarded]:
        """In the order of their numbers, without what is padding alone."""
        result: list[Forwarded] = []
        gap, previous = 0, min(self.departed) - 1
        for seq, (at_us, rtp) in sorted(self.departed.items(), key=lambda item: item[0]):
            gap += seq - previous - 1
            previous = seq
            if not rtp.payload:
                continue
            number = number_of(rtp.payload)
            (sent,) = [p.sent[number] for p in self.publishers if number in p.sent]
            before = result[-1].timestamp if result else rtp.timestamp
            timestamp = before + (rtp.timestamp - before + (1 << 31)) % (1 << 32) - (1 << 31)
            picture = result[-1].picture if result else 0
            packet = Forwarded(seq, timestamp, at_us, rtp, sent, gap, picture)
            if result and (result[-1].source != packet.source or packet.starts):
                packet = replace(packet, picture=picture + 1)
            result.append(packet)
            gap = 0
        return result

    def watch(self, *, aligned: int | None = ALIGNED, hasty: bool = False, marks: bool = True) -> list[Shown]:
        """Fails where the node broke anything.

        `aligned`: ticks that a switch may be off; None: any number. `hasty`: what was missed may come with
        timestamps closer together than it was captured.
        """
        forwarded = self.forwarded()
        assert forwarded
        assert_numbers(forwarded)
        assert_timestamps(forwarded, aligned, hasty)
        assert_frames(forwarded)
        if marks:
            assert_markers(forwarded)
        if (stream := forwarded[0].sent.stream).codec_name == "vp8" and stream.says == "payload":
            assert_vp8(forwarded)
        if DD in forwarded[0].rtp.extensions:
            assert_descriptors(forwarded)
        return self.shown(forwarded)

    def shown(self, forwarded: list[Forwarded]) -> list[Shown]:
        """The pictures that could be decoded, each in the highest layer that could."""
        decoded: dict[int, int] = {}  # frame -> when
        result: list[Shown] = []
        for _, packets in groupby(forwarded, lambda packet: packet.picture):
            picture: Shown | None = None
            for _, group in groupby(packets, lambda packet: packet.sent.frame.number):
                parts = list(group)
                frame = parts[0].sent.frame
                whole = len(parts) == parts[0].sent.packets and all(p.seq in self.sink.packets for p in parts)
                if not whole or not all(id(ref) in decoded for ref in frame.refs):
                    continue
                times = [decoded[id(ref)] for ref in frame.refs]
                times += [self.sink.arrived_us[part.seq] for part in parts]
                decoded[id(frame)] = max(times)
                picture = _picture(parts[0], max(times))
            if picture:
                at_us = max(picture.at_us, result[-1].at_us) if result else picture.at_us
                result.append(replace(picture, at_us=at_us))
        return result


def _picture(packet: Forwarded, at_us: int) -> Shown:
    sent, frame = packet.sent, packet.sent.frame
    return Shown(
        at_us,
        sent.captured_us,
        sent.capture,
        sent.stream,
        frame.spatial,
        frame.temporal,
        frame.key_picture,
        packet.timestamp,
    )


def longest_gap_us(shown: list[Shown]) -> int:
    return max(right.at_us - left.at_us for left, right in pairwise(shown))


def between(shown: list[Shown], start_us: int, end_us: int) -> list[Shown]:
    return [picture for picture in shown if start_us <= picture.at_us < end_us]


def switches(shown: list[Shown]) -> list[Shown]:
    """The first picture of each spatial layer or encoding."""
    return [right for left, right in pairwise(shown) if left.layer != right.layer]


def lost_between(left: Forwarded, right: Forwarded) -> list[Sent]:
    """Packets of the stream between the two that the node missed, at least at first."""
    stream = left.sent.stream
    end = len(stream.numbers) if right.starts else right.sent.seq - stream.first_seq
    numbers = stream.numbers[left.sent.seq + 1 - stream.first_seq : end]
    lost = (stream.publisher.sent[number] for number in numbers if number not in stream.in_time)
    return [sent for sent in lost if sent.captured_us < right.at_us]


def assert_numbers(forwarded: list[Forwarded]) -> None:
    """Continuous; a gap is no wider than what the node itself has missed."""
    for left, right in pairwise(forwarded):
        assert right.gap <= len(lost_between(left, right)), (left, right)
        if left.sent.stream is right.sent.stream and not right.starts:
            assert right.sent.seq > left.sent.seq, (left, right)


def ticks(us: int) -> int:
    return us * 9 // 100


def assert_timestamps(forwarded: list[Forwarded], aligned: int | None, hasty: bool) -> None:
    """One a picture, rising as the pictures were captured: of one encoding exactly, over switches nearly."""
    for left, right in pairwise(forwarded):
        step = right.timestamp - left.timestamp
        passed = ticks(right.sent.captured_us) - ticks(left.sent.captured_us)
        if left.picture == right.picture:
            assert step == 0, (left, right)
            continue
        assert step > 0, (left, right)
        if aligned is None or (hasty and not (left.live and right.live)):
            continue
        off = step - passed
        if left.sent.stream is right.sent.stream:
            assert abs(off) <= 1, (off, left, right)
        else:
            put_off = max(0, STEP - passed)  # not to go back
            assert -aligned <= off <= aligned + put_off, (off, put_off, left, right)


def assert_frames(forwarded: list[Forwarded]) -> None:
    """Another encoding begins with its key frame; what a frame leans on was sent, unless it never came."""
    assert forwarded[0].starts
    for left, right in pairwise(forwarded):
        if left.sent.stream is not right.sent.stream:
            assert right.starts, (left, right)
    sent = {number_of(packet.rtp.payload) for packet in forwarded}
    for run in runs(forwarded):
        ended_us = max(packet.at_us for packet in run)
        for packet in run:
            stream = packet.sent.stream
            for ref in packet.sent.frame.refs:
                withheld = (set(stream.frame_numbers[id(ref)]) & stream.arrived.keys()) - sent
                in_time = [stream.publisher.sent[n] for n in withheld if stream.arrived[n] <= ended_us]
                assert not in_time, (packet, in_time)


def runs(forwarded: list[Forwarded]) -> list[list[Forwarded]]:
    """From one start to the next; what comes after its end is of no use any more."""
    starts = [n for n, packet in enumerate(forwarded) if packet.starts]
    return [forwarded[start:end] for start, end in pairwise([*starts, len(forwarded)])]


def assert_markers(forwarded: list[Forwarded]) -> None:
    for left, right in pairwise(forwarded):
        if left.seq + 1 == right.seq and not right.starts:
            assert left.rtp.marker == (left.picture != right.picture), (left, right)


def assert_vp8(forwarded: list[Forwarded]) -> None:
    """RFC 7741 §4.2: its numbers have gaps only where the node missed something."""
    for left, right in pairwise(forwarded):
        before, after = (VpxPayloadDescriptor.parse(packet.rtp.payload)[0] for packet in (left, right))
        assert before.picture_id is not None
        assert after.picture_id is not None
        ahead = (after.picture_id - before.picture_id) & 0x7FFF
        if left.picture == right.picture:
            same = ("picture_id", "tl0picidx", "tid", "keyidx")
            assert [getattr(before, name) for name in same] == [getattr(after, name) for name in same]
            continue
        lost = {sent.capture for sent in lost_between(left, right)}
        assert 1 <= ahead <= 1 + len(lost - {left.sent.capture, right.sent.capture}), (ahead, left, right)
        if not lost:
            assert before.tl0picidx is not None
            assert after.tl0picidx is not None
            base = right.sent.frame.temporal == 0
            assert (after.tl0picidx - before.tl0picidx) & 0xFF == base, (left, right)
            assert before.keyidx is not None
            assert after.keyidx is not None
            key = right.sent.frame.key_picture
            assert (after.keyidx - before.keyidx) & 0x1F == key, (left, right)


def assert_descriptors(forwarded: list[Forwarded]) -> None:
    """Each can be read by what came before, and refers to the frames that it means."""
    known: Structure | None = None
    frames: dict[int, int] = {}  # extended frame number -> id() of the frame
    newest = -1
    for left, right in pairwise([None, *forwarded]):
        assert right is not None
        frame = right.sent.frame
        said = read_descriptor(right.rtp.extensions[DD], known)
        known = said.structure or known
        if newest < 0:
            newest = said.frame_number - 1
        number = newest + (said.frame_number - newest + 0x8000) % 0x10000 - 0x8000
        if left is not None and (left.sent.frame is frame and left.picture == right.picture):
            assert number == newest
            continue
        assert number > newest, (left, right)
        newest = number
        assert (said.spatial, said.temporal) == (frame.spatial, frame.temporal)
        frames[number] = id(frame)
        meant = {id(ref) for ref in frame.refs}
        for back in said.fdiffs:
            if number - back in frames:
                assert frames[number - back] in meant, (left, right)
        assert len(set(said.fdiffs)) == len(meant)
