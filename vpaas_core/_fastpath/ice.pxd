"""ICE-lite (RFC 8445 §2.5): a peer's checks are answered, and tell where it may be reached.

State is plain data without pointers, embedded in a transport. A tuple is an address from which an
authenticated check came; media goes to the selected one.
"""

from libc.stdint cimport int64_t, uint8_t

from vpaas_core._fastpath.limits cimport ICE_PWD_BYTES_MAX, ICE_TUPLES_MAX, ICE_UFRAG_BYTES_MAX
from vpaas_core._fastpath.net cimport Addr, addr_equal
from vpaas_core._fastpath.stun cimport StunMessage


cpdef enum IceState:
    ICE_NEW                 # no valid check yet
    ICE_CONNECTED           # a tuple is selected, none nominated
    ICE_COMPLETED           # the selected tuple is the one the peer nominated last
    ICE_DISCONNECTED        # consent expired; a valid check revives it
    ICE_CLOSED              # answers nothing


cpdef enum IceChange:
    """Bits of what a check or a tick has changed."""
    ICE_STATE_CHANGED = 1
    ICE_TUPLE_ADDED = 2     # the source is now a tuple; it may have been another transport's before
    ICE_SELECTED_CHANGED = 4
    ICE_TUPLE_EVICTED = 8   # a tuple made room for the added one
    ICE_RESTARTED = 16      # the first check with the new credentials came: the previous ufrag is void


cdef struct IceCredentials:
    uint8_t ufrag[ICE_UFRAG_BYTES_MAX]
    uint8_t pwd[ICE_PWD_BYTES_MAX]
    uint8_t ufrag_len       # bytes; 0: no credentials
    uint8_t pwd_len         # bytes


cdef struct IceTuple:
    Addr address
    int64_t last_us         # the last sign of life from there


cdef struct IceLite:
    IceCredentials local
    IceCredentials previous         # during a restart: what the peer still uses
    IceTuple tuples[ICE_TUPLES_MAX] # an index stays the same address until that one is evicted
    int tuple_count
    int selected                    # index into tuples; -1: none, send nothing
    int state                       # IceState
    int64_t last_consent_us         # the last sign of life from the selected tuple
    int64_t consent_timeout_us      # 0: consent never expires


cdef inline const Addr* ice_selected(const IceLite* ice) noexcept nogil:
    """Where media goes; NULL: nowhere."""
    if ice.selected < 0:
        return NULL
    return &ice.tuples[ice.selected].address


cdef inline bint ice_knows(const IceLite* ice, const Addr* address) noexcept nogil:
    """An authentic check has come from there."""
    cdef int i
    for i in range(ice.tuple_count):
        if addr_equal(&ice.tuples[i].address, address):
            return True
    return False


# Authentic media or reports came from `source`. From the selected tuple that is as good as a check: libnice (so
# GStreamer 1.22) sends none once it has a pair, and RFC 7675 §5 asks for a sign that the peer itself is there.
cdef inline void ice_heard(IceLite* ice, const Addr* source, int64_t now_us) noexcept nogil:
    if ice.selected >= 0 and addr_equal(source, &ice.tuples[ice.selected].address):
        ice.tuples[ice.selected].last_us = now_us
        ice.last_consent_us = now_us


# Lengths are 1 to ICE_UFRAG_BYTES_MAX and 1 to ICE_PWD_BYTES_MAX, checked by the caller.
cdef void ice_init(
    IceLite* ice, const uint8_t* ufrag, int ufrag_len, const uint8_t* pwd, int pwd_len,
    int64_t consent_timeout_us,
) noexcept nogil

# New credentials; the pair in use stays valid until a check with the new one arrives.
cdef void ice_restart(
    IceLite* ice, const uint8_t* ufrag, int ufrag_len, const uint8_t* pwd, int pwd_len) noexcept nogil

cdef void ice_close(IceLite* ice) noexcept nogil

# A parsed message whose ufrag led to this transport. DROP_NONE: it is answered; else why it was dropped.
# `out` has room for STUN_ANSWER_BYTES_MAX; `changed` gets IceChange bits; `evicted` is set along with
# ICE_TUPLE_EVICTED.
cdef int ice_handle_request(
    IceLite* ice, const uint8_t* data, int len, const StunMessage* m, const Addr* source, int64_t now_us,
    uint8_t* out, int* out_len, int* changed, Addr* evicted,
) noexcept nogil

# Expires consent; IceChange bits. Every second or so is often enough.
cdef int ice_tick(IceLite* ice, int64_t now_us) noexcept nogil


cdef class IceAgentLite:
    cdef IceLite ice
