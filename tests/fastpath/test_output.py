"""Datagrams to one destination of one size become one run; order and content stay."""

from hypothesis import given, settings
from hypothesis import strategies as st

from vpaas_core._fastpath.output import Outputs

A, B = ("192.0.2.1", 1000), ("2001:db8::1", 1000)
GSO_SEGMENTS_MAX, GSO_BYTES_MAX, MESSAGES_MAX = 64, 64000, 64

Written = tuple[bytes, tuple[str, int], int]


def datagrams(
    flushed: list[list[tuple[bytes, tuple[str, int], int, int]]],
) -> list[tuple[bytes, tuple[str, int]]]:
    """What the kernel makes of the runs."""
    result = []
    for messages in flushed:
        for data, to, segment, segments in messages:
            parts = [data[at : at + segment] for at in range(0, len(data), segment)]
            assert len(parts) == segments
            result += [(part, to) for part in parts]
    return result


def write(*sizes: int, to: tuple[str, int] = A) -> Outputs:
    output = Outputs()
    for number, size in enumerate(sizes):
        output.write(bytes([number % 256]) * size, to)
    output.flush()
    return output


def runs(output: Outputs) -> list[list[tuple[int, int, int]]]:
    return [
        [(len(data), segment, count) for data, _, segment, count in messages] for messages in output.flushed
    ]


def test_equal_sizes_are_one_run() -> None:
    assert runs(write(1200, 1200, 1200)) == [[(3600, 1200, 3)]]


def test_only_the_last_may_be_shorter() -> None:
    assert runs(write(1200, 1200, 300, 1200, 1200)) == [[(2700, 1200, 3), (2400, 1200, 2)]]
    assert runs(write(300, 1200)) == [[(300, 300, 1), (1200, 1200, 1)]]


def test_a_run_has_at_most_64_segments_and_fits_a_packet() -> None:
    assert runs(write(*[100] * 70)) == [[(6400, 100, 64), (600, 100, 6)]]
    assert runs(write(*[1500] * 50)) == [[(63000, 1500, 42), (12000, 1500, 8)]]


def test_another_destination_or_socket_is_another_run() -> None:
    output = Outputs()
    for to, socket in ((A, 0), (B, 0), (A, 0), (A, 1), (("192.0.2.1", 1001), 1)):
        output.write(b"x" * 100, to, socket)
    output.flush()
    assert runs(output) == [[(100, 100, 1)] * 5]


def test_full_messages_are_flushed_between() -> None:
    output = Outputs()
    for number in range(MESSAGES_MAX + 1):
        output.write(b"x" * 100, A if number % 2 else B)
    assert len(output.flushed) == 1
    output.flush()
    output.flush()
    assert [len(messages) for messages in output.flushed] == [64, 1]


def test_a_full_arena_is_flushed_between() -> None:
    output = write(*[1500] * 300)
    assert len(output.flushed) == 2
    assert len(datagrams(output.flushed)) == 300


@given(
    st.lists(st.tuples(st.integers(1, 1500), st.sampled_from([A, A, A, B]), st.integers(0, 1)), max_size=200)
)
@settings(max_examples=60, deadline=None)
def test_what_is_written_arrives_in_order(written: list[tuple[int, tuple[str, int], int]]) -> None:
    output = Outputs()
    expected = []
    for number, (size, to, socket) in enumerate(written):
        data = number.to_bytes(2) * (size // 2) + b"." * (size % 2)
        output.write(data, to, socket)
        expected.append((data, to))
    output.flush()
    assert datagrams(output.flushed) == expected
    for messages in output.flushed:
        assert len(messages) <= MESSAGES_MAX
        for data, _, segment, segments in messages:
            assert segments <= GSO_SEGMENTS_MAX
            assert len(data) <= GSO_BYTES_MAX
            assert segment * (segments - 1) < len(data) <= segment * segments
