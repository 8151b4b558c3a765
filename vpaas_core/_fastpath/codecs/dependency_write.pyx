"""See dependency_write.pxd. Section numbers are those of appendix A of the AV1 RTP payload specification."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from vpaas_core._fastpath.codecs.bits cimport Bits, bits_init, f, put, skip
from vpaas_core._fastpath.codecs.dependency cimport (
    DD_OK,
    TEMPLATES_MAX,
    DdFrame,
    DdState,
    dd_read,
    dd_read_structure,
)
from vpaas_core._fastpath.wire cimport store16

cdef enum:              # extended_descriptor_fields, behind the mandatory ones
    STRUCTURE = 16
    ACTIVE = 8
    CUSTOM_DTIS = 4
    CUSTOM_FDIFFS = 2
    CUSTOM_CHAINS = 1
    MANDATORY_BITS = 24
    FLAGS_END = 29
    ACTIVE_FLAG = 0x40  # in the fourth byte


cdef void _skip_definition(Bits* b, uint32_t flags, const DdStructure* structure) noexcept nogil:
    """frame_dependency_definition (§A.8.2): behind it there is only padding."""
    cdef uint32_t size = 1
    if flags & CUSTOM_DTIS:
        skip(b, 2 * structure.target_count)
    if flags & CUSTOM_FDIFFS:
        while size:
            size = f(b, 2)
            skip(b, 4 * size)
    if flags & CUSTOM_CHAINS:
        skip(b, 8 * structure.chain_count)


cdef int _write_active(
    uint8_t* out, int room, const uint8_t* data, int len, const DdStructure* structure, uint32_t active
) noexcept nogil:
    """All but the frame number."""
    cdef DdStructure own
    cdef Bits b
    cdef uint32_t flags = 0
    cdef int at, rest, end, bytes, n
    bits_init(&b, data, len, MANDATORY_BITS)
    if len > 3:
        flags = f(&b, 5)
    if flags & STRUCTURE:
        if not dd_read_structure(&b, &own):
            return 0
        structure = &own
    if structure == NULL or ((data[0] - structure.template_id_offset) & (TEMPLATES_MAX - 1)) >= structure.template_count:
        return 0
    at = b.at if len > 3 else FLAGS_END
    if flags & ACTIVE:
        skip(&b, structure.target_count)
    rest = b.at
    _skip_definition(&b, flags, structure)
    end = b.at
    bytes = (at + structure.target_count + end - rest + 7) >> 3
    if b.short or bytes > room:
        return 0
    memcpy(out, data, min(len, (at + 7) >> 3))
    out[3] = (data[3] if len > 3 else 0) | ACTIVE_FLAG
    at = put(out, at, active, structure.target_count)
    b.at = rest
    while b.at < end:
        n = min(32, end - b.at)
        at = put(out, at, f(&b, n), n)
    return bytes


cdef int dd_write(
    uint8_t* out, int room, const uint8_t* data, int len, const DdStructure* structure,
    uint16_t frame_number, uint32_t active, bint set_active,
) noexcept nogil:
    if len < 3:
        return 0
    if set_active:
        len = _write_active(out, room, data, len, structure, active)
    elif len <= room:
        memcpy(out, data, len)
    else:
        len = 0
    if len:
        store16(out + 1, frame_number)
    return len


cdef uint32_t dd_active_for(const DdStructure* structure, int spatial, int temporal) noexcept nogil:
    cdef uint32_t active = 0
    cdef int i
    for i in range(structure.target_count):
        if structure.target_spatial[i] <= spatial and structure.target_temporal[i] <= temporal:
            active |= <uint32_t>1 << i
    return active if active else <uint32_t>((<uint64_t>1 << structure.target_count) - 1)


cdef class DependencyWriter:
    """dd_write for its tests: reads descriptors in order, and copies them."""

    cdef DdState _state
    cdef DdFrame _frame

    def __cinit__(self):
        memset(&self._state, 0, sizeof(DdState))

    def read(self, const uint8_t[::1] data not None) -> bool:
        return dd_read(&self._state, &data[0] if data.shape[0] else NULL, <int>data.shape[0], &self._frame) == DD_OK

    def write(self, uint8_t[::1] out not None, const uint8_t[::1] data not None, frame_number: int, active: int | None) -> int:
        return dd_write(
            &out[0] if out.shape[0] else NULL, <int>out.shape[0],
            &data[0] if data.shape[0] else NULL, <int>data.shape[0],
            &self._state.structure if self._state.generation else NULL,
            frame_number, active or 0, active is not None,
        )

    def active_for(self, spatial: int, temporal: int) -> int:
        return dd_active_for(&self._state.structure, spatial, temporal)
