"""See svc_frames.pxd. Section numbers are those of appendix A of the AV1 RTP payload specification."""

from libc.stdint cimport int16_t, uint8_t, uint32_t
from libc.string cimport memset

from vpaas_core._fastpath.codecs.dependency cimport (
    DD_SPATIAL_MAX,
    DD_TEMPORAL_MAX,
    NO_TARGET,
    DdStructure,
    dti_needed,
    dti_present,
    dti_switch,
)
from vpaas_core._fastpath.codecs.descriptor cimport (
    BY_DEPENDENCY,
    BY_NOTHING,
    DescriptorState,
    LAYERS_ENDS,
    LAYERS_KEY,
    LAYERS_REFS_FAR,
    Layers,
    spatial_of,
)
from vpaas_core._fastpath.codecs.svc cimport (
    SVC_DROP,
    SVC_FORWARD,
    SVC_FORWARD_LAST,
    SVC_FRAMES,
    SvcFilter,
    svc_restart,
)

cdef enum:              # SvcHistory.frames
    FRAME_TARGET = 0x1F
    FRAME_NO_TARGET = 0x20
    FRAME_SEEN = 0x40
    FRAME_DROPPED = 0x80


cdef uint8_t svc_ideal_target(const DescriptorState* state, int spatial, int temporal) noexcept nogil:
    return state.dd.best[min(spatial, DD_SPATIAL_MAX - 1)][min(temporal, DD_TEMPORAL_MAX - 1)]


cdef int svc_decide_frame(SvcFilter* f, const Layers* layers, const DescriptorState* state) noexcept nogil:
    cdef int ahead = <int16_t>(layers.picture - f.newest)
    cdef uint8_t* frame = &f.history.frames[layers.picture & (SVC_FRAMES - 1)]
    cdef uint8_t target
    if layers.generation != state.dd.generation:
        return SVC_DROP                     # described by a structure that has been replaced
    if f.by == BY_NOTHING or f.generation != layers.generation:
        if not layers.flags & LAYERS_KEY:
            return SVC_DROP
        _start_frames(f, layers)
    elif ahead > 0:
        _skip_frames(f, ahead)
        f.newest = layers.picture
    elif ahead <= -SVC_FRAMES:
        if not layers.flags & LAYERS_KEY:
            return SVC_DROP
        _start_frames(f, layers)
    if not frame[0] & FRAME_SEEN:
        if ahead > 0 or f.newest == layers.picture:
            _decide_new_frame(f, layers, state, frame)
        else:
            _decide_late_frame(f, layers, frame)
    if frame[0] & FRAME_DROPPED:
        return SVC_DROP
    target = frame[0] & FRAME_TARGET
    if layers.flags & LAYERS_ENDS and spatial_of(layers) == state.dd.structure.target_spatial[target]:
        return SVC_FORWARD_LAST
    return SVC_FORWARD


cdef void _start_frames(SvcFilter* f, const Layers* layers) noexcept nogil:
    svc_restart(f)
    f.by = BY_DEPENDENCY
    f.generation = layers.generation
    f.newest = layers.picture
    f.last_spatial = 0
    memset(f.history.frames, FRAME_SEEN | FRAME_DROPPED, SVC_FRAMES)    # what was before the start
    f.history.frames[layers.picture & (SVC_FRAMES - 1)] = FRAME_NO_TARGET


cdef inline void _skip_frames(SvcFilter* f, int ahead) noexcept nogil:
    """Frames that have not come, if they ever existed, are missed by the target in force alone."""
    cdef int i
    cdef uint8_t unseen = FRAME_NO_TARGET if f.decode_target == NO_TARGET else f.decode_target
    if ahead > 1:
        f.whole_targets &= <uint32_t>1 << f.decode_target if f.decode_target != NO_TARGET else 0
    for i in range(1, min(ahead, SVC_FRAMES) + 1):
        f.history.frames[(f.newest + i) & (SVC_FRAMES - 1)] = unseen


cdef inline bint _decodable(const SvcFilter* f, const Layers* layers) noexcept nogil:
    """All that it refers to has been let through, for certain."""
    cdef uint32_t refs = layers.refs
    cdef int back = 0
    if layers.flags & LAYERS_REFS_FAR:
        return False
    while refs:
        back += 1
        if refs & 1 and f.history.frames[(layers.picture - back) & (SVC_FRAMES - 1)] & (
            FRAME_SEEN | FRAME_DROPPED
        ) != FRAME_SEEN:
            return False
        refs >>= 1
    return True


cdef void _decide_new_frame(
    SvcFilter* f, const Layers* layers, const DescriptorState* state, uint8_t* frame
) noexcept nogil:
    cdef uint32_t switches = dti_switch(layers.dtis)
    cdef uint32_t reachable = f.whole_targets
    cdef bint starts_picture = spatial_of(layers) <= f.last_spatial
    cdef uint8_t best
    if starts_picture:
        f.aim_spatial = f.target_spatial
        f.aim_temporal = f.target_temporal
    best = svc_ideal_target(state, f.aim_spatial, f.aim_temporal)
    if best == NO_TARGET or f.decode_target != best or not reachable >> best & 1:
        if switches and _decodable(f, layers):
            reachable |= switches           # §A.7: a decodable frame with a switch indication
        _choose_target(f, &state.dd.structure, reachable & state.dd.active, starts_picture)
    f.last_spatial = <uint8_t>spatial_of(layers)
    if f.decode_target == NO_TARGET or not dti_present(layers.dtis) >> f.decode_target & 1:
        frame[0] = FRAME_SEEN | FRAME_DROPPED
        f.whole_targets &= ~dti_needed(layers.dtis)
        return
    frame[0] = FRAME_SEEN | f.decode_target
    f.whole_targets |= switches             # table A.1: all that follows in these targets can be decoded


cdef void _choose_target(
    SvcFilter* f, const DdStructure* s, uint32_t reachable, bint starts_picture
) noexcept nogil:
    """Of the targets that can be had without a gap the one nearest to the wish: below it the highest, else the lowest above."""
    cdef int target, over_spatial, over_temporal, cost
    cdef int best = NO_TARGET
    cdef int best_cost = 1 << 30
    for target in range(s.target_count):
        if not reachable >> target & 1:
            continue
        over_spatial = s.target_spatial[target] - f.aim_spatial
        over_temporal = s.target_temporal[target] - f.aim_temporal
        cost = (16 * over_spatial if over_spatial > 0 else -over_spatial) << 8
        cost += 16 * over_temporal if over_temporal > 0 else -over_temporal
        if cost < best_cost:
            best_cost = cost
            best = target
    if best == NO_TARGET:
        return      # what is followed now goes on; if it is not produced any more, nothing comes
    if not starts_picture and (s.target_spatial[best] < f.spatial or s.target_temporal[best] < f.temporal):
        return      # downwards only between pictures, so that this one keeps its marker
    f.decode_target = <uint8_t>best
    f.spatial = s.target_spatial[best]
    f.temporal = s.target_temporal[best]


cdef void _decide_late_frame(SvcFilter* f, const Layers* layers, uint8_t* frame) noexcept nogil:
    cdef uint8_t target = frame[0] & FRAME_TARGET
    if frame[0] & FRAME_NO_TARGET or not dti_present(layers.dtis) >> target & 1:
        frame[0] |= FRAME_DROPPED
    frame[0] |= FRAME_SEEN
