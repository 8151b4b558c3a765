"""SRTP over `bytes`, for tests and tools: a test peer's whole SRTP, and the loops the benchmarks time."""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy
from vpaas_core._fastpath.crypto cimport GCM_TAG_BYTES, HMAC_KEY_BYTES
from vpaas_core._fastpath.drop cimport DROP_SRTP_MALFORMED
from vpaas_core._fastpath.limits cimport SRTP_OVERHEAD_BYTES_MAX
from vpaas_core._fastpath.replay cimport Replay, replay_accept, replay_check, replay_index
from vpaas_core._fastpath.srtp cimport (
    EVP, IPSEC_MB, SrtpEngine, SrtpKeys, srtcp_protect, srtcp_unprotect, srtp_derive, srtp_engine_new,
    srtp_flush, srtp_key_bytes, srtp_keys_free, srtp_keys_from_session, srtp_keys_new, srtp_protect,
    srtp_salt_bytes, srtp_unprotect)
from vpaas_core._fastpath.wire cimport load16, load32

from vpaas_core._fastpath.drop import drop_names
from vpaas_core._fastpath.srtp import SrtpBackend, SrtpProfile

cdef SrtpEngine* session_engines[2]     # one per backend for all sessions: they only work under the GIL


class SrtpError(Exception):
    """A packet was refused. `reason` is the drop counter's name: srtp_auth, srtp_replay or srtp_malformed."""

    def __init__(self, reason: int) -> None:
        self.reason = drop_names()[reason]
        super().__init__(self.reason)


def srtp_derive_key(master_key: bytes, master_salt: bytes, label: int, length: int) -> bytes:
    """`length` bytes of session key for a label of RFC 3711 §4.3.2; keys of 16 or 32 bytes, salts to 14."""
    cdef bytearray out = bytearray(length)
    if len(master_salt) > 14 or not srtp_derive(
            master_key, len(master_key), master_salt, len(master_salt), label, out, length):
        raise ValueError("bad key or salt length")
    return bytes(out)


cdef SrtpEngine* session_engine(int backend) noexcept:
    if backend != EVP and backend != IPSEC_MB:
        return NULL
    if session_engines[backend] == NULL:
        session_engines[backend] = srtp_engine_new(backend)
    return session_engines[backend]


cdef Replay stream_of(dict streams, uint32_t ssrc):
    """A new stream is not stored yet: an SSRC gets no state before its tag verifies."""
    return streams.get(ssrc) or Replay()


