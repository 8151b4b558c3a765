"""10 for what gets through whole, 0 for what does not come at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpaas_core._fastpath.score import Scores


@pytest.mark.parametrize(
    ("lost", "repaired", "score"), [(0, 0, 10), (5, 0, 8), (5, 5, 10), (20, 0, 4), (20, 10, 7), (99, 0, 1)]
)
def test_the_share_delivered_to_the_fourth_power(lost: int, repaired: int, score: int) -> None:
    scores = Scores()
    scores.interval(0, 0, 0)
    assert scores.interval(100, lost, repaired) == score


def test_one_bad_second_does_not_make_a_bad_stream() -> None:
    scores = Scores()
    assert scores.interval(100, 20, 0) == 9
    assert [scores.interval(100, 0, 0) for _ in range(8)] == [9, 9, 9, 10, 10, 10, 10, 10]


def test_nothing_is_nothing_and_what_flows_again_is_believed() -> None:
    scores = Scores()
    assert scores.interval(0, 0, 0) == 0
    assert scores.interval(100, 0, 0) == 10


@given(
    st.lists(st.tuples(st.integers(-5, 1000), st.integers(-50, 2000), st.integers(-50, 2000)), max_size=20)
)
def test_it_is_always_between(intervals: list[tuple[int, int, int]]) -> None:
    scores = Scores()
    for each in intervals:
        assert 0 <= scores.interval(*each) <= 10
