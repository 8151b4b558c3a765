"""See red.pxd."""

from libc.stdint cimport uint8_t

from vpaas_core._fastpath.wire cimport load16


cdef int red_primary(const uint8_t* payload, int len, int* at) noexcept nogil:
    cdef int header = 0
    cdef int data = 0
    while header < len and payload[header] & 0x80:
        if header + 4 > len:
            return -1
        data += load16(payload + header + 2) & 0x3FF
        header += 4
    if header + 1 + data > len:
        return -1
    at[0] = header + 1 + data
    return payload[header]


cdef bint red_map(uint8_t* payload, int len, const uint8_t* payload_types) noexcept nogil:
    cdef int at = 0
    cdef int header = 0
    cdef bint more = True
    if red_primary(payload, len, &at) < 0:
        return False
    while more:
        more = payload[header] & 0x80 != 0
        if payload_types[payload[header] & 0x7F] >= 0x80:
            return False
        payload[header] = (payload[header] & 0x80) | payload_types[payload[header] & 0x7F]
        header += 4
    return True


def primary(payload: bytes) -> tuple[int, bytes] | None:
    """Payload type and data of the primary block, for tests and tools."""
    cdef int at = 0
    cdef int payload_type = red_primary(payload, <int>len(payload), &at)
    return None if payload_type < 0 else (payload_type, payload[at:])


def mapped(payload: bytes, payload_types: dict[int, int]) -> bytes | None:
    """The payload with other payload types, for tests and tools."""
    cdef uint8_t table[128]
    cdef int i
    cdef bytearray copy = bytearray(payload)
    for i in range(128):
        table[i] = payload_types.get(i, 255)
    return bytes(copy) if red_map(<uint8_t*>copy, <int>len(copy), table) else None
