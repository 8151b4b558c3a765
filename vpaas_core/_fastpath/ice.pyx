"""See ice.pxd."""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp, memcpy, memset

from vpaas_core._fastpath.drop cimport (
    DROP_NONE, DROP_STUN_INTEGRITY, DROP_STUN_UNEXPECTED, DROP_STUN_UNKNOWN_UFRAG,
)
from vpaas_core._fastpath.limits cimport (
    ICE_CONSENT_TIMEOUT_US, ICE_PWD_BYTES_MAX, ICE_TUPLES_MAX, ICE_UFRAG_BYTES_MAX,
)
from vpaas_core._fastpath.net cimport Addr, addr_equal
from vpaas_core._fastpath.stun cimport (
    STUN_ANSWER_BYTES_MAX, STUN_BAD_REQUEST, STUN_ROLE_CONFLICT, STUN_UNKNOWN_ATTRIBUTE,
    StunMessage, addr_from_python, addr_to_python,
    stun_build_error, stun_build_success, stun_integrity_ok, stun_is_request, stun_parse,
)

from typing import NamedTuple

assert ICE_TUPLES_MAX > 1  # one is selected, and another must be there to be evicted
assert ICE_UFRAG_BYTES_MAX <= 255 and ICE_PWD_BYTES_MAX <= 255  # their lengths are bytes


cdef void _set_credentials(
    IceCredentials* c, const uint8_t* ufrag, int ufrag_len, const uint8_t* pwd, int pwd_len
) noexcept nogil:
    memset(c, 0, sizeof(IceCredentials))
    memcpy(c.ufrag, ufrag, ufrag_len)
    memcpy(c.pwd, pwd, pwd_len)
    c.ufrag_len = <uint8_t>ufrag_len
    c.pwd_len = <uint8_t>pwd_len


cdef void ice_init(
    IceLite* ice, const uint8_t* ufrag, int ufrag_len, const uint8_t* pwd, int pwd_len,
    int64_t consent_timeout_us,
) noexcept nogil:
    memset(ice, 0, sizeof(IceLite))
    _set_credentials(&ice.local, ufrag, ufrag_len, pwd, pwd_len)
    ice.selected = -1
    ice.state = ICE_NEW
    ice.consent_timeout_us = consent_timeout_us


cdef void ice_restart(
    IceLite* ice, const uint8_t* ufrag, int ufrag_len, const uint8_t* pwd, int pwd_len
) noexcept nogil:
    if ice.state == ICE_CLOSED:
        return
    if ice.previous.ufrag_len == 0:  # else a restart is pending and `previous` is what the peer still uses
        ice.previous = ice.local
    _set_credentials(&ice.local, ufrag, ufrag_len, pwd, pwd_len)


cdef void ice_close(IceLite* ice) noexcept nogil:
    memset(&ice.local, 0, sizeof(IceCredentials))
    memset(&ice.previous, 0, sizeof(IceCredentials))
    ice.tuple_count = 0
    ice.selected = -1
    ice.state = ICE_CLOSED


cdef inline bint _named(const IceCredentials* c, const uint8_t* data, const StunMessage* m) noexcept nogil:
    return (
        c.ufrag_len != 0 and c.ufrag_len == m.ufrag_len
        and memcmp(c.ufrag, data + m.username, c.ufrag_len) == 0
    )


cdef int _tuple_of(IceLite* ice, const Addr* source, int* changed, Addr* evicted) noexcept nogil:
    """The index of `source`, added if need be in place of the tuple longest unheard of."""
    cdef int i
    cdef int oldest = -1
    for i in range(ice.tuple_count):
        if addr_equal(&ice.tuples[i].address, source):
            return i
        if i != ice.selected and (oldest < 0 or ice.tuples[i].last_us < ice.tuples[oldest].last_us):
            oldest = i
    if ice.tuple_count < ICE_TUPLES_MAX:
        i = ice.tuple_count
        ice.tuple_count += 1
    else:
        i = oldest
        evicted[0] = ice.tuples[i].address
        changed[0] |= ICE_TUPLE_EVICTED
    ice.tuples[i].address = source[0]
    changed[0] |= ICE_TUPLE_ADDED
    return i


