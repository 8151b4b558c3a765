"""See stun.pxd.

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|0 0|     STUN Message Type     |         Message Length        |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|                         Magic Cookie                          |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|                     Transaction ID (96 bits)                  |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
then attributes: 16-bit type, 16-bit length, value, padding to 32 bits (RFC 8489 §5, §14)
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy, memset, strlen

from vpaas_core._fastpath.c.hmac cimport CRYPTO_memcmp, EVP_sha1, HMAC
from vpaas_core._fastpath.drop cimport DROP_NONE, DROP_STUN_FINGERPRINT, DROP_STUN_MALFORMED
from vpaas_core._fastpath.limits cimport PACKET_BYTES_MAX
from vpaas_core._fastpath.net cimport Addr
from vpaas_core._fastpath.wire cimport bswap32, load16, load32, load64, store16, store32, store64

import os
import socket

from vpaas_core._fastpath.drop import DropReason

cdef enum:
    COOKIE = 0x2112A442
    FINGERPRINT_XOR = 0x5354554E        # "STUN" (RFC 8489 §14.7)
    ATTRIBUTE_HEADER_BYTES = 4
    INTEGRITY_BYTES = 20
    ANY_LENGTH = -1

    # Attribute types (RFC 8489 §18.3, RFC 8445 §16.1). Below 0x8000 the receiver has to understand them.
    MAPPED_ADDRESS = 0x0001
    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    UNKNOWN_ATTRIBUTES = 0x000A
    REALM = 0x0014
    NONCE = 0x0015
    XOR_MAPPED_ADDRESS = 0x0020
    PRIORITY = 0x0024
    USE_CANDIDATE = 0x0025
    COMPREHENSION_OPTIONAL = 0x8000
    FINGERPRINT = 0x8028
    ICE_CONTROLLED = 0x8029
    ICE_CONTROLLING = 0x802A


# -- CRC-32 (ITU-T V.42), four bytes a step: a STUN message is a multiple of four ----------------------------

cdef uint32_t _crc_table[4][256]


cdef void _fill_crc_table() noexcept:
    cdef uint32_t crc
    cdef int i, k
    for i in range(256):
        crc = i
        for _ in range(8):
            crc = (crc >> 1) ^ (0xEDB88320u if crc & 1 else 0u)
        _crc_table[0][i] = crc
    for i in range(256):
        for k in range(1, 4):
            crc = _crc_table[k - 1][i]
            _crc_table[k][i] = (crc >> 8) ^ _crc_table[0][crc & 0xFF]


_fill_crc_table()


cdef uint32_t _fingerprint(const uint8_t* data, int len) noexcept nogil:
    cdef uint32_t crc = 0xFFFFFFFFu
    cdef int i
    for i in range(0, len, 4):
        crc ^= bswap32(load32(data + i))
        crc = (
            _crc_table[3][crc & 0xFF] ^ _crc_table[2][(crc >> 8) & 0xFF]
            ^ _crc_table[1][(crc >> 16) & 0xFF] ^ _crc_table[0][crc >> 24]
        )
    return ~crc ^ <uint32_t>FINGERPRINT_XOR


# -- Reading -------------------------------------------------------------------------------------------------

cdef inline uint16_t* _slot(StunMessage* m, uint16_t kind, int* value_len) noexcept nogil:
    """Where an attribute's offset is kept, and how long its value must be. NULL: we keep nothing of it."""
    value_len[0] = ANY_LENGTH
    if kind == USERNAME:
        return &m.username
    if kind == XOR_MAPPED_ADDRESS:
        return &m.mapped
    if kind == ERROR_CODE:
        return &m.error
    if kind == PRIORITY:
        value_len[0] = 4
        return &m.priority
    if kind == USE_CANDIDATE:
        value_len[0] = 0
        return &m.use_candidate
    if kind == ICE_CONTROLLED:
        value_len[0] = 8
        return &m.controlled
    if kind == ICE_CONTROLLING:
        value_len[0] = 8
        return &m.controlling
    if kind == MESSAGE_INTEGRITY:
        value_len[0] = INTEGRITY_BYTES
        return &m.integrity
    if kind == FINGERPRINT:
        value_len[0] = 4
        return &m.fingerprint
    return NULL


