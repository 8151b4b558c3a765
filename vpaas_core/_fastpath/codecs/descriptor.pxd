"""What one packet says of itself: its layer, whether a switch is possible there, where the numbers to be rewritten stand.

VP8 by its payload descriptor (RFC 7741 §4.2), VP9 by its own (RFC 9628 §4.2), every other codec, and a VP8 that says nothing of
layers (Chromium's, when it sends the other), by the dependency descriptor.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from vpaas_core._fastpath.codecs.dependency cimport DdState, Dtis
from vpaas_core._fastpath.codecs.vp9 cimport Vp9Structure


cpdef enum Described:
    DESCRIBED
    DESCRIBED_UNKNOWN_TEMPLATE  # the structure it refers to was lost or has been replaced: nothing can be said of its layer
    DESCRIBED_MALFORMED


cpdef enum LayersBy:            # who says it, and so which of the fields count
    BY_NOTHING                  # no layers that anybody could drop: all of it belongs together
    BY_VP8
    BY_VP9
    BY_DEPENDENCY


cpdef enum LayersFlag:
    LAYERS_STARTS = 1           # first packet of the layer's frame
    LAYERS_ENDS = 2             # last one; unknown in VP8. The end of the picture is told by the RTP marker alone
    LAYERS_KEY = 4              # first packet of a decodable start
    LAYERS_INTRA = 8            # predicted from no other picture (VP9: P = 0). VP8 says so in the first packet of a frame only
    LAYERS_INTER_LAYER = 16     # predicted from the next lower spatial layer of the picture (VP9: D)
    LAYERS_NOT_BELOW = 32       # no higher spatial layer is predicted from it (VP9: Z)
    LAYERS_SWITCHING_UP = 64    # what follows in higher temporal layers depends on none of them from before (VP9: U)
    LAYERS_SYNC = 128           # depends on the base layer only, and so does what follows (VP8: Y)
    LAYERS_NON_REFERENCE = 256  # nothing depends on it (VP8: N)
    LAYERS_PICTURE_15 = 512     # the picture id has 15 bits, not 7
    LAYERS_REFS_FAR = 1024      # refers to frames beyond `refs`
    LAYERS_STRUCTURE = 2048     # brought a structure along: what came before it may be describable only now


cdef struct Layers:             # 24 bytes; one per packet in the ring
    Dtis dtis                   # BY_DEPENDENCY
    uint32_t refs               # BY_DEPENDENCY: bit i: refers to frame - 1 - i
    uint16_t flags              # LayersFlag
    uint16_t picture            # picture id or frame_number: what the packets of a picture or frame share
    uint8_t by                  # LayersBy
    uint8_t layer               # spatial << 4 | temporal
    uint8_t generation          # BY_DEPENDENCY: of the structure that gave `dtis` their meaning
    uint8_t tl0_picture         # TL0PICIDX; 0 when absent
    uint8_t picture_at          # offset in the payload of the picture id; 0: absent. The same for the next two
    uint8_t tl0_at
    uint8_t key_index_at        # of the byte with TID, Y and KEYIDX, when K says that KEYIDX counts
    uint8_t spare


cdef struct DescriptorState:    # of one receive stream; zeroed when it begins anew
    Vp9Structure vp9
    DdState dd


# dd: the dependency descriptor, or dd_len 0. Packets are described in the order they arrive, lost or late as they may be.
cdef int describe(
    int codec, const uint8_t* payload, int len, const uint8_t* dd, int dd_len, DescriptorState* state, Layers* out
) noexcept nogil    # Described; `out` is filled only by DESCRIBED


cdef inline int spatial_of(const Layers* layers) noexcept nogil:
    return layers.layer >> 4


cdef inline int temporal_of(const Layers* layers) noexcept nogil:
    return layers.layer & 0x0F


cdef inline int spatial_layers(const DescriptorState* state) noexcept nogil:
    """How many the source announced; 0: it did not."""
    return state.dd.structure.spatial_layers if state.dd.generation else state.vp9.spatial_layers


cdef class Describer:
    cdef DescriptorState state
