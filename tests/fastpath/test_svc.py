"""Layers of one stream: recordings are filtered and decoded, made-up streams lost, reordered and switched."""

import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.bitstream import Decoder, av1_temporal_unit, look, vp9_superframe
from tests.support.layered import LayeredPacket, pictures, recorded
from tests.support.svc_stream import (
    Packet,
    Stream,
    dependency_descriptor,
    make_stream,
    vp8_payload,
    vp9_payload,
    within,
)
from vpaas_core._fastpath.codecs.codec import Codec
from vpaas_core._fastpath.codecs.descriptor import Described, Describer
from vpaas_core._fastpath.codecs.svc import Svc, SvcDecision

DROP, FORWARD, LAST = SvcDecision.SVC_DROP, SvcDecision.SVC_FORWARD, SvcDecision.SVC_FORWARD_LAST
SIZES = [(320, 180), (640, 360), (1280, 720)]
L3T3 = [(spatial, temporal) for spatial in range(3) for temporal in range(3)]


# Recordings


def vp8_frame(payloads: Sequence[bytes]) -> bytes:
    return b"".join(VpxPayloadDescriptor.parse(payload)[1] for payload in payloads)


class Recording:
    """One recorded stream, and how each spatial layer of each picture looks when nothing below is dropped."""

    def __init__(
        self, name: str, codec: Codec, decoder: str, depacketize: Callable[[Sequence[bytes]], bytes]
    ) -> None:
        self.packets = next(iter(recorded(name).values()))
        self.codec = codec
        self.decoder = decoder
        self.depacketize = depacketize
        self.looks: dict[int, set[tuple[int, int, int]]] = {}
        for spatial in range(3):
            decoder_of_layer = Decoder(decoder)
            for picture in pictures(self.packets):
                payloads = [packet.payload for packet in picture if packet.frame.spatial <= spatial]
                (frame,) = decoder_of_layer.decode(depacketize(payloads))
                self.looks.setdefault(picture[0].timestamp, set()).add(look(frame))

    def watch(self, forwarded: list[tuple[LayeredPacket, SvcDecision]]) -> dict[int, tuple[int, int]]:
        """Decodes what a consumer gets: every picture comes at once and looks right. Sizes by timestamp."""
        decoder = Decoder(self.decoder)
        sizes = {}
        marked = {packet.seq: packet.marker or decision == LAST for packet, decision in forwarded}
        for picture in pictures([packet for packet, _ in forwarded]):
            assert [marked[packet.seq] for packet in picture] == [False] * (len(picture) - 1) + [True]
            (frame,) = decoder.decode(self.depacketize([packet.payload for packet in picture]))
            assert look(frame) in self.looks[picture[0].timestamp]
            sizes[picture[0].timestamp] = (frame.width, frame.height)
        assert decoder.flush() == []
        return sizes


RECORDINGS = {
    "VP9 by its payload": Recording("layers_vp9_L3T3_KEY", Codec.CODEC_VP9, "libvpx-vp9", vp9_superframe),
    "AV1": Recording("layers_av1_L3T3", Codec.CODEC_AV1, "libdav1d", av1_temporal_unit),
    "VP8": Recording("layers_vp8_3rid", Codec.CODEC_VP8, "vp8", vp8_frame),
}
by_descriptor = Recording.__new__(Recording)
by_descriptor.__dict__ = {**RECORDINGS["VP9 by its payload"].__dict__, "codec": Codec.CODEC_AV1}
RECORDINGS["VP9 by its dependency descriptor"] = by_descriptor
SVC = [name for name in RECORDINGS if name != "VP8"]


def select(recording: Recording, svc: Svc) -> list[tuple[LayeredPacket, SvcDecision]]:
    decided = [
        (packet, svc.decide(recording.codec, packet.payload, packet.dd)) for packet in recording.packets
    ]
    return [
        (packet, decision) for packet, decision in decided if isinstance(decision, SvcDecision) and decision
    ]