cdef class SrtpSession:
    """One master key's streams: ROC, SRTCP index and replay windows per SSRC, each direction for itself.

    `key` and `salt` have the lengths of the profile (16 + 14, 16 + 12, 32 + 12 bytes); ValueError otherwise.
    `backend` defaults to the fastest. Packets are whole datagrams; a refused one raises SrtpError.
    """

    cdef SrtpEngine* engine
    cdef SrtpKeys* keys
    cdef dict rtp_sent, rtp_received, rtcp_sent, rtcp_received
    cdef readonly object profile
    cdef readonly object backend

    def __init__(self, profile: int, key: bytes, salt: bytes, backend: int | None = None) -> None:
        self.open(profile, key, salt, backend)
        self.keys = srtp_keys_new(self.engine, profile, key, salt)
        if self.keys == NULL:
            raise MemoryError

    @classmethod
    def from_session_keys(
        cls, profile: int, key: bytes, salt: bytes, auth_key: bytes = bytes(20), backend: int | None = None,
    ) -> SrtpSession:
        """A session whose RTP and RTCP keys are these, not derived: what the RFCs' packet vectors need."""
        cdef SrtpSession session = cls.__new__(cls)
        session.open(profile, key, salt, backend)
        if len(auth_key) != HMAC_KEY_BYTES:
            raise ValueError("auth_key must have 20 bytes")
        session.keys = srtp_keys_from_session(session.engine, profile, key, auth_key, salt)
        if session.keys == NULL:
            raise MemoryError
        return session

    cdef int open(self, profile, bytes key, bytes salt, backend) except -1:
        self.profile = SrtpProfile(profile)
        if srtp_key_bytes(profile) == 0:
            raise ValueError(f"unknown profile {profile}")
        if len(key) != srtp_key_bytes(profile) or len(salt) != srtp_salt_bytes(profile):
            expected = f"{srtp_key_bytes(profile)} + {srtp_salt_bytes(profile)} bytes"
            raise ValueError(f"{self.profile.name} takes {expected}")
        if backend is None:
            backend = IPSEC_MB if session_engine(IPSEC_MB) != NULL else EVP
        self.backend = SrtpBackend(backend)
        self.engine = session_engine(self.backend)
        if self.engine == NULL:
            raise ValueError(f"{self.backend.name} is not on this machine")
        self.rtp_sent, self.rtp_received, self.rtcp_sent, self.rtcp_received = {}, {}, {}, {}
        return 0

    def __dealloc__(self) -> None:
        srtp_keys_free(self.keys)

    cdef int64_t send_index(self, const uint8_t* header):
        """RTP index of a packet to be sent; older ones are retransmissions and keep theirs."""
        cdef uint32_t ssrc = load32(header + 8)
        cdef Replay stream = stream_of(self.rtp_sent, ssrc)
        cdef int64_t index = replay_index(&stream.window, load16(header + 2))
        stream.accept(index)
        self.rtp_sent[ssrc] = stream
        return index

    def protect_rtp(self, packet: bytes) -> bytes:
        """The SRTP packet. The ROC follows the sequence numbers, from 0."""
        return fan_out([self], [packet])[0][0]

    def unprotect_rtp(self, packet: bytes) -> bytes:
        """The RTP packet of an SRTP packet that is authentic and new."""
        cdef bytearray out = bytearray(len(packet))
        cdef const uint8_t* data = packet
        cdef int header_len = rtp_header_bytes(data, len(packet))
        cdef Replay stream
        cdef int64_t index
        cdef int n
        if header_len == 0:
            raise SrtpError(DROP_SRTP_MALFORMED)
        stream = stream_of(self.rtp_received, load32(data + 8))
        index = replay_index(&stream.window, load16(data + 2))
        n = -replay_check(&stream.window, index)
        if n == 0:
            n = srtp_unprotect(self.engine, self.keys, data, len(packet), header_len, index, out)
        if n < 0:
            raise SrtpError(-n)
        replay_accept(&stream.window, index)
        self.rtp_received[load32(data + 8)] = stream
        return bytes(out[:n])

    def protect_rtcp(self, packet: bytes, index: int | None = None) -> bytes:
        """The SRTCP packet, encrypted. `index` defaults to one more than the sender's last, from 0."""
        cdef bytearray out = bytearray(len(packet) + SRTP_OVERHEAD_BYTES_MAX)
        cdef int n
        if len(packet) < 8:
            raise SrtpError(DROP_SRTP_MALFORMED)
        ssrc = load32(<const uint8_t*>packet + 4)
        if index is None:
            index = self.rtcp_sent.get(ssrc, -1) + 1
        self.rtcp_sent[ssrc] = index
        n = srtcp_protect(self.engine, self.keys, packet, len(packet), index, out)
        return bytes(out[:n])

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """The compound RTCP packet of an SRTCP packet that is authentic and new, encrypted or not."""
        cdef bytearray out = bytearray(len(packet))
        cdef Replay stream
        cdef uint32_t index = 0
        cdef int n = srtcp_unprotect(self.engine, self.keys, packet, len(packet), out, &index)
        if n < 0:
            raise SrtpError(-n)
        ssrc = load32(<const uint8_t*>packet + 4)
        stream = stream_of(self.rtcp_received, ssrc)
        if replay_check(&stream.window, index) != 0:
            raise SrtpError(replay_check(&stream.window, index))
        replay_accept(&stream.window, index)
        self.rtcp_received[ssrc] = stream
        return bytes(out[:n])


def fan_out(
    sessions: list[SrtpSession], packets: list[bytes], in_place: bool = False,
) -> list[list[bytes]]:
    """Each RTP packet protected for each session: one list of SRTP packets per session. See FanOut."""
    work = FanOut(sessions, packets, in_place)
    work.run(1)
    return work.protected()


