"""The dependency descriptor read and written slowly: a twin of the packet path's, by the specification.

AV1 RTP payload specification, appendix A.8; names are the specification's.
"""

import random
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import strategies as st


class Bits:
    def __init__(self, data: bytes) -> None:
        self.digits = "".join(f"{byte:08b}" for byte in data)
        self.at = 0

    def f(self, n: int) -> int:
        if self.at + n > len(self.digits):
            raise ValueError("cut short")
        self.at += n
        return int(self.digits[self.at - n : self.at] or "0", 2)

    def ns(self, n: int) -> int:
        w = n.bit_length()
        m = (1 << w) - n
        v = self.f(w - 1)
        return v if v < m else (v << 1) - m + self.f(1)


@dataclass
class Template:
    spatial: int
    temporal: int
    dtis: list[int] = field(default_factory=list)
    fdiffs: list[int] = field(default_factory=list)
    chains: list[int] = field(default_factory=list)


@dataclass
class Structure:
    template_id_offset: int
    templates: list[Template]
    protected_by: list[int]
    chain_count: int
    resolutions: list[tuple[int, int]]
    target_layers: list[tuple[int, int]]


@dataclass
class Descriptor:
    start: bool
    end: bool
    frame_number: int
    spatial: int
    temporal: int
    dtis: list[int]
    fdiffs: list[int]
    chains: list[int]
    structure: Structure | None
    active: int | None


def read_structure(bits: Bits) -> Structure:
    offset = bits.f(6)
    targets = bits.f(5) + 1
    templates = [Template(0, 0)]
    while (step := bits.f(2)) != 3:
        spatial, temporal = templates[-1].spatial, templates[-1].temporal
        if step == 1:
            temporal += 1
        elif step == 2:
            spatial, temporal = spatial + 1, 0
        templates.append(Template(spatial, temporal))
    for template in templates:
        template.dtis = [bits.f(2) for _ in range(targets)]
    for template in templates:
        while bits.f(1):
            template.fdiffs.append(bits.f(4) + 1)
    chain_count = bits.ns(targets + 1)
    protected_by = [bits.ns(chain_count) for _ in range(targets)] if chain_count else []
    for template in templates:
        template.chains = [bits.f(4) for _ in range(chain_count)]
    resolutions = []
    if bits.f(1):
        for _ in range(templates[-1].spatial + 1):
            width = bits.f(16) + 1
            resolutions.append((width, bits.f(16) + 1))
    return Structure(
        offset, templates, protected_by, chain_count, resolutions, target_layers(templates, targets)
    )


def target_layers(templates: list[Template], targets: int) -> list[tuple[int, int]]:
    layers = []
    for target in range(targets):
        inside = [t for t in templates if t.dtis[target]]
        layers.append(
            (max((t.spatial for t in inside), default=0), max((t.temporal for t in inside), default=0))
        )
    return layers


def read_descriptor(data: bytes, known: Structure | None) -> Descriptor:
    """`known` is the structure in force; raises ValueError when the descriptor cannot be read with it."""
    bits = Bits(data)
    start, end = bool(bits.f(1)), bool(bits.f(1))
    template_id, frame_number = bits.f(6), bits.f(16)
    structure = active = None
    custom = [0, 0, 0]
    if len(data) > 3:
        structure_present, active_present = bits.f(1), bits.f(1)
        custom = [bits.f(1) for _ in range(3)]
        if structure_present:
            known = structure = read_structure(bits)
            active = (1 << len(structure.target_layers)) - 1
        if known is None:
            raise ValueError("no structure")
        if active_present:
            active = bits.f(len(known.target_layers))
    if known is None:
        raise ValueError("no structure")
    index = (template_id - known.template_id_offset) % 64
    if index >= len(known.templates):
        raise ValueError("unknown template")
    template = known.templates[index]
    dtis, fdiffs, chains = template.dtis, template.fdiffs, template.chains
    if custom[0]:
        dtis = [bits.f(2) for _ in known.target_layers]
    if custom[1]:
        fdiffs = []
        while size := bits.f(2):
            fdiffs.append(bits.f(4 * size) + 1)
    if custom[2]:
        chains = [bits.f(8) for _ in range(known.chain_count)]
    return Descriptor(
        start, end, frame_number, template.spatial, template.temporal, dtis, fdiffs, chains, structure, active
    )


