"""The VP9 payload descriptor (RFC 9628 §4.2), as far as forwarding needs it.

      0 1 2 3 4 5 6 7
     +-+-+-+-+-+-+-+-+
     |I|P|L|F|B|E|V|Z|
     +-+-+-+-+-+-+-+-+
I:   |M| PICTURE ID  |
     +-+-+-+-+-+-+-+-+
M:   | EXTENDED PID  |
     +-+-+-+-+-+-+-+-+
L:   | TID |U| SID |D|
     +-+-+-+-+-+-+-+-+
     |   TL0PICIDX   |   non-flexible mode only
     +-+-+-+-+-+-+-+-+
     |  P_DIFF     |N|   flexible mode and P: up to three times; left to the decoder
     |      SS       |   V: the scalability structure

V:   | N_S |Y|G|-|-|-|
Y:   |     WIDTH     |   16 bits each,
     |     HEIGHT    |   N_S + 1 times
G:   |      N_G      |
     | TID |U| R |-|-|   N_G times, each with R times
     |    P_DIFF     |
"""

from libc.stdint cimport uint8_t, uint16_t

cdef enum:
    VP9_SPATIAL_MAX = 8     # SID has 3 bits


cdef struct Vp9Descriptor:
    bint inter_predicted    # P: refers to frames of earlier pictures
    bint flexible           # F
    bint starts_frame       # B
    bint ends_frame         # E
    bint not_reference      # Z: no higher spatial layer depends on this frame
    int picture_id          # 7 or 15 bits; -1 if absent
    int temporal            # TID; -1 without layer indices
    int spatial             # SID; -1 without layer indices
    bint switching_up       # U: later frames of higher temporal layers do not depend on earlier pictures
    bint inter_layer        # D: depends on the next lower spatial layer
    int tl0_picture         # TL0PICIDX; -1 if absent


cdef struct Vp9Structure:
    uint8_t spatial_layers  # N_S + 1; 0: not known yet
    uint8_t group_pictures  # N_G; 0: no group is described
    uint16_t width[VP9_SPATIAL_MAX]     # 0: not said
    uint16_t height[VP9_SPATIAL_MAX]


cdef enum Vp9StructureResult:
    VP9_NO_STRUCTURE
    VP9_STRUCTURE
    VP9_STRUCTURE_MALFORMED


cdef bint vp9_read(const uint8_t* payload, int len, Vp9Descriptor* out) noexcept nogil   # False: cut short
cdef bint vp9_is_key_frame(const uint8_t* payload, int len) noexcept nogil
cdef int vp9_read_structure(
    const uint8_t* payload, int len, const Vp9Descriptor* descriptor, Vp9Structure* out
) noexcept nogil   # Vp9StructureResult; `out` is changed by VP9_STRUCTURE only
