"""The dependency descriptor read slowly: a twin of the packet path's reader, written from the specification.

AV1 RTP payload specification, appendix A.8; names are the specification's.
"""

from dataclasses import dataclass, field


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
    layers = []
    for target in range(targets):
        inside = [t for t in templates if t.dtis[target]]
        layers.append(
            (max((t.spatial for t in inside), default=0), max((t.temporal for t in inside), default=0))
        )
    return Structure(offset, templates, protected_by, chain_count, resolutions, layers)


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
