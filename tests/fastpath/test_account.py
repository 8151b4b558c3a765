"""Held against RFC 3550 appendices A.1, A.3 and A.8 in slow Python."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpaas_core._fastpath.account import Receptions

CLOCK_RATE = 90_000


class Twin:
    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.order: list[int] = []
        self.expected_prior = self.received_prior = 0
        self.jitter = 0.0
        self.transit: int | None = None

    def packet(self, ext_seq: int, timestamp: int, arrival_us: int) -> None:
        transit = arrival_us * CLOCK_RATE // 1_000_000 - timestamp
        if not self.seen or ext_seq > max(self.seen):
            if self.transit is not None:
                change = abs((transit - self.transit + (1 << 31)) % (1 << 32) - (1 << 31))
                if change < 5 * CLOCK_RATE:
                    self.jitter += (change - self.jitter) / 16
            self.transit = transit
        self.seen.add(ext_seq)

    def report(self) -> tuple[int, int]:
        expected = max(self.seen) - min(self.seen) + 1 if self.seen else 0
        received = len(self.seen)
        expected_now, received_now = expected - self.expected_prior, received - self.received_prior
        self.expected_prior, self.received_prior = expected, received
        lost_now = expected_now - received_now
        fraction = 0 if expected_now <= 0 or lost_now <= 0 else min(255, (lost_now << 8) // expected_now)
        return fraction, expected - received


@given(
    st.lists(
        st.one_of(st.tuples(st.integers(0, 200), st.integers(0, 50_000)), st.none()),  # None: a report
        max_size=120,
    ),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=200)
def test_loss_and_jitter(story: list[tuple[int, int] | None], base: int) -> None:
    ours, twin = Receptions(), Twin()
    now_us = 10_000_000
    for step in [*story, None]:
        if step is None:
            fraction, lost, jitter = ours.report()
            assert (fraction, lost) == twin.report()
            assert jitter == pytest.approx(twin.jitter, abs=2)  # ours is rounded to sixteenths at each step
            continue
        seq, late_us = step
        if seq in twin.seen:
            continue  # duplicates are dropped before
        now_us += 20_000
        timestamp = (base + seq * 1800) & 0xFFFFFFFF
        ours.packet(seq, timestamp, now_us + late_us, CLOCK_RATE)
        twin.packet(seq, timestamp, now_us + late_us)


def test_a_jump_of_the_senders_clock_is_no_jitter() -> None:
    reception = Receptions()
    for seq in range(100):
        reception.packet(seq, seq * 1800 + (0x40000000 if seq >= 50 else 0), seq * 20_000, CLOCK_RATE)
    assert reception.report() == (0, 0, 0)


def test_all_lost_but_one() -> None:
    reception = Receptions()
    reception.packet(0, 0, 0, CLOCK_RATE)
    reception.packet(100_000, 0, 0, CLOCK_RATE)
    assert reception.report()[:2] == (255, 99_999)
    assert reception.report()[:2] == (0, 99_999)
