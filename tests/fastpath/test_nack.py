from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpaas_core._fastpath.nack import Nacks

LIST_MAX = 512
RETRIES_MAX = 10
INTERVAL_US = 20_000
AGE_US = 2_000_000
REORDER_US = 2_000
KEY_FRAME_REACH = 8


def stream(*ext_seqs: int, now_us: int = 0) -> Nacks:
    nacks = Nacks()
    for ext_seq in ext_seqs:
        nacks.on_packet(ext_seq, now_us)
    return nacks


# What a packet means


@pytest.mark.parametrize(
    ("ext_seqs", "answers", "missing"),
    [
        ([7], [0], []),
        ([7, 8, 9], [0, 0, 0], []),
        ([7, 9], [0, 1], [8]),
        ([7, 12, 14], [0, 4, 1], [8, 9, 10, 11, 13]),
        ([7, 10, 9, 8], [0, 2, -1, -1], []),
        ([7, 10, 9, 9, 10], [0, 2, -1, 0, 0], [8]),  # duplicates
        ([7, 5, 8], [0, 0, 0], []),  # older than the first
        ([65534, 65537], [0, 2], [65535, 65536]),
        ([-3, 1], [0, 3], [2**32 - 2, 2**32 - 1, 0]),
        ([2**32 - 2, 2**32 + 1, 2**32], [0, 2, -1], [2**32 - 1]),
        ([7, 8 + LIST_MAX], [0, LIST_MAX], list(range(8, 8 + LIST_MAX))),
        ([7, 9 + LIST_MAX], [0, LIST_MAX + 1], []),
    ],
)
def test_packets(ext_seqs: list[int], answers: list[int], missing: list[int]) -> None:
    nacks = Nacks()
    assert [nacks.on_packet(ext_seq, 0) for ext_seq in ext_seqs] == answers
    assert nacks.missing == missing


# When to ask


def test_a_gap_is_asked_for_after_the_reordering_delay_and_then_every_interval() -> None:
    nacks = stream(10, 13, now_us=1000)
    assert nacks.due(1000 + REORDER_US - 1) == []
    asked_us = 1000 + REORDER_US
    for _ in range(RETRIES_MAX):
        assert nacks.due(asked_us) == [11, 12]
        assert nacks.due(asked_us + INTERVAL_US - 1) == []
        asked_us += INTERVAL_US
    assert nacks.missing == [11, 12]  # the last answer may be on its way
    assert nacks.due(asked_us) == []
    assert nacks.missing == []
    assert nacks.counters == (2 * RETRIES_MAX, 0, 2)


def test_the_interval_is_a_round_trip_when_that_is_longer() -> None:
    nacks = stream(10, 12)
    assert nacks.due(REORDER_US, rtt_us=150_000) == [11]
    assert nacks.due(REORDER_US + 149_999, rtt_us=150_000) == []
    assert nacks.due(REORDER_US + 150_000, rtt_us=150_000) == [11]


@pytest.mark.parametrize("rtt_us", [-1, 2**62])
def test_an_absurd_round_trip(rtt_us: int) -> None:
    nacks = stream(10, 12)
    assert nacks.due(REORDER_US, rtt_us) == [11]
    assert nacks.due(REORDER_US + INTERVAL_US, rtt_us) == ([11] if rtt_us < 0 else [])


def test_what_is_too_old_is_given_up() -> None:
    nacks = stream(10, 12)
    assert nacks.due(AGE_US - 1) == [11]
    assert nacks.due(AGE_US) == []
    assert nacks.missing == []
    assert nacks.counters == (1, 0, 1)


def test_reordering_costs_no_request_and_is_no_recovery() -> None:
    nacks = stream(10, 12, 11)
    assert nacks.due(REORDER_US) == []
    assert nacks.counters == (0, 0, 0)


def test_a_retransmission_is_a_recovery() -> None:
    nacks = stream(10, 13)
    assert nacks.due(REORDER_US) == [11, 12]
    assert nacks.on_packet(12, 30_000) == -1
    assert nacks.due(REORDER_US + INTERVAL_US) == [11]
    assert nacks.counters == (3, 1, 0)


def test_little_room_asks_for_the_oldest_first_and_for_the_rest_next_time() -> None:
    nacks = stream(65533, 65539)
    assert nacks.due(REORDER_US, room=2) == [65534, 65535]
    assert nacks.due(REORDER_US, room=2) == [0, 1]
    assert nacks.due(REORDER_US, room=2) == [2]
    assert nacks.due(REORDER_US, room=2) == []


@pytest.mark.parametrize("start_us", [2**32 - 1500, 2**40 - 1])
def test_the_clock_passes_32_bits(start_us: int) -> None:
    nacks = stream(10, 12, now_us=start_us)
    assert nacks.due(start_us + REORDER_US - 1) == []
    assert nacks.due(start_us + REORDER_US) == [11]
    assert nacks.due(start_us + REORDER_US + INTERVAL_US) == [11]
    assert nacks.due(start_us + AGE_US) == []
    assert nacks.missing == []


# Key frames and overflow


