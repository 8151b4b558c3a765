"""See descriptor.pxd."""

from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memset

from vpaas_core._fastpath.codecs.codec cimport CODEC_VP8, CODEC_VP9, is_key_frame
from vpaas_core._fastpath.codecs.dependency cimport DD_MALFORMED, DD_OK, DdFrame, dd_read
from vpaas_core._fastpath.codecs.vp8 cimport Vp8Descriptor, vp8_read
from vpaas_core._fastpath.codecs.vp9 cimport (
    VP9_STRUCTURE,
    VP9_STRUCTURE_MALFORMED,
    Vp9Descriptor,
    vp9_read,
    vp9_read_structure,
)


cdef int _by_dependency(const uint8_t* dd, int dd_len, DescriptorState* state, Layers* out) noexcept nogil:
    cdef DdFrame frame
    cdef int result = dd_read(&state.dd, dd, dd_len, &frame)
    if result != DD_OK:
        return DESCRIBED_MALFORMED if result == DD_MALFORMED else DESCRIBED_UNKNOWN_TEMPLATE
    out.by = BY_DEPENDENCY
    out.dtis = frame.dtis
    out.refs = frame.refs
    out.picture = frame.frame_number
    out.layer = frame.spatial << 4 | frame.temporal
    out.generation = state.dd.generation
    out.flags |= LAYERS_STARTS * frame.starts | LAYERS_ENDS * frame.ends
    out.flags |= LAYERS_REFS_FAR * frame.refs_far | LAYERS_STRUCTURE * frame.structure
    if frame.refs == 0 and not frame.refs_far:
        out.flags |= LAYERS_INTRA
        if frame.starts and frame.spatial == 0:
            out.flags |= LAYERS_KEY
    return DESCRIBED


cdef int _vp8(
    const uint8_t* payload, int len, const uint8_t* dd, int dd_len, DescriptorState* state, Layers* out
) noexcept nogil:
    cdef Vp8Descriptor d
    cdef int at = 2
    if not vp8_read(payload, len, &d):
        return DESCRIBED_MALFORMED
    if d.starts_partition and d.partition == 0:
        out.flags |= LAYERS_STARTS
        if d.size < len and not payload[d.size] & 0x01:     # §4.3
            out.flags |= LAYERS_KEY | LAYERS_INTRA
    out.flags |= LAYERS_NON_REFERENCE * d.non_reference | LAYERS_SYNC * d.layer_sync
    if d.picture_id >= 0:
        out.picture_at = at
        if payload[at] & 0x80:
            out.flags |= LAYERS_PICTURE_15
            at += 1
        at += 1
    if d.tl0_picture >= 0:
        out.tl0_picture = <uint8_t>d.tl0_picture
        out.tl0_at = at
        at += 1
    if d.key_index >= 0:
        out.key_index_at = at
    if d.temporal >= 0 and d.picture_id >= 0:
        out.by = BY_VP8
        out.picture = <uint16_t>d.picture_id
        out.layer = <uint8_t>d.temporal
    elif dd_len > 0:
        return _by_dependency(dd, dd_len, state, out)
    return DESCRIBED


cdef int _vp9(const uint8_t* payload, int len, DescriptorState* state, Layers* out) noexcept nogil:
    cdef Vp9Descriptor d
    cdef int structure
    if not vp9_read(payload, len, &d):
        return DESCRIBED_MALFORMED
    structure = vp9_read_structure(payload, len, &d, &state.vp9)
    if structure == VP9_STRUCTURE_MALFORMED:
        return DESCRIBED_MALFORMED
    out.flags |= LAYERS_STARTS * d.starts_frame | LAYERS_ENDS * d.ends_frame
    out.flags |= LAYERS_STRUCTURE * (structure == VP9_STRUCTURE)
    if not d.inter_predicted:
        out.flags |= LAYERS_INTRA
        if d.starts_frame and d.spatial <= 0:
            out.flags |= LAYERS_KEY
    if d.picture_id >= 0:
        out.picture = <uint16_t>d.picture_id
        out.picture_at = 1
        out.flags |= LAYERS_PICTURE_15 * (payload[1] >> 7)
    if d.tl0_picture >= 0:
        out.tl0_picture = <uint8_t>d.tl0_picture
        out.tl0_at = 3 + (payload[1] >> 7) if d.picture_id >= 0 else 2
    if d.spatial >= 0 and d.picture_id >= 0:    # without picture ids nobody can tell pictures apart
        out.by = BY_VP9
        out.layer = <uint8_t>(d.spatial << 4 | d.temporal)
        out.flags |= LAYERS_INTER_LAYER * d.inter_layer | LAYERS_NOT_BELOW * d.not_reference
        out.flags |= LAYERS_SWITCHING_UP * d.switching_up
    return DESCRIBED


cdef int describe(
    int codec, const uint8_t* payload, int len, const uint8_t* dd, int dd_len, DescriptorState* state, Layers* out
) noexcept nogil:
    memset(out, 0, sizeof(Layers))
    if codec == CODEC_VP8:
        return _vp8(payload, len, dd, dd_len, state, out)
    if codec == CODEC_VP9:
        return _vp9(payload, len, state, out)
    if dd_len > 0:
        return _by_dependency(dd, dd_len, state, out)
    if is_key_frame(codec, payload, len):
        out.flags |= LAYERS_STARTS | LAYERS_KEY | LAYERS_INTRA
    return DESCRIBED


cdef class Describer:
    """DescriptorState for its tests."""

    def __cinit__(self):
        memset(&self.state, 0, sizeof(DescriptorState))

    def describe(self, codec: int, const uint8_t[::1] payload not None, const uint8_t[::1] dd not None = b""):
        cdef Layers layers
        cdef int result = describe(
            codec,
            &payload[0] if payload.shape[0] else NULL, <int>payload.shape[0],
            &dd[0] if dd.shape[0] else NULL, <int>dd.shape[0],
            &self.state, &layers,
        )
        return Described(result) if result != DESCRIBED else layers

    def sizes(self) -> list[tuple[int, int]]:
        cdef const uint16_t* width = self.state.vp9.width
        cdef const uint16_t* height = self.state.vp9.height
        if self.state.dd.generation:
            width = self.state.dd.structure.width
            height = self.state.dd.structure.height
        return [(width[i], height[i]) for i in range(spatial_layers(&self.state))]

    def time(self, int codec, const uint8_t[::1] payload not None, const uint8_t[::1] dd not None, long rounds):
        cdef Layers layers
        cdef const uint8_t* d = &dd[0] if dd.shape[0] else NULL
        cdef long i
        with nogil:
            for i in range(rounds):
                describe(codec, &payload[0], <int>payload.shape[0], d, <int>dd.shape[0], &self.state, &layers)


assert sizeof(Layers) == 24