cdef struct Protection:         # one packet for one session
    SrtpKeys* keys
    const uint8_t* packet
    int header_len
    int payload_len
    int64_t index
    uint8_t* out
    int out_len


cdef class FanOut:
    """RTP packets to protect for sessions of one backend (else ValueError), as the forwarding loop does.

    `in_place` encrypts each payload where its ciphertext goes; otherwise all come from the one plaintext.
    """

    cdef SrtpEngine* engine
    cdef Protection* work
    cdef int count
    cdef bint in_place
    cdef list packets, sessions    # kept alive: work points into them
    cdef bytearray arena

    def __init__(self, sessions: list[SrtpSession], packets: list[bytes], in_place: bool = False) -> None:
        cdef SrtpSession session = sessions[0]
        cdef int slot_bytes = max(map(len, packets)) + GCM_TAG_BYTES
        cdef Protection* w
        self.engine = session.engine
        self.in_place = in_place
        self.packets = list(packets)
        self.sessions = list(sessions)
        self.arena = bytearray(len(sessions) * len(packets) * slot_bytes)
        self.work = <Protection*>calloc(len(sessions) * len(packets), sizeof(Protection))
        if self.work == NULL:
            raise MemoryError
        for session in sessions:
            if session.engine != self.engine:
                raise ValueError("the sessions have different backends")
            for packet in packets:
                w = &self.work[self.count]
                w.keys = session.keys
                w.packet = packet
                w.header_len = rtp_header_bytes(packet, len(packet))
                if w.header_len == 0:
                    raise SrtpError(DROP_SRTP_MALFORMED)
                w.payload_len = len(packet) - w.header_len
                w.index = session.send_index(packet)
                w.out = <uint8_t*>self.arena + self.count * slot_bytes
                self.count += 1

    def __dealloc__(self) -> None:
        free(self.work)

    def run(self, rounds: int) -> None:
        """Protects everything and flushes, `rounds` times over, without the GIL."""
        cdef int repeats = rounds
        with nogil:
            for _ in range(repeats):
                protect_all(self.engine, self.work, self.count, self.in_place)

    def protected(self) -> list[list[bytes]]:
        """The SRTP packets of the last round, one list per session."""
        cdef int n
        out = [bytes(self.work[n].out[:self.work[n].out_len]) for n in range(self.count)]
        per_session = len(self.packets)
        return [out[i:i + per_session] for i in range(0, self.count, per_session)]


cdef void protect_all(SrtpEngine* engine, Protection* work, int count, bint in_place) noexcept nogil:
    cdef int i
    cdef Protection* w
    cdef const uint8_t* payload
    for i in range(count):
        w = &work[i]
        memcpy(w.out, w.packet, w.header_len + (w.payload_len if in_place else 0))
        payload = (<const uint8_t*>w.out if in_place else w.packet) + w.header_len
        w.out_len = srtp_protect(engine, w.keys, w.out, w.header_len, payload, w.payload_len, w.index)
    srtp_flush(engine)


def unprotect_repeatedly(session: SrtpSession, packet: bytes, rounds: int) -> int:
    """The plaintext length, or -reason, of one SRTP packet of ROC 0, unprotected `rounds` times."""
    cdef SrtpSession s = session
    cdef bytearray out = bytearray(len(packet))
    cdef const uint8_t* data = packet
    cdef uint8_t* dst = out
    cdef int length = len(packet)
    cdef int repeats = rounds
    cdef int header_len = rtp_header_bytes(data, length)
    cdef int n = 0
    with nogil:
        for _ in range(repeats):
            n = srtp_unprotect(s.engine, s.keys, data, length, header_len, load16(data + 2), dst)
    return n


cdef int rtp_header_bytes(const uint8_t* pkt, int length) noexcept nogil:
    """Fixed header, CSRCs and header extension (RFC 3550 §5.1, §5.3.1); 0: malformed."""
    cdef int n = 12
    if length < n or pkt[0] >> 6 != 2:
        return 0
    n += 4 * (pkt[0] & 0x0F)
    if pkt[0] & 0x10:
        if length < n + 4:
            return 0
        n += 4 + 4 * load16(pkt + n + 2)
    return n if n <= length else 0