def test_a_key_frame_ends_the_need_for_what_is_older_than_its_parameter_sets() -> None:
    nacks = stream(0, 10, 100, 103)
    nacks.on_key_frame(103)
    assert nacks.missing == [*range(103 - KEY_FRAME_REACH, 100), 101, 102]
    assert nacks.due(REORDER_US) == nacks.missing


def test_a_late_key_frame_keeps_what_is_missing_after_it() -> None:
    nacks = stream(0, 20, 30)
    nacks.on_packet(15, 0)
    nacks.on_key_frame(15)
    assert nacks.missing == [*range(15 - KEY_FRAME_REACH, 15), *range(16, 20), *range(21, 30)]


def test_losing_more_than_the_list_holds_needs_a_key_frame() -> None:
    nacks = stream(0, 300)
    assert not nacks.key_frame_needed
    nacks.on_packet(300 + LIST_MAX, 0)
    assert nacks.key_frame_needed
    assert nacks.missing == []
    assert nacks.due(REORDER_US) == []
    assert nacks.counters == (0, 0, 299 + LIST_MAX - 1)
    assert nacks.on_packet(302 + LIST_MAX, 0) == 1  # it goes on from there
    nacks.on_key_frame(301 + LIST_MAX)  # an older one proves nothing
    assert nacks.key_frame_needed
    nacks.on_key_frame(302 + LIST_MAX)
    assert not nacks.key_frame_needed


def test_a_leap_of_any_size() -> None:
    nacks = stream(0)
    assert nacks.on_packet(2**40, 0) == 2**31 - 1
    assert nacks.key_frame_needed
    assert nacks.on_packet(2**40 + 2, 0) == 1


# Properties


@dataclass
class Twin:
    """The rules of nack.pxd without the arrangement: a dictionary of what is missing."""

    highest: int | None = None
    missing: dict[int, list[int]] = field(default_factory=dict)  # ext_seq: since_us, due_us, requests

    def on_packet(self, ext_seq: int, now_us: int) -> int:
        if self.highest is None:
            self.highest = ext_seq
        if ext_seq <= self.highest:
            return -1 if self.missing.pop(ext_seq, None) else 0
        gap = range(self.highest + 1, ext_seq)
        self.highest = ext_seq
        if len(self.missing) + len(gap) > LIST_MAX:
            self.missing.clear()
        else:
            self.missing |= {lost: [now_us, now_us + REORDER_US, 0] for lost in gap}
        return len(gap)

    def on_key_frame(self, ext_seq: int) -> None:
        for lost in [lost for lost in self.missing if lost < ext_seq - KEY_FRAME_REACH]:
            del self.missing[lost]

    def due(self, now_us: int, rtt_us: int, room: int) -> list[int]:
        asked = []
        for lost, entry in list(self.missing.items()):
            since_us, due_us, requests = entry
            if now_us - since_us >= AGE_US or (now_us >= due_us and requests == RETRIES_MAX):
                del self.missing[lost]
            elif now_us >= due_us and len(asked) < room:
                asked.append(lost)
                entry[1:] = [now_us + max(INTERVAL_US, min(rtt_us, AGE_US)), requests + 1]
        return asked


steps = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 1, 1, 2, 3, 7, 40, 600, -1, -2, -5, -30]),  # from the highest sequence number
        st.sampled_from([0, 500, 5_000, 40_000, 700_000]),  # us since the last packet
        st.sampled_from([None, 0, 1, 3, LIST_MAX]),  # room, when something is asked
        st.integers(0, 19).map(lambda n: n == 0),  # a key frame begins
    ),
    max_size=120,
)


@settings(max_examples=200)
@given(
    steps, st.sampled_from([0, 65_500, 2**31 - 20, 2**32 - 20, 2**40]), st.sampled_from([0, 30_000, 400_000])
)
def test_the_twin_asks_for_the_same(
    script: list[tuple[int, int, int | None, bool]], first: int, rtt_us: int
) -> None:
    nacks, twin = Nacks(), Twin()
    seen: set[int] = set()
    requests: dict[int, int] = {}
    now_us = 2**32 - 3_000_000
    highest = first
    for step, wait_us, room, key_frame in script:
        now_us += wait_us
        ext_seq = highest + step
        highest = max(highest, ext_seq)
        seen.add(ext_seq)
        assert nacks.on_packet(ext_seq, now_us) == twin.on_packet(ext_seq, now_us)
        if key_frame:
            nacks.on_key_frame(ext_seq)
            twin.on_key_frame(ext_seq)
        if room is not None:
            asked = twin.due(now_us, rtt_us, room)
            assert nacks.due(now_us, rtt_us, room) == [lost & 0xFFFF for lost in asked]
            assert not seen.intersection(asked)
            assert asked == sorted(asked)
            for lost in asked:
                requests[lost] = requests.get(lost, 0) + 1
        assert nacks.missing == [lost & 0xFFFFFFFF for lost in twin.missing]
    assert all(count <= RETRIES_MAX for count in requests.values())
    assert nacks.counters[0] == sum(requests.values())
