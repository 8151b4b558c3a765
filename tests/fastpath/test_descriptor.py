"""Descriptors of layers: the diagrams of the RFCs, recordings read twice, and noise."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.dependency import (
    Descriptor,
    Structure,
    Template,
    Writer,
    read_descriptor,
    structures,
    write_descriptor,
)
from tests.support.guarded import GuardedBuffer
from tests.support.layered import recorded
from vpaas_core._fastpath.codecs.codec import Codec
from vpaas_core._fastpath.codecs.dependency import DependencyReader, DependencyResult
from vpaas_core._fastpath.codecs.descriptor import Described, Describer, LayersBy, LayersFlag

GUARDED = GuardedBuffer()
GUARDED_DD = GuardedBuffer()
STARTS, ENDS, KEY, INTRA = (
    LayersFlag.LAYERS_STARTS,
    LayersFlag.LAYERS_ENDS,
    LayersFlag.LAYERS_KEY,
    LayersFlag.LAYERS_INTRA,
)


def bits(text: str) -> bytes:
    """Bytes of 0 and 1, fields apart as they stand in an RFC's diagram."""
    digits = "".join(text.split())
    return int(digits, 2).to_bytes(len(digits) // 8, "big")


def describe(
    codec: Codec, payload: bytes, dd: bytes = b"", describer: Describer | None = None
) -> dict[str, Any]:
    layers = (describer or Describer()).describe(codec, GUARDED.place(payload), GUARDED_DD.place(dd))
    assert isinstance(layers, dict), layers
    return layers


# VP8 (RFC 7741 §4.2)


@pytest.mark.parametrize(
    ("descriptor", "expected"),
    [
        # X R N S R PID: nothing is said of layers
        ("0 0 0 1 0 000", {"by": LayersBy.BY_NOTHING, "flags": STARTS | KEY | INTRA}),
        ("0 0 0 1 0 001", {"by": LayersBy.BY_NOTHING, "flags": 0}),
        # X R N S R PID  I L T K RSV  M PictureID  TL0PICIDX  TID Y KEYIDX
        (
            "1 0 0 1 0 000  1 1 1 1 0000  1 000000000010001  00000111  01 1 00100",
            {
                "by": LayersBy.BY_VP8,
                "flags": STARTS | KEY | INTRA | LayersFlag.LAYERS_SYNC | LayersFlag.LAYERS_PICTURE_15,
                "picture": 17,
                "layer": 1,
                "tl0_picture": 7,
                "picture_at": 2,
                "tl0_at": 4,
                "key_index_at": 5,
            },
        ),
        (
            "1 0 1 0 0 000  1 1 1 0 0000  0 0010001  00000111  10 0 00100",
            {
                "by": LayersBy.BY_VP8,
                "flags": LayersFlag.LAYERS_NON_REFERENCE,
                "picture": 17,
                "layer": 2,
                "tl0_picture": 7,
                "picture_at": 2,
                "tl0_at": 3,
            },
        ),
        # A picture id, but no temporal layers
        (
            "1 0 0 0 0 000  1 0 0 0 0000  0 0010001",
            {"by": LayersBy.BY_NOTHING, "flags": 0, "picture_at": 2},
        ),
        # KEYIDX without the rest
        ("1 0 0 0 0 000  0 0 0 1 0000  00 0 00011", {"by": LayersBy.BY_NOTHING, "key_index_at": 2}),
    ],
)
def test_vp8(descriptor: str, expected: dict[str, int]) -> None:
    data = bits(descriptor)
    assert expected.items() <= describe(Codec.CODEC_VP8, data + b"\x10").items()
    for cut in range(len(data)):
        assert (
            Describer().describe(Codec.CODEC_VP8, GUARDED.place(data[:cut])) == Described.DESCRIBED_MALFORMED
        )


# VP9 (RFC 9628 §4.2)

P_AND_LAYERS = "1 1 1 1 1 1 0 1"


@pytest.mark.parametrize(
    ("descriptor", "expected", "sizes"),
    [
        # I P L F B E V Z: no layers
        ("0 0 0 0 1 1 0 0", {"by": LayersBy.BY_NOTHING, "flags": STARTS | ENDS | KEY | INTRA}, []),
        # Layers, but no picture id
        ("0 1 1 0 0 0 0 0  001 0 001 1  00000101", {"by": LayersBy.BY_NOTHING, "tl0_at": 2}, []),
        # Flexible mode: ... M PICTURE ID  TID U SID D  P_DIFF N
        (
            f"{P_AND_LAYERS}  1 000000000000101  010 1 001 1  0000001 1  0000010 0",
            {
                "by": LayersBy.BY_VP9,
                "flags": STARTS
                | ENDS
                | LayersFlag.LAYERS_INTER_LAYER
                | LayersFlag.LAYERS_NOT_BELOW
                | LayersFlag.LAYERS_SWITCHING_UP
                | LayersFlag.LAYERS_PICTURE_15,
                "picture": 5,
                "layer": 0x12,
                "picture_at": 1,
                "tl0_at": 0,
            },
            [],
        ),
        # Non-flexible mode, with TL0PICIDX
        (
            "1 1 1 0 0 0 0 0  0 0000101  001 0 010 0  00001001",
            {"by": LayersBy.BY_VP9, "flags": 0, "picture": 5, "layer": 0x21, "tl0_picture": 9, "tl0_at": 3},
            [],
        ),
        # Scalability structure: N_S Y G  WIDTH HEIGHT (N_S + 1 times)  N_G  TID U R, R times P_DIFF
        (
            "1 0 1 0 1 0 1 0  0 0000101  000 1 000 0  00001001"
            "001 1 1 000  0000000101000000 0000000010110100  0000001010000000 0000000101101000"
            "00000010  000 1 01 00  00000010  001 1 01 00  00000001",
            {"by": LayersBy.BY_VP9, "flags": STARTS | KEY | INTRA | 64 | LayersFlag.LAYERS_STRUCTURE},
            [(320, 180), (640, 360)],
        ),
        # ... in flexible mode behind the reference differences, without sizes
        (
            "1 1 1 1 1 0 1 0  0 0000101  000 0 000 0  0000001 0  010 0 0 000",
            {"by": LayersBy.BY_VP9, "flags": STARTS | LayersFlag.LAYERS_STRUCTURE},
            [(0, 0), (0, 0), (0, 0)],
        ),
    ],
)
def test_vp9(descriptor: str, expected: dict[str, int], sizes: list[tuple[int, int]]) -> None:
    data = bits(descriptor)
    describer = Describer()
    layers = describe(Codec.CODEC_VP9, data, describer=describer)
    assert expected.items() <= layers.items()
    assert describer.sizes() == sizes
    shortest = len(data) - (
        2 if descriptor.startswith(P_AND_LAYERS) else 0
    )  # P_DIFF is the decoder's to read
    for cut in range(shortest):
        cut_short = Describer()
        assert cut_short.describe(Codec.CODEC_VP9, GUARDED.place(data[:cut])) == Described.DESCRIBED_MALFORMED
        assert cut_short.sizes() == []


# The dependency descriptor (AV1 RTP payload specification, appendix A)


def assert_same(read: dict[str, object] | DependencyResult, oracle: Descriptor) -> None:
    assert isinstance(read, dict), read
    assert read == {
        "starts": oracle.start,
        "ends": oracle.end,
        "frame_number": oracle.frame_number,
        "spatial": oracle.spatial,
        "temporal": oracle.temporal,
        "dtis": oracle.dtis,
        "refs": [fdiff for fdiff in sorted(set(oracle.fdiffs)) if fdiff <= 32],
        "refs_far": any(fdiff > 32 for fdiff in oracle.fdiffs),
        "chains": oracle.chains,
        "structure": read["structure"],
    }


@pytest.mark.parametrize("name", ["layers_vp8_3rid", "layers_vp9_L3T3_KEY", "layers_av1_L3T3"])
def test_recordings_are_read_as_by_the_slow_twin(name: str) -> None:
    for packets in recorded(name).values():
        reader = DependencyReader()
        for packet in packets:
            assert_same(reader.read(GUARDED_DD.place(packet.dd)), packet.frame)
            if packet.frame.structure:
                expected = packet.frame.structure
                state = reader.structure()
                assert state["target_layers"] == expected.target_layers
                assert state["chain_of_target"] == expected.protected_by
                assert state["sizes"] == expected.resolutions
            if packet.frame.active is not None:
                assert reader.structure()["active"] == packet.frame.active
            chain_of = reader.structure()["chain_of_target"]
            assert isinstance(chain_of, list)
            for target, chain in enumerate(chain_of):
                back = packet.frame.chains[chain]
                previous = (packet.frame.frame_number - back) % 0x10000 if back else -1
                assert reader.chain_previous(target) == previous


def test_vp9_says_the_same_in_its_payload_and_in_the_dependency_descriptor() -> None:
    """Two encodings of one truth: Chromium writes both."""
    (packets,) = recorded("layers_vp9_L3T3_KEY").values()
    describer = Describer()
    assert len(packets) > 100
    seen = set()
    for packet in packets:
        by_payload = describe(Codec.CODEC_VP9, packet.payload, packet.dd, describer)
        by_descriptor = describe(Codec.CODEC_H264, packet.payload, packet.dd, describer)
        assert by_payload["by"] == LayersBy.BY_VP9
        assert by_descriptor["by"] == LayersBy.BY_DEPENDENCY
        assert by_payload["layer"] == by_descriptor["layer"]
        same = STARTS | ENDS | KEY
        assert by_payload["flags"] & same == by_descriptor["flags"] & same
        needs_lower = bool(by_payload["flags"] & LayersFlag.LAYERS_INTER_LAYER)
        assert needs_lower == (by_descriptor["layer"] >= 0x10 and bool(by_descriptor["refs"] & 1))
        seen.add(by_payload["layer"])
    assert seen == {spatial << 4 | temporal for spatial in range(3) for temporal in range(3)}
    assert describer.sizes() == [(320, 180), (640, 360), (1280, 720)]


def test_vp8_without_temporal_layers_of_its_own_is_described_by_the_dependency_descriptor() -> None:
    for packets in recorded("layers_vp8_3rid").values():
        describer = Describer()
        layers = [describe(Codec.CODEC_VP8, packet.payload, packet.dd, describer) for packet in packets]
        assert {layer["by"] for layer in layers} == {LayersBy.BY_DEPENDENCY}
        assert {layer["layer"] for layer in layers} == {0, 1, 2}
        for layer, packet in zip(layers, packets, strict=True):
            begins_key = packet.frame.start and not packet.frame.fdiffs
            assert bool(layer["flags"] & KEY) == begins_key


def test_codecs_without_descriptor_still_tell_key_frames() -> None:
    layers = describe(Codec.CODEC_H264, b"\x67\x42\xe0\x1f")
    assert (layers["by"], layers["flags"]) == (LayersBy.BY_NOTHING, STARTS | KEY | INTRA)
    assert describe(Codec.CODEC_H264, b"\x41\x9a")["flags"] == 0


@settings(max_examples=60, deadline=None)
@given(structures(), st.data())
def test_any_structure_is_read_as_by_the_slow_twin(structure: Structure, data: st.DataObject) -> None:
    reader = DependencyReader()
    targets = len(structure.target_layers)
    number = data.draw(st.integers(0, 0xFFFF))
    first = write_descriptor(number, 0, structure, structure=True)
    assert read_descriptor(first, None).structure == structure
    assert_same(reader.read(GUARDED_DD.place(first)), read_descriptor(first, None))
    state = reader.structure()
    assert state["target_layers"] == structure.target_layers
    assert state["templates"] == len(structure.templates)
    mask = (1 << targets) - 1
    assert state["active"] == mask
    for _ in range(6):
        number += data.draw(st.integers(1, 100))
        active = data.draw(st.none() | st.integers(0, mask))
        packet = write_descriptor(
            number,
            data.draw(st.integers(0, len(structure.templates) - 1)),
            structure,
            active=active,
            dtis=data.draw(st.none() | st.lists(st.integers(0, 3), min_size=targets, max_size=targets)),
            fdiffs=data.draw(st.none() | st.lists(st.integers(1, 4096), max_size=6)),
            chains=data.draw(
                st.none()
                | st.lists(
                    st.integers(0, 255), min_size=structure.chain_count, max_size=structure.chain_count
                )
            ),
        )
        assert_same(reader.read(GUARDED_DD.place(packet)), read_descriptor(packet, structure))
        mask = mask if active is None else active
        assert reader.structure()["active"] == mask
    best = reader.structure()["best"]
    assert isinstance(best, list)
    for spatial in range(4):
        for temporal in range(8):
            possible = [
                layer
                for i, layer in enumerate(structure.target_layers)
                if mask >> i & 1 and layer[0] <= spatial and layer[1] <= temporal
            ]
            chosen = best[spatial][temporal]
            assert chosen == 255 if not possible else structure.target_layers[chosen] == max(possible)


def small_structure(offset: int, layers: int = 2) -> Structure:
    templates = [Template(0, t, [2 if t <= d else 0 for d in range(layers)], [], []) for t in range(layers)]
    return Structure(offset, templates, [], 0, [], [(0, d) for d in range(layers)])


UNKNOWN = DependencyResult.DD_UNKNOWN_TEMPLATE
MALFORMED = DependencyResult.DD_MALFORMED


def test_nothing_is_said_before_the_structure_came() -> None:
    reader = DependencyReader()
    structure = small_structure(0)
    assert reader.read(write_descriptor(7, 0, structure)) == UNKNOWN
    assert reader.read(write_descriptor(7, 0, structure, active=3)) == UNKNOWN
    assert isinstance(reader.read(write_descriptor(5, 0, structure, structure=True)), dict)
    assert isinstance(reader.read(write_descriptor(7, 0, structure)), dict)


def test_a_lost_structure_is_noticed_and_nothing_is_read_by_the_old_one() -> None:
    reader = DependencyReader()
    old, new = small_structure(0), small_structure(2, 3)
    reader.read(write_descriptor(1, 0, old, structure=True))
    first_of_new = write_descriptor(10, 0, new, structure=True)
    assert reader.read(write_descriptor(11, 1, new)) == UNKNOWN
    assert reader.read(write_descriptor(12, 2, new, active=7)) == UNKNOWN
    assert reader.structure()["active"] == 3
    # It comes after all, retransmitted; then a packet from before it
    assert isinstance(reader.read(first_of_new), dict)
    assert isinstance(reader.read(write_descriptor(12, 2, new)), dict)
    assert reader.read(write_descriptor(9, 1, old)) == UNKNOWN
    # An old structure, late, does not replace the new one
    generation = reader.structure()["generation"]
    assert reader.read(write_descriptor(1, 0, old, structure=True)) == UNKNOWN
    assert reader.structure()["generation"] == generation
    assert isinstance(reader.read(write_descriptor(13, 0, new)), dict)


def test_a_packet_from_before_the_structure_is_not_read_by_it() -> None:
    """Template ids of the two overlap, as of a sender that does not move them on."""
    reader = DependencyReader()
    reader.read(write_descriptor(1, 0, small_structure(0), structure=True))
    reader.read(write_descriptor(10, 0, small_structure(0, 3), structure=True))
    assert reader.read(write_descriptor(9, 1, small_structure(0))) == UNKNOWN


def test_frame_numbers_may_begin_anew_with_a_structure() -> None:
    reader = DependencyReader()
    reader.read(write_descriptor(40000, 0, small_structure(0), structure=True))
    assert isinstance(reader.read(write_descriptor(30000, 0, small_structure(5), structure=True)), dict)
    assert isinstance(reader.read(write_descriptor(30001, 1, small_structure(5))), dict)


def test_a_structure_outlives_the_wrap_of_frame_numbers() -> None:
    reader = DependencyReader()
    structure = small_structure(60, 5)  # template ids wrap as well
    reader.read(write_descriptor(65000, 0, structure, structure=True))
    for number in range(65001, 65000 + 0x20000, 997):
        assert isinstance(reader.read(write_descriptor(number, number % 5, structure)), dict)


def test_a_structure_sent_again_changes_nothing() -> None:
    reader = DependencyReader()
    structure = small_structure(3)
    reader.read(write_descriptor(1, 0, structure, structure=True))
    generation = reader.structure()["generation"]
    read = reader.read(write_descriptor(50, 0, structure, structure=True))
    assert isinstance(read, dict)
    assert read["structure"]
    assert reader.structure()["generation"] == generation
    reader.read(write_descriptor(60, 0, small_structure(9), structure=True))
    assert reader.structure()["generation"] != generation


def test_an_old_mask_of_active_targets_does_not_replace_a_newer_one() -> None:
    reader = DependencyReader()
    structure = small_structure(0)
    reader.read(write_descriptor(1, 0, structure, structure=True))
    reader.read(write_descriptor(9, 0, structure, active=1))
    reader.read(write_descriptor(8, 0, structure, active=2))
    assert reader.structure()["active"] == 1


def test_too_many_layers_or_templates_are_refused() -> None:
    for steps in ([2] * 4, [1] * 8, [0] * 64):
        w = Writer().f(8, 0xC0).f(16, 1).f(5, 16).f(6, 0).f(5, 0)
        for step in steps:
            w.f(2, step)
        assert DependencyReader().read(GUARDED_DD.place(w.f(2, 3).f(400, 0).data())) == MALFORMED


@settings(max_examples=40, deadline=None)
@given(structures())
def test_descriptors_cut_anywhere_change_nothing(structure: Structure) -> None:
    whole = write_descriptor(100, 0, structure, structure=True, active=0, fdiffs=[3, 300], chains=None)
    reader = DependencyReader()
    reader.read(write_descriptor(1, 0, small_structure(0), structure=True))
    before = reader.structure()
    for cut in range(len(whole)):
        if cut == 3:
            continue  # the mandatory fields alone are a descriptor
        assert reader.read(GUARDED_DD.place(whole[:cut])) == MALFORMED
        assert reader.structure() == before


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["layers_av1_L3T3", "layers_vp8_3rid"]), st.integers(0, 1 << 32))
def test_flipped_bits_are_read_as_by_the_slow_twin_or_refused(name: str, seed: int) -> None:
    rng = random.Random(seed)
    packets = RECORDED[name]
    reader = DependencyReader()
    reader.read(packets[0].dd)
    for packet in rng.sample(packets, 8):
        damaged = bytearray(packet.dd)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(8 * len(damaged))
            damaged[at >> 3] ^= 0x80 >> (at & 7)
        read = reader.read(GUARDED_DD.place(bytes(damaged)))
        if isinstance(read, dict) and read["structure"]:
            assert_same(read, read_descriptor(bytes(damaged), None))
        state = reader.structure()
        assert state["templates"] in range(1, 65)


RECORDED = {name: next(iter(recorded(name).values())) for name in ("layers_av1_L3T3", "layers_vp8_3rid")}


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(list(Codec)), st.binary(max_size=60), st.binary(max_size=120))
def test_noise_is_described_within_its_bounds(codec: Codec, payload: bytes, dd: bytes) -> None:
    describer = Describer()
    describer.describe(Codec.CODEC_AV1, b"\x08\x0a", RECORDED["layers_av1_L3T3"][0].dd)
    for cut in range(len(payload) + 1):
        describer.describe(codec, GUARDED.place(payload[:cut]), GUARDED_DD.place(dd))
    for cut in range(len(dd) + 1):
        describer.describe(codec, GUARDED.place(payload), GUARDED_DD.place(dd[:cut]))