class Writer:
    def __init__(self) -> None:
        self.digits = ""

    def f(self, n: int, value: int) -> "Writer":
        assert 0 <= value < 1 << n
        self.digits += f"{value:0{n}b}" if n else ""
        return self

    def ns(self, n: int, value: int) -> "Writer":
        w = n.bit_length()
        m = (1 << w) - n
        return self.f(w - 1, value) if value < m else self.f(w, value + m)

    def data(self) -> bytes:
        digits = self.digits + "0" * (-len(self.digits) % 8)
        return int(digits, 2).to_bytes(len(digits) // 8, "big")


@st.composite
def structures(draw: st.DrawFn) -> Structure:
    targets = draw(st.integers(1, 32))
    chains = draw(st.integers(0, targets))
    templates = [Template(0, 0)]
    for step in draw(st.lists(st.integers(0, 2), max_size=63)):
        last = templates[-1]
        if step == 1 and last.temporal < 7:
            templates.append(Template(last.spatial, last.temporal + 1))
        elif step == 2 and last.spatial < 3:
            templates.append(Template(last.spatial + 1, 0))
        else:
            templates.append(Template(last.spatial, last.temporal))
    rng = random.Random(draw(st.integers(0, 1 << 32)))
    for template in templates:
        template.dtis = [rng.randrange(4) for _ in range(targets)]
        template.fdiffs = sorted(rng.sample(range(1, 17), rng.randrange(4)))
        template.chains = [rng.randrange(16) for _ in range(chains)]
    layers = target_layers(templates, targets)
    sizes = [(320 << i, 180 << i) for i in range(templates[-1].spatial + 1)] if rng.random() < 0.5 else []
    return Structure(
        draw(st.integers(0, 63)),
        templates,
        [rng.randrange(chains) for _ in range(targets)] if chains else [],
        chains,
        sizes,
        layers,
    )


def write_structure(w: Writer, s: Structure) -> None:
    targets = len(s.target_layers)
    w.f(6, s.template_id_offset).f(5, targets - 1)
    for this, following in pairwise(s.templates):
        same = (this.spatial, this.temporal) == (following.spatial, following.temporal)
        w.f(2, 0 if same else 1 if this.spatial == following.spatial else 2)
    w.f(2, 3)
    for template in s.templates:
        for dti in template.dtis:
            w.f(2, dti)
    for template in s.templates:
        for fdiff in template.fdiffs:
            w.f(1, 1).f(4, fdiff - 1)
        w.f(1, 0)
    w.ns(targets + 1, s.chain_count)
    if s.chain_count:
        for chain in s.protected_by:
            w.ns(s.chain_count, chain)
        for template in s.templates:
            for back in template.chains:
                w.f(4, back)
    w.f(1, bool(s.resolutions))
    for width, height in s.resolutions:
        w.f(16, width - 1).f(16, height - 1)


def write_descriptor(
    number: int,
    template: int,
    known: Structure,
    *,
    structure: bool = False,
    active: int | None = None,
    dtis: list[int] | None = None,
    fdiffs: list[int] | None = None,
    chains: list[int] | None = None,
    start: bool = True,
    end: bool = True,
) -> bytes:
    w = Writer()
    w.f(1, start).f(1, end).f(6, (template + known.template_id_offset) % 64).f(16, number % 0x10000)
    custom = [dtis is not None, fdiffs is not None, chains is not None]
    if not (structure or active is not None or any(custom)):
        return w.data()
    w.f(1, structure).f(1, active is not None)
    for flag in custom:
        w.f(1, flag)
    if structure:
        write_structure(w, known)
    if active is not None:
        w.f(len(known.target_layers), active)
    for dti in dtis or []:
        w.f(2, dti)
    if fdiffs is not None:
        for fdiff in fdiffs:
            size = 1 if fdiff <= 16 else 2 if fdiff <= 256 else 3
            w.f(2, size).f(4 * size, fdiff - 1)
        w.f(2, 0)
    for back in chains or []:
        w.f(8, back)
    return w.data()
