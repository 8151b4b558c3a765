"""See dependency.pxd. Section numbers are those of appendix A."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from vpaas_core._fastpath.codecs.bits cimport Bits, bits_init, f
from vpaas_core._fastpath.seqnum cimport extend16
from vpaas_core._fastpath.wire cimport load16


cdef uint32_t ns(Bits* b, uint32_t n) noexcept nogil:
    """§A.8.2: a value below n, n at least 1."""
    cdef int w = 0
    cdef uint32_t m, v
    while n >> w:
        w += 1
    m = (<uint32_t>1 << w) - n
    v = f(b, w - 1)
    return v if v < m else (v << 1) - m + f(b, 1)


cdef Dtis _dtis(Bits* b, int targets) noexcept nogil:
    cdef Dtis dtis
    cdef uint32_t dti
    cdef int i
    dtis.low = dtis.high = 0
    for i in range(targets):
        dti = f(b, 2)
        dtis.low |= (dti & 1) << i
        dtis.high |= (dti >> 1) << i
    return dtis


cdef bint _template_layers(Bits* b, DdStructure* s) noexcept nogil:
    cdef int spatial = 0
    cdef int temporal = 0
    cdef uint32_t step
    while not b.short:
        if s.template_count == TEMPLATES_MAX or spatial >= DD_SPATIAL_MAX or temporal >= DD_TEMPORAL_MAX:
            return False
        s.templates[s.template_count].spatial = <uint8_t>spatial
        s.templates[s.template_count].temporal = <uint8_t>temporal
        s.template_count += 1
        step = f(b, 2)      # next_layer_idc, table A.2
        if step == 1:
            temporal += 1
        elif step == 2:
            spatial += 1
            temporal = 0
        elif step == 3:
            s.spatial_layers = <uint8_t>(spatial + 1)
            return True
    return False


cdef void _target_layers(DdStructure* s) noexcept nogil:
    """A target stands for the highest layers that are present in it (decode_target_layers)."""
    cdef int i, target
    cdef const DdTemplate* t
    for i in range(s.template_count):
        t = &s.templates[i]
        for target in range(s.target_count):
            if not dti_present(t.dtis) >> target & 1:
                continue
            if t.spatial > s.target_spatial[target]:
                s.target_spatial[target] = t.spatial
            if t.temporal > s.target_temporal[target]:
                s.target_temporal[target] = t.temporal


cdef bint dd_read_structure(Bits* b, DdStructure* s) noexcept nogil:
    cdef int i, chain
    memset(s, 0, sizeof(DdStructure))
    s.template_id_offset = <uint8_t>f(b, 6)
    s.target_count = <uint8_t>(f(b, 5) + 1)
    if not _template_layers(b, s):
        return False
    for i in range(s.template_count):
        s.templates[i].dtis = _dtis(b, s.target_count)
    for i in range(s.template_count):
        while f(b, 1):                      # fdiff_follows_flag
            s.templates[i].refs |= 1 << f(b, 4)
    s.chain_count = <uint8_t>ns(b, s.target_count + 1)
    if s.chain_count:
        for i in range(s.target_count):
            s.chain_of_target[i] = <uint8_t>ns(b, s.chain_count)
        for i in range(s.template_count):
            for chain in range(s.chain_count):
                s.templates[i].chains[chain] = <uint8_t>f(b, 4)
    if f(b, 1):                             # resolutions_present_flag
        for i in range(s.spatial_layers):   # minus one on the wire; 65536 is no size to be seen
            s.width[i] = <uint16_t>(f(b, 16) + 1)
            s.height[i] = <uint16_t>(f(b, 16) + 1)
    _target_layers(s)
    return not b.short


cdef void _choose_best(DdState* state) noexcept nogil:
    """For each wish the active target of the highest spatial, then temporal layer that does not exceed it."""
    cdef const DdStructure* s = &state.structure
    cdef int spatial, temporal, target, rank, best_rank
    for spatial in range(DD_SPATIAL_MAX):
        for temporal in range(DD_TEMPORAL_MAX):
            best_rank = -1
            state.best[spatial][temporal] = NO_TARGET
            for target in range(s.target_count):
                rank = s.target_spatial[target] * DD_TEMPORAL_MAX + s.target_temporal[target]
                if (
                    state.active >> target & 1 and rank > best_rank
                    and s.target_spatial[target] <= spatial and s.target_temporal[target] <= temporal
                ):
                    best_rank = rank
                    state.best[spatial][temporal] = <uint8_t>target


cdef void _refs(Bits* b, DdFrame* out) noexcept nogil:
    """frame_fdiffs."""
    cdef uint32_t size, back
    out.refs = 0
    while not b.short:
        size = f(b, 2)
        if size == 0:
            return
        back = f(b, 4 * size)
        if back < 32:
            out.refs |= <uint32_t>1 << back
        else:
            out.refs_far = True


cdef inline int64_t _extend(const DdState* state, uint16_t frame_number) noexcept nogil:
    return extend16(state.newest_frame, frame_number) if state.generation else 0x10000 + frame_number


cdef void _install(DdState* state, const DdStructure* s, int64_t frame) noexcept nogil:
    if state.generation and memcmp(&state.structure, s, sizeof(DdStructure)) == 0:
        return  # sent again: what is in force stays so
    memcpy(&state.structure, s, sizeof(DdStructure))
    state.generation = state.generation + 1 if state.generation < 255 else 1
    state.structure_frame = state.newest_frame = frame
    state.active_frame = frame - 1


cdef inline void _set_active(DdState* state, uint32_t active, int64_t frame) noexcept nogil:
    """§A.4: valid until the next update in sequence."""
    if frame < state.active_frame:
        return
    if active != state.active or state.active_frame < state.structure_frame:
        state.active = active
        _choose_best(state)
    state.active_frame = frame


cdef int _extended(
    DdState* state, Bits* b, int template_id, int64_t frame, DdFrame* out
) noexcept nogil:
    """extended_descriptor_fields and frame_dependency_definition; changes the state only when all of it could be read."""
    cdef DdStructure fresh
    cdef const DdStructure* s = &state.structure
    cdef const DdTemplate* t
    cdef uint32_t flags = f(b, 5)
    cdef uint32_t active = 0
    cdef uint8_t chains[CHAINS_MAX]
    cdef int i, index
    if flags & 16:                          # template_dependency_structure_present_flag
        if not dd_read_structure(b, &fresh):
            return DD_MALFORMED
        if state.generation and 0 < state.structure_frame - frame <= DD_LATE_FRAMES_MAX:
            return DD_UNKNOWN_TEMPLATE      # late: it has been replaced already
        s = &fresh
        active = <uint32_t>((<uint64_t>1 << s.target_count) - 1)
    elif state.generation == 0 or frame < state.structure_frame:
        return DD_UNKNOWN_TEMPLATE
    index = (template_id - s.template_id_offset) & (TEMPLATES_MAX - 1)
    if index >= s.template_count:
        return DD_MALFORMED if flags & 16 else DD_UNKNOWN_TEMPLATE
    t = &s.templates[index]
    out.spatial = t.spatial
    out.temporal = t.temporal
    if flags & 8:                           # active_decode_targets_present_flag
        active = f(b, s.target_count)
    out.dtis = _dtis(b, s.target_count) if flags & 4 else t.dtis
    out.refs = t.refs
    if flags & 2:
        _refs(b, out)
    for i in range(s.chain_count):
        chains[i] = <uint8_t>f(b, 8) if flags & 1 else t.chains[i]
    if b.short:
        return DD_MALFORMED
    if flags & 16:
        _install(state, &fresh, frame)
        out.structure = True
    if flags & 24:
        _set_active(state, active, frame)
    memcpy(state.chains, chains, state.structure.chain_count)
    return DD_OK


cdef int dd_read(DdState* state, const uint8_t* data, int len, DdFrame* out) noexcept nogil:
    cdef const DdTemplate* t
    cdef Bits bits
    cdef int64_t frame
    cdef int index, result
    if len < 3:
        return DD_MALFORMED
    memset(out, 0, sizeof(DdFrame))
    out.starts = data[0] & 0x80 != 0
    out.ends = data[0] & 0x40 != 0
    out.frame_number = load16(data + 1)
    frame = _extend(state, out.frame_number)
    if len > 3:
        bits_init(&bits, data, len, 24)
        result = _extended(state, &bits, data[0] & 0x3F, frame, out)
        if result != DD_OK:
            return result
    else:
        index = ((data[0] & 0x3F) - state.structure.template_id_offset) & (TEMPLATES_MAX - 1)
        if state.generation == 0 or frame < state.structure_frame or index >= state.structure.template_count:
            return DD_UNKNOWN_TEMPLATE
        t = &state.structure.templates[index]
        out.dtis = t.dtis
        out.refs = t.refs
        out.spatial = t.spatial
        out.temporal = t.temporal
        memcpy(state.chains, t.chains, CHAINS_MAX)
    if frame > state.newest_frame:
        state.newest_frame = frame
    return DD_OK


cdef int dd_chain_previous(const DdState* state, const DdFrame* frame, int target) noexcept nogil:
    cdef uint8_t back
    if target >= state.structure.target_count or state.structure.chain_count == 0:
        return -1
    back = state.chains[state.structure.chain_of_target[target]]
    return <uint16_t>(frame.frame_number - back) if back else -1


cdef class DependencyReader:
    """DdState for its tests."""

    cdef DdState _state
    cdef DdFrame _frame

    def __cinit__(self):
        memset(&self._state, 0, sizeof(DdState))
        memset(&self._frame, 0, sizeof(DdFrame))

    def read(self, const uint8_t[::1] data not None):
        cdef int result = dd_read(
            &self._state, &data[0] if data.shape[0] else NULL, <int>data.shape[0], &self._frame
        )
        cdef DdFrame* frame = &self._frame
        if result != DD_OK:
            return DependencyResult(result)
        targets = range(self._state.structure.target_count)
        return {
            "starts": bool(frame.starts),
            "ends": bool(frame.ends),
            "frame_number": frame.frame_number,
            "spatial": frame.spatial,
            "temporal": frame.temporal,
            "dtis": [(frame.dtis.low >> i & 1) | (frame.dtis.high >> i & 1) << 1 for i in targets],
            "refs": [i + 1 for i in range(32) if frame.refs >> i & 1],
            "refs_far": bool(frame.refs_far),
            "chains": [self._state.chains[i] for i in range(self._state.structure.chain_count)],
            "structure": bool(frame.structure),
        }

    def structure(self):
        cdef DdStructure* s = &self._state.structure
        targets = range(s.target_count)
        return {
            "generation": self._state.generation,
            "active": self._state.active,
            "template_id_offset": s.template_id_offset,
            "templates": s.template_count,
            "target_layers": [(s.target_spatial[i], s.target_temporal[i]) for i in targets],
            "chain_of_target": [s.chain_of_target[i] for i in targets] if s.chain_count else [],
            "chains": s.chain_count,
            "sizes": [(s.width[i], s.height[i]) for i in range(s.spatial_layers) if s.width[i]],
            "best": [[self._state.best[i][j] for j in range(DD_TEMPORAL_MAX)] for i in range(DD_SPATIAL_MAX)],
        }

    def chain_previous(self, target: int) -> int:
        return dd_chain_previous(&self._state, &self._frame, target)