cdef inline void _note_unknown(StunMessage* m, uint16_t kind) noexcept nogil:
    # Known to RFC 8489, without meaning for ICE: ignored (§6.3), not unknown.
    if kind in (MAPPED_ADDRESS, UNKNOWN_ATTRIBUTES, REALM, NONCE):
        return
    if kind < COMPREHENSION_OPTIONAL and m.unknown_count < STUN_UNKNOWN_MAX:
        m.unknown[m.unknown_count] = kind
        m.unknown_count += 1


cdef bint _read_attributes(const uint8_t* data, int len, StunMessage* m) noexcept nogil:
    cdef int at = STUN_HEADER_BYTES
    cdef int value_len, expected
    cdef uint16_t kind
    cdef uint16_t* slot
    while at < len:  # len is a multiple of four, so an attribute header always fits
        kind = load16(data + at)
        value_len = load16(data + at + 2)
        at += ATTRIBUTE_HEADER_BYTES
        if value_len > len - at:
            return False
        # Behind MESSAGE-INTEGRITY only FINGERPRINT counts; the rest is not authenticated (RFC 8489 §14.5).
        if m.integrity == 0 or kind == FINGERPRINT:
            slot = _slot(m, kind, &expected)
            if slot == NULL:
                _note_unknown(m, kind)
            elif expected != ANY_LENGTH and value_len != expected:
                return False
            elif slot[0] == 0:  # of a repeated attribute only the first counts (RFC 8489 §14)
                slot[0] = <uint16_t>at
        if kind == FINGERPRINT and at + value_len != len:  # it must be the last one (RFC 8489 §14.7)
            return False
        at += (value_len + 3) & ~3
    return True


cdef int stun_parse(const uint8_t* data, int len, StunMessage* m) noexcept nogil:
    cdef const uint8_t* colon
    memset(m, 0, sizeof(StunMessage))
    if len < STUN_HEADER_BYTES or len > PACKET_BYTES_MAX or len & 3:
        return DROP_STUN_MALFORMED
    # The two zero bits are what tells STUN from RTP (RFC 8489 §5); of UDP a datagram is one message.
    if data[0] & 0xC0 or load32(data + 4) != <uint32_t>COOKIE or load16(data + 2) != len - STUN_HEADER_BYTES:
        return DROP_STUN_MALFORMED
    m.kind = load16(data)
    m.length = <uint16_t>len
    memcpy(m.transaction, data + 8, STUN_TRANSACTION_BYTES)
    if not _read_attributes(data, len, m):
        return DROP_STUN_MALFORMED
    if m.username:
        m.username_len = load16(data + m.username - 2)
        colon = <const uint8_t*>memchr(data + m.username, c":", m.username_len)
        if colon != NULL:
            m.ufrag_len = <uint16_t>(colon - (data + m.username))
    if m.fingerprint == 0:
        # Connectivity checks carry it always (RFC 8445 §7.1).
        return DROP_STUN_FINGERPRINT if m.kind == STUN_BINDING_REQUEST else DROP_NONE
    if load32(data + m.fingerprint) != _fingerprint(data, m.fingerprint - ATTRIBUTE_HEADER_BYTES):
        return DROP_STUN_FINGERPRINT
    return DROP_NONE


cdef inline bint _hmac_sha1(
    const uint8_t* data, int len, const uint8_t* key, int key_len, uint8_t* out
) noexcept nogil:
    return HMAC(EVP_sha1(), key, key_len, data, len, out, NULL) != NULL


