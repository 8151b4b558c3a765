"""Redundant audio (RFC 2198): a packet that carries earlier ones along, in blocks, the primary one last.

    |F| block PT(7) | timestamp offset(14) | block length(10) |   for each redundant block
    |0| block PT(7) |                                             for the primary
"""

from libc.stdint cimport uint8_t


# Payload type of the primary block, whose data begins at `at`; -1: the blocks do not fit in.
cdef int red_primary(const uint8_t* payload, int len, int* at) noexcept nogil
# Gives every block, in a copy of the payload, the consumer's payload type. False when it has none for one of them, or it is malformed.
cdef bint red_map(uint8_t* payload, int len, const uint8_t* payload_types) noexcept nogil
