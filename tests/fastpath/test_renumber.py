"""Whatever the source does, what goes out is one stream, and no number in it stands for two packets."""

from hypothesis import given, settings
from hypothesis import strategies as st

from vpaas_core._fastpath.renumber import Renumberer

CLOCK_RATE = 90_000

# What may happen: packets, loss, lost ones after all, padding, a pause (us), another source after so many us
steps = st.lists(
    st.one_of(
        st.tuples(st.just("packets"), st.integers(1, 5)),
        st.tuples(st.just("lost"), st.integers(1, 70_000)),
        st.tuples(st.just("late"), st.integers(1, 4)),
        st.tuples(st.just("skip"), st.just(0)),
        st.tuples(st.just("pause"), st.integers(0, 10_000_000)),
        st.tuples(st.just("switch"), st.integers(0, 10_000_000)),
    ),
    max_size=60,
)


class Source:
    """Numbers of a stream as it arrives; `unsent` are those lost so far, which may still come."""

    def __init__(self, seq: int, timestamp: int) -> None:
        self.seq, self.timestamp = seq, timestamp
        self.unsent: list[tuple[int, int]] = []

    def next(self, packets: int = 1) -> tuple[int, int]:
        """Its next packet, or the last of the next ones."""
        self.seq += packets
        self.timestamp += 3000 * packets
        return self.seq, self.timestamp & 0xFFFFFFFF


