"""STUN (RFC 8489) as ICE uses it: read a message into offsets, check it, build the answers.

Nothing here keeps state, and nothing but stun_integrity_ok says that a message can be trusted.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from vpaas_core._fastpath.net cimport Addr


cdef enum:
    STUN_HEADER_BYTES = 20
    STUN_TRANSACTION_BYTES = 12
    STUN_ANSWER_BYTES_MAX = 256     # bytes; no answer built here is longer
    STUN_UNKNOWN_MAX = 8            # unknown attributes reported in one 420; the rest go unsaid


cpdef enum StunKind:
    """Class and method as they stand in the first two bytes (RFC 8489 §5)."""
    STUN_BINDING_REQUEST = 0x0001
    STUN_BINDING_INDICATION = 0x0011
    STUN_BINDING_SUCCESS = 0x0101
    STUN_BINDING_ERROR = 0x0111


cpdef enum StunError:
    """Error codes of RFC 8489 §14.8 and RFC 8445 §7.3.1.1."""
    STUN_BAD_REQUEST = 400
    STUN_UNAUTHENTICATED = 401
    STUN_UNKNOWN_ATTRIBUTE = 420
    STUN_ROLE_CONFLICT = 487


# Where things are in the datagram. An offset points at an attribute's value; 0: the attribute is absent.
cdef struct StunMessage:
    uint16_t kind                   # StunKind
    uint16_t length                 # bytes, header included: the whole datagram
    uint8_t transaction[STUN_TRANSACTION_BYTES]
    uint16_t username
    uint16_t username_len
    uint16_t ufrag_len              # bytes of USERNAME before its ':': the receiver's ufrag; 0: no ':'
    uint16_t priority
    uint16_t use_candidate
    uint16_t controlling
    uint16_t controlled
    uint16_t mapped                 # XOR-MAPPED-ADDRESS
    uint16_t error                  # ERROR-CODE
    uint16_t integrity
    uint16_t fingerprint
    uint16_t unknown_count
    uint16_t unknown[STUN_UNKNOWN_MAX]  # comprehension-required attributes that we do not know


cdef inline bint stun_is_request(const StunMessage* m) noexcept nogil:
    return m.kind == STUN_BINDING_REQUEST


# DROP_NONE or DROP_STUN_MALFORMED, DROP_STUN_FINGERPRINT. Any class and method that is well formed passes.
cdef int stun_parse(const uint8_t* data, int len, StunMessage* m) noexcept nogil

# Whether MESSAGE-INTEGRITY is there and was made with `key` (the short-term password). In constant time.
cdef bint stun_integrity_ok(
    const uint8_t* data, const StunMessage* m, const uint8_t* key, int key_len) noexcept nogil

# Builders return the length written to `out`, at most STUN_ANSWER_BYTES_MAX.
cdef int stun_build_success(
    uint8_t* out, const StunMessage* req, const Addr* mapped, const uint8_t* key, int key_len) noexcept nogil
cdef int stun_build_error(
    uint8_t* out, const StunMessage* req, int code, const uint8_t* key, int key_len) noexcept nogil


# Set-up and tools only: an Addr from Python's (host, port).
cdef int addr_from_python(object address, Addr* out) except -1
cdef object addr_to_python(const Addr* address)


cdef class Message:
    cdef bytes data
    cdef StunMessage message
    cdef const uint8_t* bytes_of(self) noexcept
    cdef int value_length(self, int offset) noexcept
