from hypothesis import given, settings
from hypothesis import strategies as st

from vpaas_core._fastpath.history import Ring


@given(st.lists(st.integers(0, 60), max_size=120))
@settings(max_examples=80)
def test_each_slot_has_the_last_packet_stored_there(ext_seqs: list[int]) -> None:
    ring, slots = Ring(16), dict[int, tuple[int, bytes]]()
    for turn, ext_seq in enumerate(ext_seqs):
        data = b"%d of turn %d" % (ext_seq, turn)
        ring.store(ext_seq, data)
        slots[ext_seq % 16] = ext_seq, data
        for wanted in range(61):
            expected = slots.get(wanted % 16, (None, None))
            assert ring.find(wanted) == (expected[1] if expected[0] == wanted else None)


def test_numbers_of_many_roll_overs_apart_are_not_mixed_up() -> None:
    ring = Ring(512)
    ring.store(1000, b"old")
    ring.store(1000 + 65536 * 3 - 512, b"new")
    assert ring.find(1000) is None
    assert ring.find(1000 + 65536) is None


def test_nothing_is_left_after_clear() -> None:
    ring = Ring(8)
    for ext_seq in range(20):
        ring.store(ext_seq, b"x")
    ring.clear()
    assert [ring.find(ext_seq) for ext_seq in range(20)] == [None] * 20
    ring.store(5, b"y")
    assert ring.find(5) == b"y"


@given(
    st.lists(st.integers(0, 200), max_size=60), st.integers(1, 3), st.lists(st.integers(0, 200), max_size=60)
)
@settings(max_examples=80)
def test_a_ring_that_grows_and_shrinks_loses_nothing_it_has_room_for(
    before: list[int], doublings: int, after: list[int]
) -> None:
    ring, slots = Ring(16), dict[int, int]()

    def store(ext_seq: int, size: int) -> None:
        ring.store(ext_seq, b"%d" % ext_seq)
        slots[ext_seq % size] = ext_seq

    for ext_seq in before:
        store(ext_seq, 16)
    for _ in range(doublings):
        assert ring.grow()
    size = 16 << doublings
    slots = {ext_seq % size: ext_seq for ext_seq in slots.values()}
    for ext_seq in after:
        store(ext_seq, size)
    kept = set(slots.values())
    assert {seq for seq in range(201) if ring.find(seq) == b"%d" % seq} == kept
    highest = max(kept, default=0)
    assert ring.shrink(16, highest)
    assert {seq for seq in range(201) if ring.find(seq) == b"%d" % seq} == {
        seq for seq in kept if highest - 16 < seq <= highest
    }
    for ext_seq in range(highest + 1, highest + 20):
        ring.store(ext_seq, b"%d" % ext_seq)
    assert ring.find(highest + 19) == b"%d" % (highest + 19)
