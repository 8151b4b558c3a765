"""The dependency descriptor (AV1 RTP payload specification, appendix A), which any codec may carry.

    start_of_frame(1) end_of_frame(1) frame_dependency_template_id(6) frame_number(16)   mandatory
    structure(1) active(1) custom dtis(1) fdiffs(1) chains(1)                            behind it, if longer than 3 bytes

A frame refers to a template: its layer, what it means to each decode target, and which frames it and each chain lean on.
The templates come with a key frame only. What refers to templates that are not here, because their packet was lost or because they
have been replaced, is said to be so and never read with others.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from vpaas_core._fastpath.codecs.bits cimport Bits


cdef enum:
    TEMPLATES_MAX = 64          # frame_dependency_template_id has 6 bits
    DECODE_TARGETS_MAX = 32     # dt_cnt_minus_one has 5 bits
    CHAINS_MAX = 32             # chain_cnt is at most the number of decode targets
    DD_SPATIAL_MAX = 4          # layers; spatial_id has 2 bits in AV1, and no codec in use has more
    DD_TEMPORAL_MAX = 8         # layers; the format sets no bound, TID of VP9 and AV1 has 3 bits
    DD_LATE_FRAMES_MAX = 256    # a structure of so many frames ago is a late packet; of more, the source has begun anew


cdef struct Dtis:               # decode target indications (table A.1), bit d of each word for decode target d
    uint32_t low                # not present 0, discardable 1, switch 2, required 3
    uint32_t high


cpdef enum DependencyResult:
    DD_OK
    DD_UNKNOWN_TEMPLATE
    DD_MALFORMED


cdef struct DdTemplate:
    Dtis dtis
    uint16_t refs               # bit i: refers to frame_number - 1 - i
    uint8_t spatial
    uint8_t temporal
    uint8_t chains[CHAINS_MAX]  # frames back to the one before in each chain; 0: none is needed


cdef struct DdStructure:
    uint8_t template_id_offset
    uint8_t template_count
    uint8_t target_count
    uint8_t chain_count
    uint8_t spatial_layers
    uint8_t target_spatial[DECODE_TARGETS_MAX]
    uint8_t target_temporal[DECODE_TARGETS_MAX]
    uint8_t chain_of_target[DECODE_TARGETS_MAX]
    uint16_t width[DD_SPATIAL_MAX]      # largest to be rendered, of each spatial layer; 0: not said
    uint16_t height[DD_SPATIAL_MAX]
    DdTemplate templates[TEMPLATES_MAX]


cdef struct DdState:            # of one receive stream
    uint8_t generation          # of the structure, never 0 once there is one: whoever keeps indices of it compares
    uint32_t active             # decode targets that are being produced (§A.4)
    int64_t structure_frame     # extended frame numbers: where the structure came,
    int64_t active_frame        # where `active` was last said,
    int64_t newest_frame        # and the newest described
    uint8_t best[DD_SPATIAL_MAX][DD_TEMPORAL_MAX]   # active target for a wish of (spatial, temporal); NO_TARGET: none so low
    uint8_t chains[CHAINS_MAX]  # of the frame described last
    DdStructure structure


cdef enum:
    NO_TARGET = 255


cdef struct DdFrame:
    Dtis dtis
    uint32_t refs               # bit i: refers to frame_number - 1 - i
    bint refs_far               # refers to frames further back as well
    uint16_t frame_number
    uint8_t spatial
    uint8_t temporal
    bint starts
    bint ends
    bint structure              # it brought the structure along


cdef bint dd_read_structure(Bits* b, DdStructure* out) noexcept nogil    # template_dependency_structure (§A.8.2); False: malformed
cdef int dd_read(DdState* state, const uint8_t* data, int len, DdFrame* out) noexcept nogil     # DependencyResult
# The frame without which `target` cannot be decoded beyond the frame described last; -1: none, or no chains (§A.5)
cdef int dd_chain_previous(const DdState* state, const DdFrame* frame, int target) noexcept nogil


cdef inline uint32_t dti_present(Dtis dtis) noexcept nogil:
    """The decode targets that the frame is part of."""
    return dtis.low | dtis.high


cdef inline uint32_t dti_needed(Dtis dtis) noexcept nogil:
    """Those of which later frames may refer to it: all but the discardable."""
    return dtis.high


cdef inline uint32_t dti_switch(Dtis dtis) noexcept nogil:
    """Those of which all later frames can be decoded if this one can."""
    return dtis.high & ~dtis.low
