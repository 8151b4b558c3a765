"""The VP8 payload descriptor (RFC 7741 §4.2).

      0 1 2 3 4 5 6 7
     +-+-+-+-+-+-+-+-+
     |X|R|N|S|R| PID |
     +-+-+-+-+-+-+-+-+
X:   |I|L|T|K|  RSV  |
     +-+-+-+-+-+-+-+-+
I:   |M| PictureID   |
     +-+-+-+-+-+-+-+-+
M:   |   PictureID   |
     +-+-+-+-+-+-+-+-+
L:   |   TL0PICIDX   |
     +-+-+-+-+-+-+-+-+
T/K: |TID|Y| KEYIDX  |
     +-+-+-+-+-+-+-+-+
"""

from libc.stdint cimport uint8_t


cdef struct Vp8Descriptor:
    int size                # bytes of the descriptor; the VP8 payload begins behind it
    bint non_reference      # N: no frame depends on this one
    bint starts_partition   # S
    uint8_t partition       # PID
    int picture_id          # 7 or 15 bits; -1 if absent
    int tl0_picture         # TL0PICIDX; -1 if absent
    int temporal            # TID; -1 if absent
    bint layer_sync         # Y: depends on the base layer only
    int key_index           # KEYIDX; -1 if absent


cdef bint vp8_read(const uint8_t* payload, int len, Vp8Descriptor* out) noexcept nogil   # False: cut short
cdef bint vp8_is_key_frame(const uint8_t* payload, int len) noexcept nogil
