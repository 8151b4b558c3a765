"""See av1.pxd."""

from libc.stdint cimport uint8_t


#     0 1 2 3 4 5 6 7
#    +-+-+-+-+-+-+-+-+
#    |Z|Y| W |N|-|-|-|  aggregation header (§4.4)
#    +-+-+-+-+-+-+-+-+
cdef bint av1_is_key_frame(const uint8_t* payload, int len) noexcept nogil:
    # N: the first packet of a coded video sequence; such a packet cannot continue an OBU element (Z)
    return len > 1 and payload[0] & 0x88 == 0x08