@pytest.mark.parametrize("name", SVC)
@pytest.mark.parametrize("target", L3T3)
def test_each_target_decodes_to_just_its_layer(name: str, target: tuple[int, int]) -> None:
    recording = RECORDINGS[name]
    svc = Svc(Describer(), *target)
    sizes = recording.watch(select(recording, svc))
    assert (svc.spatial, svc.temporal) == target
    expected = [
        picture[0].timestamp
        for picture in pictures(recording.packets)
        if picture[0].frame.temporal <= target[1]
    ]
    assert list(sizes) == expected
    # The recordings begin with fewer layers
    assert set(list(sizes.values())[2:] if target[1] == 0 else list(sizes.values())[8:]) == {SIZES[target[0]]}


@pytest.mark.parametrize("target", [0, 1, 2])
def test_temporal_layers_of_vp8_decode(target: int) -> None:
    recording = RECORDINGS["VP8"]
    sizes = recording.watch(select(recording, Svc(Describer(), 0, target)))
    kept = [
        picture[0].timestamp for picture in pictures(recording.packets) if picture[0].frame.temporal <= target
    ]
    assert list(sizes) == kept
    assert len(kept) < 20 or target == 2


@pytest.mark.parametrize("name", SVC)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_whatever_is_asked_for_every_picture_decodes(name: str, seed: int) -> None:
    rng = random.Random(seed)
    recording = RECORDINGS[name]
    svc = Svc(Describer(), *rng.choice(L3T3))
    forwarded = []
    for packet in recording.packets:
        if rng.random() < 0.08:
            svc.target(*rng.choice(L3T3))
        decision = svc.decide(recording.codec, packet.payload, packet.dd)
        assert isinstance(decision, SvcDecision)
        if decision:
            forwarded.append((packet, decision))
    if name == "AV1":  # S2 may be entered in the middle of a picture, whose marker then came twice
        ends = {packet.timestamp: packet.seq for packet, _ in forwarded}
        forwarded = [
            (packet, LAST if packet.seq == ends[packet.timestamp] else FORWARD) for packet, _ in forwarded
        ]
    recording.watch(forwarded)


def test_k_svc_sends_no_lower_layer_between_key_pictures() -> None:
    recording = RECORDINGS["VP9 by its payload"]
    for name, slack in (("VP9 by its payload", 3), ("VP9 by its dependency descriptor", 0)):
        forwarded = select(RECORDINGS[name], Svc(Describer(), 2, 2))
        between = [packet for packet, _ in forwarded if packet.frame.fdiffs not in ([], [1])]
        below = {(packet.timestamp, packet.frame.spatial) for packet in between if packet.frame.spatial < 2}
        assert len(below) <= slack  # until a frame has shown that it does not lean on the layer below
    assert len(recording.packets) > 100


def test_what_cannot_be_described_is_not_decided() -> None:
    recording = RECORDINGS["AV1"]
    svc = Svc(Describer(), 2, 2)
    packet = recording.packets[20]
    assert svc.decide(recording.codec, packet.payload, packet.dd) == Described.DESCRIBED_UNKNOWN_TEMPLATE
    assert svc.decide(recording.codec, packet.payload, b"\x80") == Described.DESCRIBED_MALFORMED
    assert svc.spatial == -1
    assert svc.wants_key_frame()


def test_a_stream_without_layers_is_let_through() -> None:
    svc = Svc(Describer(), 0, 0)
    assert svc.decide(Codec.CODEC_H264, b"\x41\x9a") == FORWARD
    assert svc.decide(Codec.CODEC_VP8, b"\x10\x01") == FORWARD


# Made-up streams


class Viewer:
    def __init__(self, stream: Stream, kind: str, target: tuple[int, int]) -> None:
        self.stream = stream
        self.kind = kind
        self.svc = Svc(Describer(), *target)
        self.decisions: dict[int, set[bool]] = {}  # of each frame

    def receive(self, packet: Packet) -> SvcDecision:
        if self.kind == "vp8":
            decision = self.svc.decide(Codec.CODEC_VP8, vp8_payload(packet))
        elif self.kind == "vp9":
            decision = self.svc.decide(Codec.CODEC_VP9, vp9_payload(packet))
        else:
            decision = self.svc.decide(Codec.CODEC_AV1, b"\x10", dependency_descriptor(self.stream, packet))
        if isinstance(decision, Described):  # of before the start
            assert decision == Described.DESCRIBED_UNKNOWN_TEMPLATE
            return DROP
        self.decisions.setdefault(packet.frame.number, set()).add(bool(decision))
        return decision

    def assert_nothing_is_missing(self) -> None:
        """Each frame that went out finds all it refers to, but what never arrived here either."""
        sent = {number for number, decided in self.decisions.items() if True in decided}
        for frame in self.stream.frames:
            if frame.number in sent:
                for ref in frame.refs:
                    assert ref.number in sent or ref.number not in self.decisions, (frame, ref)


