"""See rtp.pxd."""

from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memcpy, memset

from vpaas_core._fastpath.drop cimport DROP_NONE, DROP_RTP_MALFORMED, DROP_RTP_TOO_LARGE
from vpaas_core._fastpath.limits cimport DATAGRAM_BYTES_MAX, HEADER_EXTENSIONS_MAX
from vpaas_core._fastpath.wire cimport load16, load32


cdef int rtp_header_length(const uint8_t* data, int length) noexcept nogil:
    cdef int header
    if length < 12 or data[0] >> 6 != 2:
        return -DROP_RTP_MALFORMED
    header = 12 + 4 * (data[0] & 0x0F)
    if data[0] & 0x10:
        if length < header + 4:
            return -DROP_RTP_MALFORMED
        header += 4 + 4 * load16(data + header + 2)
    if header > length:
        return -DROP_RTP_MALFORMED
    return header


cdef inline void _add(Packet* p, const uint8_t* kinds, int id, int length, int offset) noexcept nogil:
    cdef Extension* e
    if kinds[id] == EXT_NONE or p.extension_count == HEADER_EXTENSIONS_MAX:
        return
    e = &p.extensions[p.extension_count]
    e.kind = kinds[id]
    e.length = <uint8_t>length
    e.offset = <uint16_t>offset
    p.extension_count += 1


cdef int _read_extensions(Packet* p, const uint8_t* kinds) noexcept nogil:
    cdef const uint8_t* data = p.data
    cdef int at = 12 + 4 * (data[0] & 0x0F)
    cdef uint16_t profile = load16(data + at)
    cdef int end = p.header_len
    cdef int id, length
    at += 4
    if profile == 0xBEDE:  # RFC 8285 §4.2
        while at < end:
            id = data[at] >> 4
            if data[at] == 0:
                at += 1
                continue
            if id == 15 or id == 0:  # stop: the rest is not ours to read
                break
            length = (data[at] & 0x0F) + 1
            at += 1
            if at + length > end:
                return DROP_RTP_MALFORMED
            _add(p, kinds, id, length, at)
            at += length
    elif profile & 0xFFF0 == 0x1000:  # RFC 8285 §4.3
        while at < end:
            id = data[at]
            if id == 0:
                at += 1
                continue
            if at + 2 > end or at + 2 + data[at + 1] > end:
                return DROP_RTP_MALFORMED
            length = data[at + 1]
            at += 2
            _add(p, kinds, id, length, at)
            at += length
    return DROP_NONE


cdef int rtp_read(Packet* p, int length, const uint8_t* kinds) noexcept nogil:
    cdef const uint8_t* data = p.data
    cdef int header = rtp_header_length(data, length)
    cdef int padding = 0
    if header < 0:
        return -header
    if length > DATAGRAM_BYTES_MAX:
        return DROP_RTP_TOO_LARGE
    p.length = <uint16_t>length
    p.header_len = <uint16_t>header
    p.marker = data[1] >> 7
    p.payload_type = data[1] & 0x7F
    p.timestamp = load32(data + 4)
    p.extension_count = 0
    if data[0] & 0x20:  # RFC 3550 §5.1: the last byte counts the padding, itself included
        if header == length:
            return DROP_RTP_MALFORMED
        padding = data[length - 1]
        if padding == 0 or padding > length - header:
            return DROP_RTP_MALFORMED
    p.payload_len = <uint16_t>(length - header - padding)
    if data[0] & 0x10:
        return _read_extensions(p, kinds)
    return DROP_NONE


cdef const Extension* rtp_extension(const Packet* p, int kind) noexcept nogil:
    cdef int i
    for i in range(p.extension_count):
        if p.extensions[i].kind == kind:
            return &p.extensions[i]
    return NULL


def read(data: bytes, kinds: dict[int, int]) -> dict[str, object]:
    """Parse one plaintext packet; `kinds` maps extension ids to ExtensionKind.

    Returns the fields of Packet, extensions as `{kind: bytes}`; raises ValueError with the drop reason's number.
    """
    cdef Packet p
    cdef uint8_t table[256]
    cdef uint8_t buffer[DATAGRAM_BYTES_MAX]
    cdef int reason
    if len(data) > DATAGRAM_BYTES_MAX:
        raise ValueError(int(DROP_RTP_TOO_LARGE))
    memset(table, 0, sizeof(table))
    for id, kind in kinds.items():
        table[id] = kind
    memcpy(buffer, <const uint8_t*>data, len(data))
    p.data = buffer
    reason = rtp_read(&p, <int>len(data), table)
    if reason != DROP_NONE:
        raise ValueError(reason)
    return {
        "payload_type": p.payload_type,
        "marker": bool(p.marker),
        "timestamp": p.timestamp,
        "header_len": p.header_len,
        "payload": data[p.header_len:p.header_len + p.payload_len],
        "extensions": {
            p.extensions[i].kind: data[p.extensions[i].offset:p.extensions[i].offset + p.extensions[i].length]
            for i in range(p.extension_count)
        },
    }
