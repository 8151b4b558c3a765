"""See control.pxd. Every method is a plain function call of microseconds; the GIL is free while it waits for the worker."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from vpaas_core._fastpath.account cimport reception_lost
from vpaas_core._fastpath.c.threads cimport (
    atomic_add,
    pthread_mutex_destroy,
    pthread_mutex_init,
    pthread_mutex_lock,
    pthread_mutex_unlock,
)
from vpaas_core._fastpath.codecs.codec cimport has_key_frames
from vpaas_core._fastpath.events cimport EventHeader, events_take
from vpaas_core._fastpath.feedback cimport feedback_bye, feedback_consumer_start
from vpaas_core._fastpath.ice cimport ice_init, ice_restart
from vpaas_core._fastpath.limits cimport EVENT_BYTES_MAX, ICE_PWD_BYTES_MAX, ICE_UFRAG_BYTES_MAX, PACKET_BYTES_MAX
from vpaas_core._fastpath.net cimport Addr
from vpaas_core._fastpath.output cimport OutMessage, output_commit, output_room
from vpaas_core._fastpath.pipeline cimport (
    pipeline_finish,
    pipeline_free,
    pipeline_new,
    pipeline_receive,
    pipeline_tick,
    pipeline_transport_ready,
)
from vpaas_core._fastpath.renumber cimport renumber_init
from vpaas_core._fastpath.router cimport (
    CNAME_MAX,
    ID_TEXT_MAX,
    NO_PAYLOAD_TYPE,
    RecvStream,
    TRANSPORT_PLAIN,
    TRANSPORT_WEBRTC,
    consumer_free,
    consumer_new,
    pointers_add,
    pointers_remove,
    producer_add_stream,
    producer_free,
    producer_new,
    transport_free,
    transport_new,
)
from vpaas_core._fastpath.rtp cimport EXT_ABS_SEND_TIME, EXT_KIND_COUNT, EXT_MID, EXT_REPAIRED_RID, EXT_RID
from vpaas_core._fastpath.select cimport select_target
from vpaas_core._fastpath.srtp cimport srtp_key_bytes, srtp_keys_free, srtp_keys_new, srtp_salt_bytes
from vpaas_core._fastpath.state cimport ufrag_key
from vpaas_core._fastpath.stun cimport addr_from_python, addr_to_python
from vpaas_core._fastpath.table cimport addrmap_get, addrmap_put, addrmap_remove, u64map_get, u64map_put, u64map_remove

from vpaas_core._fastpath.drop import drop_names
from vpaas_core._fastpath.srtp import srtp_backends

cdef list DROP_NAMES = drop_names()


cdef void lock_acquire(Lock* lock) noexcept nogil:
    atomic_add(&lock.waiting, 1)
    pthread_mutex_lock(&lock.mutex)
    atomic_add(&lock.waiting, -1)


cdef void lock_release(Lock* lock) noexcept nogil:
    pthread_mutex_unlock(&lock.mutex)


cdef void _no_output(void* context, const uint8_t* arena, const OutMessage* messages, int n) noexcept nogil:
    pass


cdef void _collect(void* context, const uint8_t* arena, const OutMessage* messages, int n) noexcept with gil:
    """Output of a simulated worker: one entry a datagram."""
    cdef Core core = <Core>context
    cdef int i
    cdef uint32_t at, size
    for i in range(n):
        at = 0
        while at < messages[i].length:
            size = min(<uint32_t>messages[i].segment, messages[i].length - at)
            data = (<const char*>arena + messages[i].offset + at)[:size]
            core.outgoing.append((data, addr_to_python(&messages[i].to)))
            at += size


cdef dict _drops(const uint64_t* counters):
    return {name: counters[i] for i, name in enumerate(DROP_NAMES) if counters[i]}


cdef bytes _text(object value, int length_max, str what):
    data = value.encode() if isinstance(value, str) else bytes(value)
    if len(data) > length_max:
        raise ValueError(f"{what} is longer than {length_max} bytes")
    return data


cdef class Core:
    """One worker without sockets: datagrams and a time in, datagrams and events out. `Loop` adds thread and sockets.

    Ids are those that the `add_…` methods return; an unknown one raises KeyError.
    """

    def __cinit__(self, srtp_backend: int | None = None, wall_offset_us: int = 0, **_: object) -> None:
        pthread_mutex_init(&self.lock.mutex, NULL)
        self.outgoing = []
        if srtp_backend is None:
            srtp_backend = max(srtp_backends())
        self.pl = pipeline_new(srtp_backend, wall_offset_us, _collect, <void*>self)
        if self.pl == NULL:
            raise MemoryError(f"SRTP backend {srtp_backend} is not available, or no memory")

    def __dealloc__(self) -> None:
        if self.pl != NULL:
            self.pl.output.flush = _no_output
            while self.pl.all_transports.count:
                self.free_transport(<Transport*>self.pl.all_transports.items[0])
            pipeline_free(self.pl)
        pthread_mutex_destroy(&self.lock.mutex)

    cdef int64_t now_us(self) noexcept:
        return self.simulated_us

    cdef int begin(self) except -1:
        with nogil:
            lock_acquire(&self.lock)
        return 0

    cdef int end(self) except -1:
        lock_release(&self.lock)
        return 0

    cdef uint32_t new_id(self):
        self.last_id += 1
        return self.last_id

    cdef Transport* transport(self, uint32_t id) except NULL:
        cdef Transport* t = <Transport*>u64map_get(&self.pl.transports, id)
        if t == NULL:
            raise KeyError(f"no transport {id}")
        return t

    cdef Producer* producer(self, uint32_t id) except NULL:
        cdef Producer* p = <Producer*>u64map_get(&self.pl.producers, id)
        if p == NULL:
            raise KeyError(f"no producer {id}")
        return p

    cdef Consumer* consumer(self, uint32_t id) except NULL:
        cdef Consumer* c = <Consumer*>u64map_get(&self.pl.consumers, id)
        if c == NULL:
            raise KeyError(f"no consumer {id}")
        return c

    # Transports

    def add_webrtc_transport(self, ufrag: bytes, pwd: bytes, rtcp_ssrc: int, consent_timeout_us: int) -> int:
        """ICE-lite and DTLS-SRTP on the shared socket. Raises ValueError for credentials that are empty or too long."""
        cdef Transport* t
        _check_credentials(ufrag, pwd)
        self.begin()
        try:
            t = self._add_transport(TRANSPORT_WEBRTC, rtcp_ssrc)
            t.secure = True
            ice_init(&t.ice, ufrag, <int>len(ufrag), pwd, <int>len(pwd), consent_timeout_us)
            u64map_put(&self.pl.ufrags, ufrag_key(ufrag, <int>len(ufrag)), t)
            return t.id
        finally:
            self.end()

    cdef Transport* _add_transport(self, int kind, uint32_t rtcp_ssrc) except NULL:
        cdef Transport* t = transport_new(self.new_id(), kind)
        if t == NULL or pointers_add(&self.pl.all_transports, t) < 0:
            raise MemoryError
        t.rtcp_ssrc = rtcp_ssrc
        u64map_put(&self.pl.transports, t.id, t)
        return t

    def restart_ice(self, id: int, ufrag: bytes, pwd: bytes) -> None:
        """New credentials; the old ones stay valid until the peer uses the new."""
        cdef Transport* t
        _check_credentials(ufrag, pwd)
        self.begin()
        try:
            t = self.transport(id)
            if t.ice.previous.ufrag_len:  # the last restart was never taken up: its credentials are void
                self._forget_ufrag(t, t.ice.local.ufrag, t.ice.local.ufrag_len)
            ice_restart(&t.ice, ufrag, <int>len(ufrag), pwd, <int>len(pwd))
            u64map_put(&self.pl.ufrags, ufrag_key(ufrag, <int>len(ufrag)), t)
        finally:
            self.end()

    def add_plain_transport(self, rtcp_ssrc: int, rtcp_mux: bool, comedia: bool, secure: bool) -> int:
        cdef Transport* t
        self.begin()
        try:
            t = self._add_transport(TRANSPORT_PLAIN, rtcp_ssrc)
            t.rtcp_mux = rtcp_mux
            t.comedia = comedia
            t.secure = secure
            return t.id
        finally:
            self.end()

    def connect_plain(
        self, id: int, socket: int, address: tuple[str, int], rtcp_socket: int, rtcp_address: tuple[str, int] | None
    ) -> None:
        """Where a plain transport sends, and from where alone it hears."""
        cdef Transport* t
        cdef Addr to
        self.begin()
        try:
            t = self.transport(id)
            addr_from_python(address, &to)
            to.socket = <uint8_t>socket
            t.destination = to
            if rtcp_address is not None:
                addr_from_python(rtcp_address, &to)
                to.socket = <uint8_t>rtcp_socket
                t.rtcp_destination = to
            pipeline_transport_ready(self.pl, t, self.now_us())
            self._finish()
        finally:
            self.end()

    def set_srtp(
        self, id: int, profile: int, remote_key: bytes, remote_salt: bytes, local_key: bytes, local_salt: bytes
    ) -> None:
        """The keys DTLS or signalling agreed on. Raises ValueError for an unknown profile or keys of another length."""
        cdef Transport* t
        cdef tuple sizes = (srtp_key_bytes(profile), srtp_salt_bytes(profile)) * 2
        self.begin()
        try:
            t = self.transport(id)
            if 0 in sizes or sizes != (len(remote_key), len(remote_salt), len(local_key), len(local_salt)):
                raise ValueError(f"no SRTP profile {profile} with keys of these lengths")
            srtp_keys_free(t.srtp_in)
            srtp_keys_free(t.srtp_out)
            t.srtp_in = srtp_keys_new(self.pl.srtp, profile, remote_key, remote_salt)
            t.srtp_out = srtp_keys_new(self.pl.srtp, profile, local_key, local_salt)
            if t.srtp_in == NULL or t.srtp_out == NULL:
                raise MemoryError
            pipeline_transport_ready(self.pl, t, self.now_us())
            self._finish()
        finally:
            self.end()

    def send(self, id: int, datagrams: list[bytes]) -> None:
        """DTLS out, to the selected tuple; dropped while there is none (DTLS sends again)."""
        cdef Transport* t
        cdef bytes datagram
        self.begin()
        try:
            t = self.transport(id)
            for datagram in datagrams:
                if t.destination.family == 0 or len(datagram) > PACKET_BYTES_MAX:
                    continue
                memcpy(output_room(&self.pl.output, <uint32_t>len(datagram)), <const char*>datagram, len(datagram))
                output_commit(&self.pl.output, &t.destination, <int>len(datagram))
                t.sent.packets += 1
                t.sent.bytes += len(datagram)
            self._finish()
        finally:
            self.end()

    def close_transport(self, id: int) -> None:
        """Closes its producers and consumers too; consumers elsewhere of its producers stay, and get nothing."""
        self.begin()
        try:
            self.free_transport(self.transport(id))
        finally:
            self.end()

    cdef int free_transport(self, Transport* t) except -1:
        cdef int i
        while t.consumers.count:
            self._free_consumer(<Consumer*>t.consumers.items[0])
        while t.producers.count:
            self._free_producer(<Producer*>t.producers.items[0])
        for i in range(t.ice.tuple_count):
            if addrmap_get(&self.pl.peers, &t.ice.tuples[i].address) == t:
                addrmap_remove(&self.pl.peers, &t.ice.tuples[i].address)
        self._forget_ufrag(t, t.ice.local.ufrag, t.ice.local.ufrag_len)
        self._forget_ufrag(t, t.ice.previous.ufrag, t.ice.previous.ufrag_len)
        u64map_remove(&self.pl.transports, t.id)
        pointers_remove(&self.pl.all_transports, t)
        transport_free(t)
        return 0

    cdef int _forget_ufrag(self, Transport* t, const uint8_t* ufrag, int length) except -1:
        cdef uint64_t key = ufrag_key(ufrag, length)
        if u64map_get(&self.pl.ufrags, key) == t:
            u64map_remove(&self.pl.ufrags, key)
        return 0

    cdef int _finish(self) except -1:
        cdef int64_t now_us = self.now_us()
        with nogil:
            pipeline_finish(self.pl, now_us)
        return 0

    # Producers

    def add_producer(self, transport: int, *, video: bool, clock_rate: int, mid: str, cname: str,
                     encodings: list[tuple[int, int, str]], codecs: dict[int, int], rtx: dict[int, int],
                     extensions: dict[int, int], nack: bool, pli: bool, fir: bool, paused: bool,
                     key_frame_request_delay_us: int) -> int:
        """encodings: (ssrc, rtx ssrc, rid), 0 and "" for what only the packets will tell; codecs: payload type -> Codec;
        rtx: payload type -> the one it repairs; extensions: id -> ExtensionKind.

        Raises ValueError when an ssrc is taken or there are more streams than a transport may have.
        """
        cdef Transport* t
        cdef Producer* p
        cdef RecvStream* s = NULL
        cdef bytes mid_text = _text(mid, ID_TEXT_MAX, "mid")
        cdef bytes cname_text = _text(cname, CNAME_MAX, "cname")
        cdef bytes rid_text
        cdef uint32_t ssrc, rtx_ssrc
        cdef list rids = [_text(rid, ID_TEXT_MAX, "rid") for _, _, rid in encodings]
        self.begin()
        try:
            t = self.transport(transport)
            _check_free(t, [number for each in encodings for number in each[:2] if number])
            p = producer_new(self.new_id(), t, video)
            if p == NULL:
                raise MemoryError
            for (ssrc, rtx_ssrc, _), rid_text in zip(encodings, rids):
                s = producer_add_stream(p, ssrc, rtx_ssrc, clock_rate)
                if s == NULL:
                    producer_free(p)
                    raise ValueError("more streams than one transport may have")
                memcpy(s.rid, <const char*>rid_text, len(rid_text))
                s.rid_len = <uint8_t>len(rid_text)
            memcpy(p.mid, <const char*>mid_text, len(mid_text))
            p.mid_len = <uint8_t>len(mid_text)
            memcpy(p.cname, <const char*>cname_text, len(cname_text))
            p.cname_len = <uint8_t>len(cname_text)
            p.nack, p.pli, p.fir, p.paused = nack, pli, fir, paused
            p.key_frame_request_delay_us = key_frame_request_delay_us
            try:
                for payload_type, number in codecs.items():
                    p.codec_by_pt[payload_type & 0x7F] = number
                for payload_type, number in rtx.items():
                    p.rtx_apt[payload_type & 0x7F] = number
                for number, kind in extensions.items():
                    t.extension_kinds[number & 0xFF] = kind
            except BaseException:
                producer_free(p)
                raise
            u64map_put(&self.pl.producers, p.id, p)
            return p.id
        finally:
            self.end()

    def pause_producer(self, id: int, paused: bool) -> None:
        cdef Producer* p
        cdef Consumer* c
        cdef int i
        self.begin()
        try:
            p = self.producer(id)
            p.paused = paused
            for i in range(p.consumers.count):
                c = <Consumer*>p.consumers.items[i]
                c.synced = False
                if not paused:
                    feedback_consumer_start(self.pl, c, self.now_us())
            self._finish()
        finally:
            self.end()

    def close_producer(self, id: int) -> None:
        self.begin()
        try:
            self._free_producer(self.producer(id))
        finally:
            self.end()

    cdef int _free_producer(self, Producer* p) except -1:
        u64map_remove(&self.pl.producers, p.id)
        producer_free(p)
        return 0

    # Consumers

    def add_consumer(self, transport: int, producer: int, *, ssrc: int, rtx_ssrc: int, mid: str,
                     payload_types: dict[int, int], rtx_payload_type: int | None, extensions: dict[int, int],
                     first_seq: int, first_rtx_seq: int, paused: bool) -> int:
        """payload_types: the producer's -> this consumer's; extensions: ExtensionKind -> id."""
        cdef Transport* t
        cdef Producer* p
        cdef Consumer* c
        cdef int keyed = 0
        cdef bytes mid_text = _text(mid, ID_TEXT_MAX, "mid")
        self.begin()
        try:
            t = self.transport(transport)
            p = self.producer(producer)
            if u64map_get(&t.send_ssrcs, ssrc) != NULL or (rtx_ssrc and u64map_get(&t.send_ssrcs, rtx_ssrc) != NULL):
                raise ValueError(f"ssrc {ssrc} or {rtx_ssrc} is already in use on this transport")
            c = consumer_new(self.new_id(), t, p, ssrc, rtx_ssrc)
            if c == NULL:
                raise MemoryError
            for incoming, outgoing in payload_types.items():
                c.payload_types[incoming & 0x7F] = outgoing
                keyed |= has_key_frames(p.codec_by_pt[incoming & 0x7F])
            c.keyed = p.video and keyed
            if rtx_payload_type is not None:
                c.rtx_pt = rtx_payload_type
            for kind, extension_id in extensions.items():
                if kind == EXT_MID:
                    c.mid_id = extension_id if mid_text else 0
                elif kind not in (EXT_RID, EXT_REPAIRED_RID) and kind < EXT_KIND_COUNT:
                    c.extension_ids[<int>kind] = extension_id
            if rtx_payload_type is None:
                # A plain retransmission reuses the SRTP index, so nothing in it may differ from the first time.
                c.extension_ids[<int>EXT_ABS_SEND_TIME] = 0
            memcpy(c.mid, <const char*>mid_text, len(mid_text))
            c.mid_len = <uint8_t>len(mid_text)
            renumber_init(&c.numbers, first_seq)
            c.rtx_seq = first_rtx_seq
            c.paused = paused
            select_target(c, self.now_us())
            u64map_put(&self.pl.consumers, c.id, c)
            feedback_consumer_start(self.pl, c, self.now_us())
            self._finish()
            return c.id
        finally:
            self.end()

    def pause_consumer(self, id: int, paused: bool) -> None:
        cdef Consumer* c
        self.begin()
        try:
            c = self.consumer(id)
            c.paused = paused
            c.synced = False
            if not paused and c.producer != NULL:
                select_target(c, self.now_us())
                feedback_consumer_start(self.pl, c, self.now_us())
            self._finish()
        finally:
            self.end()

    def request_key_frame(self, id: int) -> None:
        cdef Consumer* c
        self.begin()
        try:
            c = self.consumer(id)
            feedback_consumer_start(self.pl, c, self.now_us())
            self._finish()
        finally:
            self.end()

    def close_consumer(self, id: int) -> None:
        cdef Consumer* c
        self.begin()
        try:
            c = self.consumer(id)
            feedback_bye(self.pl, c.transport, c, self.now_us())
            self._finish()
            self._free_consumer(c)
        finally:
            self.end()

    cdef int _free_consumer(self, Consumer* c) except -1:
        u64map_remove(&self.pl.consumers, c.id)
        consumer_free(c)
        return 0

    # What the worker has to say

    def take_events(self) -> list[tuple[int, int, int, bytes]]:
        """(EventKind, id, value, payload) of everything since the last call."""
        cdef EventHeader header
        cdef uint8_t payload[EVENT_BYTES_MAX]
        cdef int size
        cdef list events = []
        self.begin()
        try:
            while True:
                size = events_take(&self.pl.events, &header, payload)
                if size < 0:
                    return events
                events.append((header.kind, header.id, header.value, (<const char*>payload)[:size]))
        finally:
            self.end()

    def transport_state(self, id: int) -> dict[str, object]:
        """`ice_state` (IceState), `remote` and `rtcp_remote` ((host, port) or None)."""
        cdef Transport* t
        self.begin()
        try:
            t = self.transport(id)
            return {
                "ice_state": t.ice.state,
                "remote": addr_to_python(&t.destination) if t.destination.family else None,
                "rtcp_remote": addr_to_python(&t.rtcp_destination) if t.rtcp_destination.family else None,
            }
        finally:
            self.end()

    def transport_stats(self, id: int) -> dict[str, object]:
        cdef Transport* t
        self.begin()
        try:
            t = self.transport(id)
            return {
                "packets_received": t.received.packets,
                "bytes_received": t.received.bytes,
                "packets_sent": t.sent.packets,
                "bytes_sent": t.sent.bytes,
                "round_trip_time": t.rtt_us / 1e6,
                "drops": _drops(t.drops),
            }
        finally:
            self.end()

    def producer_stats(self, id: int) -> list[dict[str, object]]:
        """One entry an encoding; times in seconds."""
        cdef Producer* p
        cdef RecvStream* s
        cdef int i
        self.begin()
        try:
            p = self.producer(id)
            result = []
            for i in range(p.encoding_count):
                s = p.streams[i]
                result.append({
                    "ssrc": s.ssrc,
                    "rtx_ssrc": s.rtx_ssrc,
                    "rid": (<const char*>s.rid)[:s.rid_len].decode(errors="replace"),
                    "packets_received": s.reception.packets,
                    "bytes_received": s.reception.bytes,
                    "packets_lost": reception_lost(&s.reception),
                    "fraction_lost": s.reception.fraction_lost / 256.0,
                    "jitter": (s.reception.jitter_q4 >> 4) / <double>s.clock_rate,
                    "packets_retransmitted": s.rtx_packets,
                    "key_frames": s.key_frames,
                    "nack_count": s.nacks_sent,
                    "pli_count": s.plis_sent,
                })
            return result
        finally:
            self.end()

    def consumer_stats(self, id: int) -> dict[str, object]:
        """Loss, jitter and round trip as the viewer reports them; times in seconds."""
        cdef Consumer* c
        self.begin()
        try:
            c = self.consumer(id)
            return {
                "ssrc": c.ssrc,
                "rtx_ssrc": c.rtx_ssrc,
                "packets_sent": c.sent.packets,
                "bytes_sent": c.sent.bytes,
                "packets_retransmitted": c.resent.packets,
                "bytes_retransmitted": c.resent.bytes,
                "packets_lost": c.report.cumulative_lost,
                "fraction_lost": c.report.fraction_lost / 256.0,
                "jitter": c.report.jitter / <double>c.clock_rate,
                "round_trip_time": c.rtt_us / 1e6,
                "nack_count": c.nacks,
                "pli_count": c.key_frame_requests,
                "packets_dropped": c.dropped,
            }
        finally:
            self.end()

    def stats(self) -> dict[str, object]:
        """The worker as a whole: objects, packets forwarded, drops by reason."""
        self.begin()
        try:
            return {
                "transports": self.pl.transports.used,
                "producers": self.pl.producers.used,
                "consumers": self.pl.consumers.used,
                "packets_forwarded": self.pl.forwarded,
                "drops": _drops(self.pl.drops),
            }
        finally:
            self.end()

    # A simulated network drives it

    def drive(self, datagrams: list[tuple[bytes, tuple[str, int]]], now_us: int, *, owner: int | None = None,
              socket: int = 0) -> list[tuple[bytes, tuple[str, int]]]:
        """Hands in datagrams with their sources at one moment; returns those that leave, with their destinations.

        `owner`: the plain transport whose socket they came to.
        """
        cdef Addr source
        cdef bytes data
        cdef Transport* t = NULL
        self.begin()
        try:
            self.simulated_us = now_us
            if owner is not None:
                t = self.transport(owner)
            try:
                for data, address in datagrams:
                    addr_from_python(address, &source)
                    source.socket = <uint8_t>socket
                    pipeline_receive(self.pl, t, data, <int>len(data), &source, now_us)
            finally:
                pipeline_finish(self.pl, now_us)
            return self._take_outgoing()
        finally:
            self.end()

    def tick(self, now_us: int) -> list[tuple[bytes, tuple[str, int]]]:
        """Runs the timers; returns what they send."""
        self.begin()
        try:
            self.simulated_us = now_us
            pipeline_tick(self.pl, now_us)
            return self._take_outgoing()
        finally:
            self.end()

    cdef list _take_outgoing(self):
        cdef list outgoing = self.outgoing
        self.outgoing = []
        return outgoing


cdef int _check_free(const Transport* t, list ssrcs) except -1:
    for i, ssrc in enumerate(ssrcs):
        if ssrc in ssrcs[:i] or u64map_get(&t.receive_ssrcs, ssrc) != NULL:
            raise ValueError(f"ssrc {ssrc} is already in use on this transport")
    return 0


cdef int _check_credentials(bytes ufrag, bytes pwd) except -1:
    if not 4 <= len(ufrag) <= ICE_UFRAG_BYTES_MAX or not 22 <= len(pwd) <= ICE_PWD_BYTES_MAX:  # RFC 8839 §5.4
        raise ValueError("an ICE ufrag has 4 to 64 bytes, a password 22 to 64")
    return 0