cdef int _select(IceLite* ice, int i, int state) noexcept nogil:
    """Makes tuple `i` (-1: none) the selected one in `state`; the bits of what that changed."""
    cdef int changed = 0
    if ice.selected != i:
        ice.selected = i
        changed |= ICE_SELECTED_CHANGED
    if ice.state != state:
        ice.state = state
        changed |= ICE_STATE_CHANGED
    return changed


cdef void _admit(
    IceLite* ice, const StunMessage* m, const Addr* source, int64_t now_us, int* changed, Addr* evicted
) noexcept nogil:
    """An authenticated check that succeeds: its source is a valid tuple, perhaps the one to send to."""
    cdef int i = _tuple_of(ice, source, changed, evicted)
    ice.tuples[i].last_us = now_us
    if m.use_candidate:
        # RFC 8445 §7.3.2. The last nomination counts: the peer has moved to another network.
        changed[0] |= _select(ice, i, ICE_COMPLETED)
    elif ice.selected < 0 or (ice.state == ICE_CONNECTED and changed[0] & ICE_TUPLE_ADDED):
        # RFC 8445 §7.3.2 would have a lite agent wait for the nomination; browsers start DTLS on the first
        # pair that works and need their answer there. Only a new tuple moves it: the checks that keep
        # several pairs alive would move it to and fro.
        changed[0] |= _select(ice, i, ICE_CONNECTED)
    if i == ice.selected:
        ice.last_consent_us = now_us


cdef int ice_handle_request(
    IceLite* ice, const uint8_t* data, int len, const StunMessage* m, const Addr* source, int64_t now_us,
    uint8_t* out, int* out_len, int* changed, Addr* evicted,
) noexcept nogil:
    cdef const IceCredentials* c = &ice.local
    cdef int error = 0
    out_len[0] = 0
    changed[0] = 0
    if not stun_is_request(m):  # a lite agent sends no checks, so no response is its own
        return DROP_STUN_UNEXPECTED
    if not _named(c, data, m):
        c = &ice.previous
        if not _named(c, data, m):
            return DROP_STUN_UNKNOWN_UFRAG
    if not stun_integrity_ok(data, m, c.pwd, c.pwd_len):
        # RFC 8489 §9.1.3 would answer 400 or 401. We are silent, on purpose: an answer to a source that
        # proved nothing serves only who forges that source or asks which ufrags exist.
        return DROP_STUN_INTEGRITY

    if m.unknown_count:
        error = STUN_UNKNOWN_ATTRIBUTE  # RFC 8489 §6.3.1
    elif m.priority == 0:
        error = STUN_BAD_REQUEST  # RFC 8445 §7.1.1: a check carries it always
    elif m.controlled:
        error = STUN_ROLE_CONFLICT  # RFC 8445 §6.1.1: the lite agent is controlled; §7.3.1.1
    if error:
        out_len[0] = stun_build_error(out, m, error, c.pwd, c.pwd_len)
        return DROP_NONE
    out_len[0] = stun_build_success(out, m, source, c.pwd, c.pwd_len)

    if c == &ice.local and ice.previous.ufrag_len:
        # RFC 8445 §12.1: media stays on the selected tuple until the new session nominates one.
        memset(&ice.previous, 0, sizeof(IceCredentials))
        changed[0] |= ICE_RESTARTED
    _admit(ice, m, source, now_us, changed, evicted)
    return DROP_NONE


