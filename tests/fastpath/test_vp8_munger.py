"""A consumer's VP8 numbers: continuous over drops and switches, with gaps where packets were lost."""

import random
from itertools import pairwise
from typing import NamedTuple

import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.guarded import GuardedBuffer
from vpaas_core._fastpath.codecs.vp8_munger import Munger

GUARDED = GuardedBuffer()
PATTERN = [0, 2, 1, 2]


class Frame(NamedTuple):
    picture: int
    tl0: int
    key_index: int
    temporal: int
    key: bool
    wide: bool

    def payload(self, starts: bool = True) -> bytes:
        mask = 0x7FFF if self.wide else 0x7F
        picture = bytes(
            VpxPayloadDescriptor(
                int(starts),
                0,
                self.picture & mask,
                self.tl0 & 0xFF,
                (self.temporal, 0),
                self.key_index & 0x1F,
            )
        )
        if not self.wide:  # it writes 15 bits always
            picture = picture[:2] + picture[3:]
        return picture + (b"\x10" if self.key else b"\x11") + b"frame"


def stream(rng: random.Random, length: int, *, wide: bool) -> list[Frame]:
    picture, tl0, key_index = rng.randrange(0x8000), rng.randrange(256), rng.randrange(32)
    frames = []
    for n in range(length):
        temporal = PATTERN[n % 4]
        key = n == 0 or (temporal == 0 and rng.random() < 0.1)
        tl0 += temporal == 0
        key_index += key
        frames.append(Frame(picture + n, tl0, key_index, temporal, key, wide))
    return frames


def numbers(payload: bytes | None) -> tuple[int, int, int]:
    assert payload is not None
    descriptor, _ = VpxPayloadDescriptor.parse(payload)
    assert descriptor.picture_id is not None
    assert descriptor.tl0picidx is not None
    assert descriptor.keyidx is not None
    return descriptor.picture_id, descriptor.tl0picidx, descriptor.keyidx


def test_without_drops_nothing_changes() -> None:
    munger = Munger()
    for frame in stream(random.Random(1), 300, wide=True):
        payload = frame.payload()
        assert munger.packet(GUARDED.place(payload)) == payload


@pytest.mark.parametrize("wide", [False, True])
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_numbers_are_continuous_over_dropped_layers_and_switches(wide: bool, seed: int) -> None:
    rng = random.Random(seed)
    munger = Munger()
    bits = 0x7FFF if wide else 0x7F
    last: tuple[int, int, int] | None = None
    for source in range(4):
        frames = stream(rng, rng.randrange(5, 150), wide=wide)
        if source:
            munger.switch()
        highest = 2
        for frame in frames:
            highest = rng.randrange(3) if rng.random() < 0.1 else highest
            if frame.temporal > highest:
                munger.drop(frame.payload())
                munger.drop(frame.payload(starts=False))
                assert munger.packet(frame.payload(starts=False)) is None
                continue
            sent = numbers(munger.packet(GUARDED.place(frame.payload())))
            assert numbers(munger.packet(frame.payload(starts=False))) == sent
            if last is not None:
                assert sent[0] == (last[0] + 1) & bits
                assert sent[1] == (last[1] + (frame.temporal == 0)) & 0xFF
                assert sent[2] == (last[2] + frame.key) & 0x1F
            last = sent


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 32), wide=st.booleans())
def test_lost_and_late_packets_keep_their_place(seed: int, wide: bool) -> None:
    """Whatever the order of arrival, numbers rise with the frames, and a gap is as wide as what was lost."""
    rng = random.Random(seed)
    munger = Munger()
    frames = stream(rng, 200, wide=wide)
    fates = {
        frame: rng.choice(["sent"] * 6 + ["dropped"] * 2 * (frame.temporal > 0) + ["lost"])
        for frame in frames
    }
    fates[frames[0]] = "sent"
    arriving = [frame for frame in frames if fates[frame] != "lost"]
    delay = {frame: i + (rng.random() * 30 if rng.random() < 0.2 else 0) for i, frame in enumerate(arriving)}
    arriving = [arriving[0], *sorted(arriving[1:], key=delay.__getitem__)]
    newest = frames[0].picture - 1
    late_drops = set()
    sent: dict[Frame, int] = {}
    for frame in arriving:
        if fates[frame] == "dropped":
            late_drops |= {frame} if frame.picture < newest else set()
            munger.drop(frame.payload())
        else:
            sent[frame] = numbers(munger.packet(frame.payload()))[0]
        newest = max(newest, frame.picture)
    bits = 0x7FFF if wide else 0x7F
    in_order = [frame for frame in frames if frame in sent]
    for this, following in pairwise(in_order):
        between = frames[this.picture - frames[0].picture + 1 : following.picture - frames[0].picture]
        gaps = sum(fates[frame] == "lost" or frame in late_drops for frame in between)
        assert (sent[following] - sent[this]) & bits == 1 + gaps
    for frame in in_order[-20:]:  # again, as a retransmission
        assert numbers(munger.packet(frame.payload()))[0] == sent[frame]


def test_what_is_older_than_the_switch_or_than_memory_is_not_sent() -> None:
    munger = Munger()
    frames = stream(random.Random(2), 200, wide=True)
    for frame in frames[20:100]:
        munger.packet(frame.payload())
    assert munger.packet(frames[19].payload()) is None
    assert munger.packet(frames[30]._replace(key=False).payload()) is None
    assert munger.packet(frames[60].payload()) is not None
    munger.switch()
    assert munger.packet(frames[150]._replace(key=True).payload()) is not None
    assert munger.packet(frames[149].payload()) is None


def test_a_source_that_counts_anew_is_followed() -> None:
    munger = Munger()
    first, again = (stream(random.Random(seed), 40, wide=True) for seed in (3, 4))
    again = [frame._replace(picture=first[0].picture - 1000 + n) for n, frame in enumerate(again)]
    last = [numbers(munger.packet(frame.payload())) for frame in first][-1]
    sent = [numbers(munger.packet(frame.payload()))[0] for frame in again]
    assert sent == [(last[0] + 1 + n) & 0x7FFF for n in range(40)]


@pytest.mark.parametrize("payload", ["10 10", "90 40 05 10", "90 10 03 10", "90 20 60 10", "00 00"])
def test_only_what_is_there_is_written(payload: str) -> None:
    data = bytes.fromhex(payload)
    munger = Munger()
    for _ in range(2):
        assert munger.packet(GUARDED.place(data)) == data
        munger.drop(GUARDED.place(data))
    munger.switch()
    out = munger.packet(GUARDED.place(data))
    assert out is not None
    assert (len(out), out[-1]) == (len(data), data[-1])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.binary(min_size=1, max_size=8)), max_size=50))
def test_noise_is_rewritten_within_its_bounds(packets: list[tuple[int, bytes]]) -> None:
    munger = Munger()
    for action, payload in packets:
        try:
            if action == 0:
                munger.switch()
            elif action == 1:
                munger.drop(GUARDED.place(payload))
            else:
                out = munger.packet(GUARDED.place(payload))
                assert out is None or len(out) == len(payload)
        except ValueError:
            pass
