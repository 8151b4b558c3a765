"""What is written of a dependency descriptor reads back the same, but for the consumer's own two fields."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.dependency import Structure, read_descriptor, structures, write_descriptor
from tests.support.guarded import GuardedBuffer
from tests.support.layered import recorded
from vpaas_core._fastpath.codecs.dependency_write import DependencyWriter

GROWTH = 5
IN, OUT = GuardedBuffer(), GuardedBuffer()


def write(
    writer: DependencyWriter, data: bytes, number: int, active: int | None, room: int | None = None
) -> bytes:
    out = OUT.place(b"\xa5" * (len(data) + GROWTH if room is None else room))
    size = writer.write(out, IN.place(data), number, active)
    return bytes(out[:size])


def assert_copied(
    writer: DependencyWriter, data: bytes, known: Structure, number: int, active: int | None
) -> bytes:
    """Also with just the room it takes, and none with less."""
    copy = write(writer, data, number, active)
    original = read_descriptor(data, known)
    mask = (1 << len((original.structure or known).target_layers)) - 1
    expected = replace(original, frame_number=number)
    if active is not None:
        expected = replace(expected, active=active & mask)
    assert read_descriptor(copy, known) == expected
    assert write(writer, data, number, active, len(copy)) == copy
    assert write(writer, data, number, active, len(copy) - 1) == b""
    return copy


@pytest.mark.parametrize("name", ["layers_vp8_3rid", "layers_vp9_L3T3_KEY", "layers_av1_L3T3"])
def test_recorded_descriptors_read_back_the_same(name: str) -> None:
    grown = 0
    for packets in recorded(name).values():
        writer = DependencyWriter()
        known = packets[0].frame.structure
        assert known is not None
        for n, packet in enumerate(packets):
            assert writer.read(packet.dd)
            known = packet.frame.structure or known
            assert write(writer, packet.dd, packet.frame.frame_number, None) == packet.dd
            assert_copied(writer, packet.dd, known, 0xFFFF - n, None)
            assert_copied(writer, packet.dd, known, n, 0b101_101_101)
            if packet.frame.active is not None and not packet.frame.structure:
                assert write(writer, packet.dd, packet.frame.frame_number, packet.frame.active) == packet.dd
            grown += len(packet.dd) == 3
    assert grown


@settings(max_examples=100, deadline=None)
@given(structures(), st.data())
def test_any_descriptor_reads_back_the_same(structure: Structure, data: st.DataObject) -> None:
    writer = DependencyWriter()
    first = write_descriptor(7, 0, structure, structure=True)
    targets, chains = len(structure.target_layers), structure.chain_count
    assert writer.read(first)
    for _ in range(6):
        original = write_descriptor(
            data.draw(st.integers(8, 200)),
            data.draw(st.integers(0, len(structure.templates) - 1)),
            structure,
            structure=data.draw(st.booleans()),
            active=data.draw(st.none() | st.integers(0, (1 << targets) - 1)),
            dtis=data.draw(st.none() | st.lists(st.integers(0, 3), min_size=targets, max_size=targets)),
            fdiffs=data.draw(st.none() | st.lists(st.integers(1, 4096), max_size=6)),
            chains=data.draw(st.none() | st.lists(st.integers(0, 255), min_size=chains, max_size=chains)),
            start=data.draw(st.booleans()),
            end=data.draw(st.booleans()),
        )
        number = data.draw(st.integers(0, 0xFFFF))
        assert_copied(writer, original, structure, number, None)
        active = data.draw(st.integers(0, 0xFFFFFFFF))
        copy = assert_copied(writer, original, structure, number, active)
        assert len(copy) <= len(original) + GROWTH
        assert write(writer, copy, number, active) == copy


@settings(max_examples=40, deadline=None)
@given(structures(), st.booleans(), st.booleans())
def test_descriptors_cut_anywhere_are_not_written(structure: Structure, brings: bool, custom: bool) -> None:
    writer = DependencyWriter()
    writer.read(write_descriptor(1, 0, structure, structure=True))
    whole = write_descriptor(2, 0, structure, structure=brings, active=1, fdiffs=[3, 300] if custom else None)
    for cut in range(len(whole)):
        if cut == 3:
            continue  # the mandatory fields alone are a descriptor
        assert write(writer, whole[:cut], 3, 1, 200) == b""
        assert len(write(writer, whole[:cut], 3, None)) == (cut if cut > 2 else 0)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=100), st.none() | st.integers(0, 0xFFFFFFFF), st.integers(0, 120))
def test_noise_is_copied_or_refused_within_its_bounds(data: bytes, active: int | None, room: int) -> None:
    (packets,) = recorded_av1
    for writer in (DependencyWriter(), DependencyWriter()):
        write(writer, data, 1, active, room)
        writer.read(packets[0].dd)
        write(writer, data, 1, active, room)


recorded_av1 = recorded("layers_av1_L3T3").values()


def test_without_the_structure_only_the_frame_number_can_be_written() -> None:
    (packets,) = recorded_av1
    writer = DependencyWriter()
    later = packets[20].dd
    assert write(writer, later, 9, 1) == b""
    assert write(writer, later, 9, None) == later[:1] + b"\x00\x09" + later[3:]
    assert write(writer, packets[0].dd, 9, 1)  # it brings its own
    writer.read(packets[0].dd)
    assert write(writer, later, 9, 1)
    foreign = bytes([later[0] & 0xC0 | (later[0] + 40) & 0x3F]) + later[1:]
    assert write(writer, foreign, 9, 1) == b""


@settings(max_examples=40, deadline=None)
@given(structures())
def test_a_wish_leaves_the_targets_that_ask_for_no_more(structure: Structure) -> None:
    writer = DependencyWriter()
    writer.read(write_descriptor(1, 0, structure, structure=True))
    layers = structure.target_layers
    for spatial in range(4):
        for temporal in range(8):
            within = [i for i, (s, t) in enumerate(layers) if s <= spatial and t <= temporal]
            mask = writer.active_for(spatial, temporal)
            assert [i for i in range(32) if mask >> i & 1] == (within or list(range(len(layers))))