cdef int ice_tick(IceLite* ice, int64_t now_us) noexcept nogil:
    cdef int i
    cdef int newest = 0
    if ice.selected < 0 or ice.consent_timeout_us == 0:
        return 0
    # RFC 7675 §5.1: nothing may be sent to an address whose consent has expired. A lite agent sends no checks
    # and takes the peer's own as consent, per address; another one that is still checked takes over.
    if now_us - ice.last_consent_us < ice.consent_timeout_us:
        return 0
    for i in range(1, ice.tuple_count):
        if ice.tuples[i].last_us > ice.tuples[newest].last_us:
            newest = i
    if now_us - ice.tuples[newest].last_us >= ice.consent_timeout_us:
        return _select(ice, -1, ICE_DISCONNECTED)
    ice.last_consent_us = ice.tuples[newest].last_us
    return _select(ice, newest, ICE_CONNECTED)


# -- For Python: tests, benchmark peers, tools ---------------------------------------------------------------

class Handled(NamedTuple):
    reason: int
    answer: bytes | None
    changed: int
    evicted: tuple[str, int] | None


cdef int _check_credentials(bytes ufrag, bytes pwd) except -1:
    if not 0 < len(ufrag) <= ICE_UFRAG_BYTES_MAX or not 0 < len(pwd) <= ICE_PWD_BYTES_MAX:
        raise ValueError("ufrag or pwd is empty or too long")
    return 0


cdef class IceAgentLite:
    """An IceLite for tests and tools. Addresses are (host, port), times monotonic microseconds.

    Raises ValueError when a credential is empty or too long.
    """

    def __cinit__(
        self, bytes ufrag not None, bytes pwd not None, *, int64_t consent_timeout_us=ICE_CONSENT_TIMEOUT_US
    ):
        _check_credentials(ufrag, pwd)
        ice_init(
            &self.ice,
            <const uint8_t*>PyBytes_AS_STRING(ufrag), <int>len(ufrag),
            <const uint8_t*>PyBytes_AS_STRING(pwd), <int>len(pwd),
            consent_timeout_us,
        )

    def restart(self, bytes ufrag not None, bytes pwd not None):
        """New credentials; the old ones are answered until a check with the new ones arrives."""
        _check_credentials(ufrag, pwd)
        ice_restart(
            &self.ice,
            <const uint8_t*>PyBytes_AS_STRING(ufrag), <int>len(ufrag),
            <const uint8_t*>PyBytes_AS_STRING(pwd), <int>len(pwd),
        )

    def close(self):
        """Forgets credentials and tuples; every request is dropped from now on."""
        ice_close(&self.ice)

    def handle(self, bytes datagram not None, source, int64_t now_us):
        """Parses and handles one datagram; `changed` has IceChange bits, `reason` is a DropReason."""
        cdef const uint8_t* data = <const uint8_t*>PyBytes_AS_STRING(datagram)
        cdef int n = <int>len(datagram)
        cdef uint8_t out[STUN_ANSWER_BYTES_MAX]
        cdef int out_len = 0
        cdef int changed = 0
        cdef StunMessage m
        cdef Addr peer, evicted
        addr_from_python(source, &peer)
        cdef int reason = stun_parse(data, n, &m)
        if reason == DROP_NONE:
            reason = ice_handle_request(
                &self.ice, data, n, &m, &peer, now_us, out, &out_len, &changed, &evicted)
        return Handled(
            reason,
            (<const char*>out)[:out_len] if out_len else None,
            changed,
            addr_to_python(&evicted) if changed & ICE_TUPLE_EVICTED else None,
        )

    def tick(self, int64_t now_us):
        """Expires consent; returns IceChange bits."""
        return ice_tick(&self.ice, now_us)

    @property
    def state(self):
        return IceState(self.ice.state)

    @property
    def selected(self):
        """(host, port) that media goes to, or None."""
        cdef const Addr* address = ice_selected(&self.ice)
        return addr_to_python(address) if address != NULL else None

    @property
    def tuples(self):
        """(host, port) of every valid tuple, unordered."""
        return [addr_to_python(&self.ice.tuples[i].address) for i in range(self.ice.tuple_count)]