cdef bint stun_integrity_ok(
    const uint8_t* data, const StunMessage* m, const uint8_t* key, int key_len
) noexcept nogil:
    cdef uint8_t covered[PACKET_BYTES_MAX]
    cdef uint8_t expected[INTEGRITY_BYTES]
    cdef int covered_len = m.integrity - ATTRIBUTE_HEADER_BYTES
    if m.integrity == 0:
        return False
    # What precedes the attribute, with a length field as if the message ended with it (RFC 8489 §14.5).
    memcpy(covered, data, covered_len)
    store16(covered + 2, <uint16_t>(m.integrity + INTEGRITY_BYTES - STUN_HEADER_BYTES))
    if not _hmac_sha1(covered, covered_len, key, key_len, expected):
        return False
    return CRYPTO_memcmp(expected, data + m.integrity, INTEGRITY_BYTES) == 0


# -- Writing -------------------------------------------------------------------------------------------------

cdef inline int _begin(uint8_t* out, uint16_t kind, const uint8_t* transaction) noexcept nogil:
    store16(out, kind)
    store32(out + 4, COOKIE)
    memcpy(out + 8, transaction, STUN_TRANSACTION_BYTES)
    return STUN_HEADER_BYTES


cdef inline int _append(uint8_t* out, int at, uint16_t kind, const void* value, int n) noexcept nogil:
    cdef int padded = (n + 3) & ~3
    store16(out + at, kind)
    store16(out + at + 2, <uint16_t>n)
    at += ATTRIBUTE_HEADER_BYTES
    memset(out + at, 0, padded)
    memcpy(out + at, value, n)
    return at + padded


cdef int _finish(uint8_t* out, int at, const uint8_t* key, int key_len) noexcept nogil:
    """Appends MESSAGE-INTEGRITY and FINGERPRINT, each computed with a length field that includes itself."""
    cdef uint8_t digest[INTEGRITY_BYTES]
    cdef uint8_t fingerprint[4]
    store16(out + 2, <uint16_t>(at + ATTRIBUTE_HEADER_BYTES + INTEGRITY_BYTES - STUN_HEADER_BYTES))
    if not _hmac_sha1(out, at, key, key_len, digest):
        return 0
    at = _append(out, at, MESSAGE_INTEGRITY, digest, INTEGRITY_BYTES)
    store16(out + 2, <uint16_t>(at + ATTRIBUTE_HEADER_BYTES + 4 - STUN_HEADER_BYTES))
    store32(fingerprint, _fingerprint(out, at))
    return _append(out, at, FINGERPRINT, fingerprint, 4)


cdef void _xor_address(uint8_t* ip, int n, const uint8_t* header) noexcept nogil:
    """XOR with cookie and transaction id, which stand in that order in a header (RFC 8489 §14.2)."""
    cdef int i
    for i in range(n):
        ip[i] ^= header[4 + i]


cdef int stun_build_success(
    uint8_t* out, const StunMessage* req, const Addr* mapped, const uint8_t* key, int key_len
) noexcept nogil:
    cdef uint8_t value[20]
    cdef int ip_len = 4 if mapped.family == 4 else 16
    cdef int at = _begin(out, STUN_BINDING_SUCCESS, req.transaction)
    value[0] = 0
    value[1] = 1 if mapped.family == 4 else 2
    store16(value + 2, mapped.port ^ <uint16_t>(COOKIE >> 16))
    memcpy(value + 4, mapped.ip, ip_len)
    _xor_address(value + 4, ip_len, out)
    at = _append(out, at, XOR_MAPPED_ADDRESS, value, 4 + ip_len)
    return _finish(out, at, key, key_len)


cdef inline const char* _reason_phrase(int code) noexcept nogil:
    if code == STUN_BAD_REQUEST:
        return "Bad Request"
    if code == STUN_UNAUTHENTICATED:
        return "Unauthenticated"
    if code == STUN_UNKNOWN_ATTRIBUTE:
        return "Unknown Attribute"
    if code == STUN_ROLE_CONFLICT:
        return "Role Conflict"
    return ""