def a_stream(
    rng: random.Random, kind: str, *, steady: bool = False, inter_layer: bool | None = None
) -> Stream:
    full = rng.random() < 0.5 if inter_layer is None else inter_layer
    spatial_layers = 1 if kind == "vp8" else rng.randrange(1, 4)
    return make_stream(rng, spatial_layers, rng.randrange(1, 4), inter_layer=full, steady=steady)


KINDS = pytest.mark.parametrize("kind", ["vp8", "vp9", "dd"])


@KINDS
@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_no_dependency_is_broken_by_switching(kind: str, seed: int) -> None:
    rng = random.Random(seed)
    stream = a_stream(rng, kind)
    viewer = Viewer(stream, kind, rng.choice(stream.targets))
    marks: Counter[int] = Counter()
    last: dict[int, bool] = {}
    entered = set()
    for packet in stream.packets():
        if rng.random() < 0.1:
            viewer.svc.target(*rng.choice(stream.targets))
            entered.add(packet.frame.picture)
        before = viewer.svc.spatial
        decision = viewer.receive(packet)
        if before < viewer.svc.spatial and packet.frame.spatial and not packet.frame.key_picture:
            entered.add(packet.frame.picture)  # by surprise: the layer below may have been marked already
        if decision:
            marked = packet.marker or decision == LAST
            marks[packet.frame.picture] += marked
            last[packet.frame.picture] = marked
    viewer.assert_nothing_is_missing()
    assert all(len(decided) == 1 for decided in viewer.decisions.values())
    if kind != "vp8":  # which says no ends: there the source's marker is the end
        assert all(last.values())
    assert all(count == 1 for picture, count in marks.items() if picture not in entered)


@KINDS
@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_no_dependency_is_broken_by_loss_and_reordering(kind: str, seed: int) -> None:
    rng = random.Random(seed)
    stream = a_stream(rng, kind)
    viewer = Viewer(stream, kind, rng.choice(stream.targets))
    loss, reach = rng.choice([(0.0, 4), (0.1, 0), (0.05, 12), (0.2, 40)])
    packets = [packet for packet in stream.packets() if rng.random() >= loss]
    late = rng.random() / 2
    order = {
        id(packet): i + (rng.random() * reach if rng.random() < late else 0)
        for i, packet in enumerate(packets)
    }
    packets.sort(key=lambda packet: order[id(packet)])
    starts = next(
        (i for i, p in enumerate(packets) if p.frame.key_picture and p.frame.spatial == 0 and p.starts), None
    )
    if starts is None:
        return
    for packet in packets[starts:]:
        if rng.random() < 0.1:
            viewer.svc.target(*rng.choice(stream.targets))
        viewer.receive(packet)
    viewer.assert_nothing_is_missing()


@KINDS
@pytest.mark.parametrize("inter_layer", [False, True])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_a_target_gets_exactly_its_frames(kind: str, inter_layer: bool, seed: int) -> None:
    rng = random.Random(seed)
    stream = a_stream(rng, kind, steady=True, inter_layer=inter_layer)
    target = rng.choice(stream.targets)
    viewer = Viewer(stream, kind, target)
    for packet in stream.packets():
        viewer.receive(packet)
    sent = {number for number, decided in viewer.decisions.items() if True in decided}
    expected = {frame.number for frame in stream.frames if within(frame, target, inter_layer)}
    assert expected <= sent
    # VP9's own descriptor tells only in time that K-SVC does not need the layers below
    assert len(sent - expected) <= (4 if kind == "vp9" else 0)
    assert (viewer.svc.spatial, viewer.svc.temporal) == target
    assert not viewer.svc.wants_key_frame()


