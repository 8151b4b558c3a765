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
What may follow, reference indices (P and F) and scalability structure (V), is left to the decoder.
"""

from libc.stdint cimport uint8_t


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


cdef bint vp9_read(const uint8_t* payload, int len, Vp9Descriptor* out) noexcept nogil   # False: cut short
cdef bint vp9_is_key_frame(const uint8_t* payload, int len) noexcept nogil