cdef int stun_build_error(
    uint8_t* out, const StunMessage* req, int code, const uint8_t* key, int key_len
) noexcept nogil:
    cdef uint8_t value[32]
    cdef const char* phrase = _reason_phrase(code)
    cdef int phrase_len = <int>strlen(phrase)
    cdef int at = _begin(out, STUN_BINDING_ERROR, req.transaction)
    cdef int i
    store16(value, 0)  # the class is the hundreds, the number the rest (RFC 8489 §14.8)
    value[2] = <uint8_t>(code // 100)
    value[3] = <uint8_t>(code % 100)
    memcpy(value + 4, phrase, phrase_len)
    at = _append(out, at, ERROR_CODE, value, 4 + phrase_len)
    if code == STUN_UNKNOWN_ATTRIBUTE:
        for i in range(req.unknown_count):
            store16(value + 2 * i, req.unknown[i])
        at = _append(out, at, UNKNOWN_ATTRIBUTES, value, 2 * req.unknown_count)
    return _finish(out, at, key, key_len)


# -- For Python: tests, benchmark peers, tools ---------------------------------------------------------------

cdef int addr_from_python(object address, Addr* out) except -1:
    host, port = address[0], address[1]
    cdef int family = 6 if ":" in host else 4
    cdef bytes packed = socket.inet_pton(socket.AF_INET6 if family == 6 else socket.AF_INET, host)
    memset(out, 0, sizeof(Addr))
    memcpy(out.ip, PyBytes_AS_STRING(packed), len(packed))
    out.port = port
    out.family = family
    return 0


cdef object addr_to_python(const Addr* address):
    cdef int family = socket.AF_INET if address.family == 4 else socket.AF_INET6
    cdef bytes packed = (<const char*>address.ip)[:4 if address.family == 4 else 16]
    return socket.inet_ntop(family, packed), address.port


cdef class Message:
    """One well-formed STUN message. Nothing in it is authentic until `integrity_ok` says so."""

    def __cinit__(self, bytes data not None):
        self.data = data
        cdef int reason = stun_parse(self.bytes_of(), <int>len(data), &self.message)
        if reason != DROP_NONE:
            raise ValueError(DropReason(reason).name)

    cdef const uint8_t* bytes_of(self) noexcept:
        return <const uint8_t*>PyBytes_AS_STRING(self.data)

    cdef int value_length(self, int offset) noexcept:
        return load16(self.bytes_of() + offset - 2)

    @property
    def kind(self):
        return self.message.kind

    @property
    def transaction_id(self):
        return self.data[8:20]

    @property
    def username(self):
        cdef int at = self.message.username
        return self.data[at : at + self.message.username_len] if at else None

    @property
    def ufrag(self):
        """The USERNAME up to its ':', which is the receiver's ufrag; None without one."""
        cdef int at = self.message.username
        return self.data[at : at + self.message.ufrag_len] if self.message.ufrag_len else None

    @property
    def priority(self):
        return load32(self.bytes_of() + self.message.priority) if self.message.priority else None

    @property
    def use_candidate(self):
        return self.message.use_candidate != 0

    @property
    def controlling(self):
        """The tie-breaker of ICE-CONTROLLING, None when absent."""
        return load64(self.bytes_of() + self.message.controlling) if self.message.controlling else None

    @property
    def controlled(self):
        """The tie-breaker of ICE-CONTROLLED, None when absent."""
        return load64(self.bytes_of() + self.message.controlled) if self.message.controlled else None

    @property
    def unknown_attributes(self):
        """Types of the comprehension-required attributes that are not known here."""
        return [self.message.unknown[i] for i in range(self.message.unknown_count)]

    @property
    def error_code(self):
        """300 to 699, None when there is no ERROR-CODE."""
        cdef int at = self.message.error
        if not at or self.value_length(at) < 4:
            return None
        return (self.data[at + 2] & 7) * 100 + self.data[at + 3]

    @property
    def mapped_address(self):
        """(host, port) of XOR-MAPPED-ADDRESS, None when absent or of no known shape."""
        cdef Addr address
        cdef const uint8_t* data = self.bytes_of()
        cdef int at = self.message.mapped
        cdef int n = self.value_length(at) - 4 if at else 0
        if (n, self.data[at + 1]) not in ((4, 1), (16, 2)):
            return None
        memset(&address, 0, sizeof(Addr))
        address.family = 4 if n == 4 else 6
        address.port = load16(data + at + 2) ^ <uint16_t>(COOKIE >> 16)
        memcpy(address.ip, data + at + 4, n)
        _xor_address(address.ip, n, data)
        return addr_to_python(&address)

    def integrity_ok(self, bytes password not None):
        """Whether MESSAGE-INTEGRITY is there and was made with `password`."""
        return bool(stun_integrity_ok(
            self.bytes_of(), &self.message, <const uint8_t*>PyBytes_AS_STRING(password), <int>len(password)))

    def build_success(self, mapped, bytes password not None):
        """The Binding success response to this request, telling the peer its `mapped` (host, port)."""
        cdef uint8_t out[STUN_ANSWER_BYTES_MAX]
        cdef Addr address
        addr_from_python(mapped, &address)
        cdef int n = stun_build_success(
            out, &self.message, &address, <const uint8_t*>PyBytes_AS_STRING(password), <int>len(password))
        return (<const char*>out)[:n]

    def build_error(self, int code, bytes password not None):
        """The Binding error response to this request; 420 lists its unknown attributes."""
        cdef uint8_t out[STUN_ANSWER_BYTES_MAX]
        cdef int n = stun_build_error(
            out, &self.message, code, <const uint8_t*>PyBytes_AS_STRING(password), <int>len(password))
        return (<const char*>out)[:n]


def parse(bytes data not None):
    """Reads one datagram. Raises ValueError with the DropReason's name when stun_parse refuses it."""
    return Message(data)


def build_binding_request(
    bytes username not None,
    bytes password not None,
    *,
    uint32_t priority,
    uint64_t tie_breaker,
    bint controlling=True,
    bint use_candidate=False,
    bytes transaction_id=None,
):
    """A connectivity check with MESSAGE-INTEGRITY and FINGERPRINT (RFC 8445 §7.2.2).

    `username` is `receiver's ufrag:sender's ufrag`, `password` the receiver's. The transaction id is
    12 bytes, random when not given. Raises ValueError when a length is out of bounds.
    """
    cdef uint8_t out[PACKET_BYTES_MAX]
    cdef uint8_t value[8]
    cdef int at, n
    cdef bytes transaction = os.urandom(STUN_TRANSACTION_BYTES) if transaction_id is None else transaction_id
    if len(transaction) != STUN_TRANSACTION_BYTES:
        raise ValueError("a transaction id has 12 bytes")
    if len(username) > 513:  # RFC 8489 §14.3: fewer than 509 characters; 513 was RFC 5389's bound
        raise ValueError("a username has at most 513 bytes")
    at = _begin(out, STUN_BINDING_REQUEST, <const uint8_t*>PyBytes_AS_STRING(transaction))
    at = _append(out, at, USERNAME, PyBytes_AS_STRING(username), <int>len(username))
    store32(value, priority)
    at = _append(out, at, PRIORITY, value, 4)
    store64(value, tie_breaker)
    at = _append(out, at, ICE_CONTROLLING if controlling else ICE_CONTROLLED, value, 8)
    if use_candidate:
        at = _append(out, at, USE_CANDIDATE, value, 0)
    n = _finish(out, at, <const uint8_t*>PyBytes_AS_STRING(password), <int>len(password))
    return (<const char*>out)[:n]
