"""See control_transports.pxd."""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from vpaas_core._fastpath.control_base cimport Base, drop_counts
from vpaas_core._fastpath.ice cimport ice_init, ice_restart
from vpaas_core._fastpath.limits cimport ICE_PWD_BYTES_MAX, ICE_UFRAG_BYTES_MAX, PACKET_BYTES_MAX
from vpaas_core._fastpath.net cimport Addr
from vpaas_core._fastpath.output cimport output_commit, output_room
from vpaas_core._fastpath.pipeline cimport pipeline_transport_ready
from vpaas_core._fastpath.router cimport TRANSPORT_PLAIN, TRANSPORT_WEBRTC, pointers_add, transport_new
from vpaas_core._fastpath.srtp cimport srtp_key_bytes, srtp_keys_free, srtp_keys_new, srtp_salt_bytes
from vpaas_core._fastpath.state cimport ufrag_key
from vpaas_core._fastpath.stun cimport addr_from_python, addr_to_python
from vpaas_core._fastpath.table cimport u64map_put


cdef class TransportControl(Base):
    """Transports: made, connected, keyed, closed."""

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
                self.forget_ufrag(t, t.ice.local.ufrag, t.ice.local.ufrag_len)
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
            self.finish()
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
            self.finish()
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
            self.finish()
        finally:
            self.end()

    def close_transport(self, id: int) -> None:
        """Closes its producers and consumers too; consumers elsewhere of its producers stay, and get nothing."""
        self.begin()
        try:
            self.free_transport(self.transport(id))
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
                "drops": drop_counts(t.drops),
            }
        finally:
            self.end()


cdef int _check_credentials(bytes ufrag, bytes pwd) except -1:
    if not 4 <= len(ufrag) <= ICE_UFRAG_BYTES_MAX or not 22 <= len(pwd) <= ICE_PWD_BYTES_MAX:  # RFC 8839 §5.4
        raise ValueError("an ICE ufrag has 4 to 64 bytes, a password 22 to 64")
    return 0