@KINDS
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_temporal_layers_come_back_within_a_cycle_and_go_at_once(kind: str, seed: int) -> None:
    rng = random.Random(seed)
    spatial = 0 if kind == "vp8" else 1
    stream = make_stream(rng, spatial + 1, 3, inter_layer=True, steady=True)
    viewer = Viewer(stream, kind, (spatial, 0))
    first = stream.frames[0].picture
    highest: dict[int, int] = {}
    for packet in stream.packets():
        n = packet.frame.picture - first
        viewer.svc.target(spatial, 0 if n < 10 or n >= 30 else 2)
        if viewer.receive(packet):
            highest[n] = packet.frame.temporal
    assert set(highest) & set(range(10)) == {0, 4, 8}
    assert set(range(13, 30)) <= set(highest)
    assert set(highest) & set(range(30, 40)) == {32, 36}


def test_full_svc_goes_down_at_the_next_picture_and_up_at_the_next_key_picture() -> None:
    for kind in ("vp9", "dd"):
        stream = make_stream(random.Random(1), 3, 1, inter_layer=True, steady=True, pictures=12)
        for frame in stream.frames[3 * 8 :]:
            frame.refs = [ref for ref in frame.refs if ref.picture >= stream.frames[24].picture]
            frame.key_picture = frame.picture == stream.frames[24].picture
        for frame in stream.frames[24:27]:
            frame.dtis = [2 if frame.spatial <= target[0] else 0 for target in stream.targets]
        viewer = Viewer(stream, kind, (2, 0))
        seen: dict[int, int] = {}
        for packet in stream.packets():
            n = packet.frame.picture - stream.frames[0].picture
            if n == 4 and packet.frame.spatial == 1 and packet.starts:
                viewer.svc.target(0, 0)  # in the middle of a picture
            if n == 6:
                viewer.svc.target(2, 0)
            if viewer.receive(packet):
                seen[n] = packet.frame.spatial
        assert list(seen.values()) == [2, 2, 2, 2, 2, 0, 0, 0, 2, 2, 2, 2], kind


def test_k_svc_goes_down_at_a_key_picture_only() -> None:
    for kind in ("vp9", "dd"):
        stream = make_stream(random.Random(1), 2, 1, inter_layer=False, steady=True, pictures=10)
        viewer = Viewer(stream, kind, (1, 0))
        seen: dict[int, int] = {}
        for packet in stream.packets():
            n = packet.frame.picture - stream.frames[0].picture
            if n == 5:
                viewer.svc.target(0, 0)
                assert viewer.svc.spatial == 1
            if viewer.receive(packet):
                seen[n] = packet.frame.spatial
        assert set(seen.values()) == {1}
        assert viewer.svc.wants_key_frame()


def test_a_pause_forgets_and_a_key_frame_starts_again() -> None:
    for kind in ("vp8", "vp9", "dd"):
        stream = make_stream(random.Random(2), 1, 2, inter_layer=True, steady=True, pictures=8)
        viewer = Viewer(stream, kind, (0, 1))
        packets = list(stream.packets())
        assert viewer.receive(packets[0])
        viewer.svc.restart()
        assert viewer.svc.wants_key_frame()
        assert not viewer.receive(packets[3])
        assert viewer.receive(packets[0])


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(list(Codec)), st.binary(max_size=12), st.binary(max_size=24)), max_size=40
    )
)
def test_noise_decides_nothing_terrible(packets: list[tuple[Codec, bytes, bytes]]) -> None:
    recording = RECORDINGS["AV1"]
    svc = Svc(Describer(), 2, 2)
    svc.decide(recording.codec, recording.packets[0].payload, recording.packets[0].dd)
    for codec, payload, dd in packets:
        svc.decide(codec, payload, dd)
        svc.decide(Codec.CODEC_AV1, b"\x10", recording.packets[1].dd[:1] + dd)
        assert -1 <= svc.spatial <= 7
        assert -1 <= svc.temporal <= 7
