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
