"""RFC 2198: blocks within blocks, read by a slow twin."""

from hypothesis import given
from hypothesis import strategies as st

from vpaas_core._fastpath.codecs import red

BLOCKS = st.lists(
    st.tuples(st.integers(0, 127), st.binary(max_size=60)), min_size=1, max_size=4
)  # (payload type, data), the primary last


def pack(blocks: list[tuple[int, bytes]]) -> bytes:
    *earlier, (primary, last) = blocks
    heads = b"".join(
        bytes([0x80 | payload_type]) + ((960 << 10) | len(data)).to_bytes(3) for payload_type, data in earlier
    )
    return heads + bytes([primary]) + b"".join(data for _, data in earlier) + last


@given(BLOCKS)
def test_the_primary_block_is_the_last(blocks: list[tuple[int, bytes]]) -> None:
    assert red.primary(pack(blocks)) == blocks[-1]


@given(BLOCKS)
def test_every_block_gets_its_payload_type(blocks: list[tuple[int, bytes]]) -> None:
    types = {payload_type: (payload_type + 5) % 128 for payload_type, _ in blocks}
    assert red.mapped(pack(blocks), types) == pack([(types[each], data) for each, data in blocks])
    del types[blocks[0][0]]
    assert red.mapped(pack(blocks), types) is None


@given(BLOCKS, st.integers(0, 300))
def test_what_is_cut_short_is_refused(blocks: list[tuple[int, bytes]], length: int) -> None:
    packed = pack(blocks)
    if length < len(packed) - len(blocks[-1][1]):
        assert red.primary(packed[:length]) is None
        assert red.mapped(packed[:length], dict.fromkeys(range(128), 1)) is None


@given(st.binary(max_size=80))
def test_anything_may_come(payload: bytes) -> None:
    found = red.primary(payload)
    assert found is None or payload.endswith(found[1])
    red.mapped(payload, dict.fromkeys(range(128), 1))
