"""The index estimate and the replay window, against twins written from RFC 3711's text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpaas_core._fastpath.replay import Replay

WINDOW = 1024


def estimate(highest: int, seq: int) -> int:
    """RFC 3711 §3.3.1 and appendix A, word for word."""
    roc, last = highest >> 16, highest & 0xFFFF
    v = roc
    if last < 32768 and seq - last > 32768:
        v = roc - 1
    elif last >= 32768 and last - 32768 > seq:
        v = roc + 1
    return (max(v, 0) << 16) | seq


def started_at(highest: int) -> Replay:
    replay = Replay()
    replay.accept(highest)
    return replay


def test_a_stream_starts_at_roc_0_with_any_sequence_number() -> None:
    replay = Replay()
    assert replay.highest is None
    assert replay.index(65535) == 65535
    replay.accept(65535)
    assert replay.highest == 65535


@pytest.mark.parametrize(
    ("highest", "seq", "index"),
    [
        (65535, 0, 65536),  # wraps
        (65536, 65535, 65535),  # the packet before the wrap, late
        (65540, 65530, 65530),
        (0x1FFFE, 3, 0x20003),
        (0x12345, 0x2346, 0x12346),
        (3, 65533, 65533),  # no index below 0: RFC 3711 would say ROC 2^32 - 1
    ],
)
def test_estimate(highest: int, seq: int, index: int) -> None:
    assert started_at(highest).index(seq) == index


@given(st.integers(0, 2**48 - 1), st.integers(0, 65535))
def test_estimate_is_the_rfcs(highest: int, seq: int) -> None:
    if (seq - highest) % 65536 != 32768:  # as far ahead as behind: a coin toss in the RFC
        assert started_at(highest).index(seq) == estimate(highest, seq)


def test_window_edges() -> None:
    replay = started_at(5000)
    assert not replay.fresh(5000)
    assert replay.fresh(5001)
    assert replay.fresh(5000 - WINDOW + 1)
    assert not replay.fresh(5000 - WINDOW)
    assert not replay.fresh(-1)


def test_a_jump_beyond_the_window_forgets_all_of_it() -> None:
    replay = started_at(10)
    replay.accept(10 + WINDOW)
    assert not replay.fresh(10)  # too old now
    assert all(replay.fresh(i) for i in range(11, 10 + WINDOW))


def test_a_refused_index_changes_nothing() -> None:
    replay = started_at(5000)
    replay.accept(5000 - WINDOW)
    replay.accept(-1)
    assert replay.highest == 5000
    assert replay.fresh(5000 - WINDOW + 1)


@given(
    st.integers(0, 2**40),
    st.lists(
        st.one_of(st.integers(-3, 3), st.integers(-1100, 1100), st.integers(-70000, 70000)), max_size=150
    ),
)
def test_window_is_a_set_of_the_newest(start: int, steps: list[int]) -> None:
    replay = Replay()
    seen: set[int] = set()
    highest = None
    at = start
    for step in steps:
        at += step
        fresh = at >= 0 and (highest is None or (at > highest - WINDOW and at not in seen))
        assert replay.fresh(at) == fresh
        replay.accept(at)
        if fresh:
            seen.add(at)
            highest = at if highest is None else max(at, highest)
        assert replay.highest == highest