def run(first: int, story: list[tuple[str, int]]) -> list[tuple[int, int, tuple[int, int]]]:
    """(outgoing number, unwrapped outgoing timestamp, packet) of everything that is sent, as it is sent."""
    numbers = Renumberer(first)
    source = Source(5000, 0xFFFFF000)
    now_us, name = 1_000_000, 0
    sent: list[tuple[int, int, tuple[int, int]]] = []

    def send(packet: tuple[int, int]) -> None:
        out = numbers.packet(*packet, now_us)
        if out is not None:
            timestamp = out[1]
            if sent:
                timestamp = sent[-1][1] + (timestamp - sent[-1][1] + (1 << 31)) % (1 << 32) - (1 << 31)
            sent.append((out[0], timestamp, (name, packet[0])))

    packet = source.next()
    numbers.sync(*packet, False, now_us, CLOCK_RATE)
    send(packet)
    for what, amount in story:
        if what == "packets":
            for _ in range(amount):
                now_us += 33_333
                send(source.next())
        elif what == "lost":
            source.next(max(0, amount - 20))
            source.unsent += [source.next() for _ in range(min(amount, 20))]
        elif what == "late":
            for _ in range(min(amount, len(source.unsent))):
                send(source.unsent.pop())
        elif what == "skip":
            numbers.skip(source.next()[0])
        elif what == "pause":
            now_us += amount
            source.next(amount // 100_000)
            source.unsent.clear()  # select_packet gives them up
            source.timestamp += amount * CLOCK_RATE // 1_000_000
            packet = source.next()
            numbers.sync(*packet, True, now_us, CLOCK_RATE)
            send(packet)
        else:
            now_us += amount
            name += 1
            source = Source(amount % 60_000, amount * 7919)
            packet = source.next()
            numbers.sync(*packet, False, now_us, CLOCK_RATE)
            send(packet)
    return sent


@given(st.integers(0, 70_000), steps)
@settings(max_examples=300, deadline=None)
def test_no_number_is_used_for_two_packets(first: int, story: list[tuple[str, int]]) -> None:
    numbers = [out_seq for out_seq, _, _ in run(first, story)]
    assert len(numbers) == len(set(numbers))


@given(st.integers(0, 70_000), steps)
@settings(max_examples=200, deadline=None)
def test_numbers_are_continuous_where_nothing_was_lost(first: int, story: list[tuple[str, int]]) -> None:
    story = [step for step in story if step[0] not in ("lost", "late")]
    sent = run(first, story)
    assert [out_seq for out_seq, _, _ in sent] == list(range(first, first + len(sent)))


@given(st.integers(0, 70_000), steps)
@settings(max_examples=200, deadline=None)
def test_time_never_goes_back(first: int, story: list[tuple[str, int]]) -> None:
    story = [step for step in story if step != "lost" and step[0] not in ("late", "lost")]
    timestamps = [timestamp for _, timestamp, _ in run(first, story)]
    assert timestamps == sorted(timestamps)
    assert len(set(timestamps)) == len(timestamps)


@given(st.integers(0, 70_000), steps)
@settings(max_examples=200, deadline=None)
def test_order_within_a_source_is_kept(first: int, story: list[tuple[str, int]]) -> None:
    sent = sorted(run(first, story))
    assert [packet for _, _, packet in sent] == sorted(packet for _, _, packet in sent)


def test_what_was_lost_is_a_gap_and_finds_its_place() -> None:
    numbers = Renumberer(100)
    numbers.sync(10, 0, False, 0, CLOCK_RATE)
    assert [numbers.packet(seq, seq * 10, 0) for seq in (10, 13, 12, 11)] == [
        (100, 100),
        (103, 130),
        (102, 120),
        (101, 110),
    ]


def test_what_is_older_than_the_start_is_not_sent() -> None:
    numbers = Renumberer(100)
    numbers.sync(10, 0, False, 0, CLOCK_RATE)
    assert numbers.packet(9, 0, 0) is None


def test_another_source_goes_on_after_the_time_that_has_passed() -> None:
    numbers = Renumberer(100)
    numbers.sync(10, 5000, False, 0, CLOCK_RATE)
    assert numbers.packet(10, 5000, 0) == (100, 5000)
    numbers.sync(77, 123456, False, 2_000_000, CLOCK_RATE)
    assert numbers.packet(77, 123456, 2_000_000) == (101, 5000 + 2 * CLOCK_RATE)
    numbers.sync(5, 99, False, 2_000_000, CLOCK_RATE)  # at the same moment
    assert numbers.packet(5, 99, 2_000_000) == (102, 5001 + 2 * CLOCK_RATE)


def test_late_packets_find_their_place_beside_skipped_ones() -> None:
    numbers = Renumberer(100)
    numbers.sync(10, 0, False, 0, CLOCK_RATE)
    assert numbers.packet(10, 0, 0) == (100, 0)
    assert numbers.skip(14) == -1  # 11, 12 and 13 are still missing: three numbers are kept for them
    assert numbers.packet(15, 0, 0) == (104, 0)
    assert numbers.packet(12, 0, 0) == (102, 0)
    assert numbers.skip(13) == 103  # was not to be sent, but its number is known to be missing
    assert numbers.packet(11, 0, 0) == (101, 0)
    assert numbers.packet(16, 0, 0) == (105, 0)
    for seq in range(17, 600):
        numbers.skip(seq)
    assert numbers.packet(11, 0, 0) is None  # nobody knows any more
    assert numbers.packet(600, 0, 0) == (106, 0)


def test_frames_of_the_past_are_stamped_as_of_now_and_the_present_follows() -> None:
    numbers = Renumberer(100)
    numbers.sync(10, 90_000, False, 0, CLOCK_RATE)  # by the clock of now; the frames were stamped before
    assert numbers.hasty(10, 0, 90_000, 0) == (100, 90_000)
    assert numbers.hasty(11, 0, 90_900, 10_000) == (101, 90_000)  # of the same frame
    assert numbers.hasty(12, 3000, 90_900, 10_000) == (102, 90_900)
    assert numbers.hasty(13, 6000, 90_900, 10_000) == (103, 90_990)  # at the same moment, still in order
    numbers.catch_up(89_000)
    assert numbers.packet(14, 89_000, 10_000) == (104, 91_080)
    assert numbers.packet(15, 92_000, 40_000) == (105, 94_080)
