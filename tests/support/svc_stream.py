"""Made-up streams of layers with every dependency known, and descriptors that promise only what is true."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product

TEMPORAL_PATTERNS = {1: [0], 2: [0, 1], 3: [0, 2, 1, 2]}


@dataclass
class Frame:
    number: int
    picture: int
    spatial: int
    temporal: int
    key_picture: bool
    refs: list["Frame"]
    last_of_picture: bool = False
    dtis: list[int] = field(default_factory=list)
    switching_up: bool = False  # VP9's U
    sync: bool = False  # VP8's Y
    base_for_above: bool = False  # a frame of the next spatial layer refers to it

    @property
    def inter_predicted(self) -> bool:
        return any(ref.picture != self.picture for ref in self.refs)

    @property
    def inter_layer(self) -> bool:
        return any(ref.picture == self.picture for ref in self.refs)


@dataclass
class Packet:
    frame: Frame
    starts: bool
    ends: bool

    @property
    def marker(self) -> bool:
        return self.ends and self.frame.last_of_picture


@dataclass
class Stream:
    spatial_layers: int
    temporal_layers: int
    frames: list[Frame]

    @property
    def targets(self) -> list[tuple[int, int]]:
        return list(product(range(self.spatial_layers), range(self.temporal_layers)))

    def packets(self) -> Iterator[Packet]:
        for frame in self.frames:
            if frame.number % 3:
                yield Packet(frame, True, True)
            else:
                yield Packet(frame, True, False)
                yield Packet(frame, False, True)


def make_stream(
    rng: random.Random,
    spatial_layers: int,
    temporal_layers: int,
    *,
    inter_layer: bool,
    pictures: int = 40,
    steady: bool = False,
) -> Stream:
    """`inter_layer`: full SVC, else K-SVC.

    Unless `steady`, key pictures, refreshes of a layer and pauses of the highest come at random, and so do
    references within a temporal layer.
    """
    pattern = TEMPORAL_PATTERNS[temporal_layers]
    frames: list[Frame] = []
    latest: dict[tuple[int, int], Frame] = {}  # by layer, since its last frame that could be switched to
    phase = 0
    number = rng.randrange(0x10000)
    first_picture = rng.randrange(0x8000)
    active = spatial_layers
    for n in range(pictures):
        key = n == 0 or (not steady and rng.random() < 0.06)
        phase = 0 if key else (phase + 1) % len(pattern)
        temporal = pattern[phase]
        if key:
            latest.clear()
        if not steady and temporal == 0 and spatial_layers > 1:
            active = spatial_layers if key or rng.random() < 0.8 else spatial_layers - 1
            for t in range(temporal_layers):
                if active < spatial_layers:
                    latest.pop((spatial_layers - 1, t), None)
        refreshed = spatial_layers if steady or rng.random() > 0.1 else rng.randrange(1, spatial_layers + 1)
        for spatial in range(active):
            below = frames[-1] if spatial and frames and frames[-1].picture == first_picture + n else None
            refresh = temporal == 0 and (spatial >= refreshed or (spatial, 0) not in latest)
            if temporal and (spatial, 0) not in latest:
                continue
            if refresh and spatial and not key and not inter_layer:
                latest = {layer: frame for layer, frame in latest.items() if layer[0] != spatial}
                continue  # K-SVC: the layers below are not there to lean on
            refs = []
            if refresh and not key and spatial:
                for t in range(temporal_layers):
                    latest.pop((spatial, t), None)
            if not refresh:
                candidates = [latest[spatial, t] for t in range(temporal + 1) if (spatial, t) in latest]
                lower = [frame for frame in candidates if frame.temporal < temporal or temporal == 0]
                refs.append(max(lower, key=lambda frame: frame.picture))
                same = [frame for frame in candidates if frame.temporal == temporal and temporal]
                if same and not steady and rng.random() < 0.5 and same[0] is not refs[0]:
                    refs.append(same[0])
            if below and (inter_layer or key or refresh):
                refs.append(below)
                below.base_for_above = True
            if spatial and not refs:
                continue
            frames.append(Frame(number, first_picture + n, spatial, temporal, key, refs))
            number += 1
            latest[spatial, temporal] = frames[-1]
        frames[-1].last_of_picture = True
    stream = Stream(spatial_layers, temporal_layers, frames)
    for i, frame in enumerate(frames):
        tell_truth(stream, frame, following(frames, i), inter_layer)
    return stream


def following(frames: list[Frame], i: int) -> list[Frame]:
    """What comes behind frame i and could refer to what was before it."""
    behind = frames[i + 1 :]
    for n, frame in enumerate(behind):
        if frame.key_picture and frame.picture != frames[i].picture:
            return behind[:n]
    return behind


def within(frame: Frame, target: tuple[int, int], inter_layer: bool) -> bool:
    if frame.temporal > target[1] or frame.spatial > target[0]:
        return False
    return inter_layer or frame.spatial == target[0] or frame.base_for_above


def ancestors(frame: Frame, found: set[int] | None = None) -> set[int]:
    found = set() if found is None else found
    if frame.number not in found:
        found.add(frame.number)
        for ref in frame.refs:
            ancestors(ref, found)
    return found


def tell_truth(stream: Stream, frame: Frame, behind: list[Frame], inter_layer: bool) -> None:
    for target in stream.targets:
        if not within(frame, target, inter_layer):
            frame.dtis.append(0)
            continue
        future = [other for other in behind if within(other, target, inter_layer)]
        if not any(frame in other.refs for other in future):
            switch = False
            dti = 1
        else:
            known = ancestors(frame) | {other.number for other in future}
            switch = all(ref.number in known for other in future for ref in other.refs)
            dti = 2 if switch else 3
        frame.dtis.append(dti)
    t = frame.temporal
    frame.switching_up = all(
        not (ref.temporal > t and ref.picture < frame.picture)
        for other in behind
        if other.temporal > t and other.spatial == frame.spatial
        for ref in other.refs
    )
    base = max((f.picture for f in [*frame.refs, frame] if f.temporal == 0), default=None)
    frame.sync = (
        t > 0
        and base is not None
        and all(ref.temporal == 0 for ref in frame.refs)
        and all(
            not (ref.temporal and ref.picture < base)
            for other in behind
            if other is not frame
            for ref in other.refs
        )
    )


def vp8_payload(packet: Packet) -> bytes:
    f = packet.frame
    first = 0x80 | 0x10 * packet.starts
    picture = 0x8000 | (f.picture & 0x7FFF)
    descriptor = bytes([first, 0xE0]) + picture.to_bytes(2, "big") + bytes([f.picture // 4 & 0xFF])
    return descriptor + bytes([f.temporal << 6 | f.sync << 5, 0x01 if f.refs else 0x10])


def vp9_payload(packet: Packet) -> bytes:
    f = packet.frame
    flags = 0x80 | 0x40 * f.inter_predicted | 0x20 | 0x10 | 0x08 * packet.starts | 0x04 * packet.ends
    flags |= not f.base_for_above
    picture = 0x8000 | (f.picture & 0x7FFF)
    layers = f.temporal << 5 | f.switching_up << 4 | f.spatial << 1 | f.inter_layer
    back = [f.picture - ref.picture for ref in f.refs if ref.picture != f.picture]
    diffs = bytes(diff << 1 | (i < len(back) - 1) for i, diff in enumerate(back))
    return bytes([flags]) + picture.to_bytes(2, "big") + bytes([layers]) + diffs + b"frame"


def dependency_descriptor(stream: Stream, packet: Packet, active: int | None = None) -> bytes:
    """A template for each layer, which only names the targets; everything else is custom.

    `active`: mask of the decode targets still produced, to be told.
    """
    f = packet.frame
    structure = f.key_picture and f.spatial == 0 and packet.starts
    layers = stream.targets
    digits = f"{packet.starts:b}{packet.ends:b}{layers.index((f.spatial, f.temporal)):06b}"
    digits += f"{f.number & 0xFFFF:016b}{structure:b}{active is not None:b}110"
    if structure:
        digits += f"{0:06b}{len(layers) - 1:05b}"
        for this, other in pairwise(layers):
            digits += "01" if this[0] == other[0] else "10"
        digits += "11"
        for layer in layers:
            digits += "".join(
                "11" if layer[0] <= to[0] and layer[1] <= to[1] else "00" for to in stream.targets
            )
        digits += "0" * len(layers)  # no references
        digits += "0" * ((len(layers) + 1).bit_length() - 1)  # ns(): no chains
        digits += "0"  # no resolutions
    if active is not None:
        digits += f"{active:0{len(layers)}b}"
    digits += "".join(f"{dti:02b}" for dti in f.dtis)
    for ref in f.refs:
        digits += f"11{f.number - ref.number - 1:012b}"
    digits += "00"
    digits += "0" * (-len(digits) % 8)
    return int(digits, 2).to_bytes(len(digits) // 8, "big")
