"""One DTLS 1.2 association: datagrams in, datagrams and at last SRTP keys out."""

import hmac
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL, crypto

from vpaas_core.dtls.certificate import DIGESTS, Certificate, SrtpProfileName
from vpaas_core.errors import InvalidParameters
from vpaas_core.parameters import DtlsFingerprint

HandshakeRole = Literal["server", "client"]
DtlsState = Literal["new", "connecting", "connected", "failed", "closed"]

DATAGRAM_BYTES_MAX = 2048  # bytes; the packet path hands us no longer ones
HANDSHAKE_MESSAGE_BYTES_MAX = (
    16384  # bytes; OpenSSL would set 100 KB aside for each of ten announced messages
)
EARLY_DATAGRAMS_MAX = 16  # encrypted datagrams before the handshake is done: OpenSSL keeps 16 KB for each
HANDSHAKE_DATAGRAMS_MAX = 512  # what a handshake over a very bad link needs, many times over

# RFC 6347 §4.2.4.1 advises 1 s and allows less where latency matters: one lost datagram must not cost a join
# a second.
RETRANSMIT_S = 0.2
RETRANSMISSIONS_MAX = 6  # 25 s in all

RECORD_HEADER = struct.Struct("!BHH6xH")  # type, version, epoch, sequence number, length (RFC 6347 §4.1)
HANDSHAKE_HEADER_BYTES = 12
CONTENT_TYPES = range(20, 24)
CONTENT_HANDSHAKE = 22
HANDSHAKE_CONTENT = (20, CONTENT_HANDSHAKE)  # with ChangeCipherSpec

MISMATCH = "the certificate does not match the fingerprint"


@dataclass(frozen=True, slots=True)
class _Profile:
    """How the exported bytes divide. The ids are those of RFC 5764 §4.1.2 and RFC 7714 §14.2."""

    id: int
    key_bytes: int
    salt_bytes: int


PROFILES = {
    b"SRTP_AES128_CM_SHA1_80": _Profile(0x0001, 16, 14),
    b"SRTP_AEAD_AES_128_GCM": _Profile(0x0007, 16, 12),
    b"SRTP_AEAD_AES_256_GCM": _Profile(0x0008, 32, 12),
}
DEFAULT_PROFILES: tuple[SrtpProfileName, ...] = (
    "AEAD_AES_128_GCM",
    "AEAD_AES_256_GCM",
    "AES_CM_128_HMAC_SHA1_80",
)


@dataclass(frozen=True, slots=True)
class SrtpKeyMaterial:
    """Master keys and salts of both directions; `profile` is the protection profile's number on the wire."""

    profile: int
    local_key: bytes = field(repr=False)
    local_salt: bytes = field(repr=False)
    remote_key: bytes = field(repr=False)
    remote_salt: bytes = field(repr=False)


class _Peer:
    """Who we expect. Hangs on the OpenSSL connection, where the shared verify callback finds it."""

    __slots__ = ("algorithm", "matched", "values")

    def __init__(self, fingerprints: Sequence[DtlsFingerprint]) -> None:
        offered = {fingerprint.algorithm.lower() for fingerprint in fingerprints}
        # RFC 8122 §5: of all hash functions the peer offers, only the one we prefer counts.
        algorithm = next((name for name in DIGESTS if name in offered), None)
        if algorithm is None:
            raise InvalidParameters(
                "dtlsParameters.fingerprints", "needs a sha-256, sha-384 or sha-512 fingerprint"
            )
        self.algorithm = algorithm
        self.values = [
            fingerprint.value.upper().encode()
            for fingerprint in fingerprints
            if fingerprint.algorithm.lower() == algorithm
        ]
        self.matched: bool | None = None  # None: no certificate seen yet


def _verify(
    connection: SSL.Connection, certificate: crypto.X509, _error: int, depth: int, _preverified: int
) -> bool:
    """Called for each certificate of the chain; its fingerprint matters, no CA does."""
    if depth > 0:
        return True
    peer: _Peer = connection.get_app_data()
    digest = certificate.digest(peer.algorithm.replace("-", ""))
    peer.matched = any(hmac.compare_digest(digest, value) for value in peer.values)
    return peer.matched


class DtlsSession:
    """A handshake without I/O and clock.

    After `start`, each `receive` and each `handle_timeout`: send what `take_outgoing` returns, and if that
    was anything, call `handle_timeout` `timeout_s` seconds from now. Nothing the peer sends raises: a
    handshake that cannot succeed ends in state "failed", with `failure` saying why.
    """

    def __init__(
        self,
        certificate: Certificate,
        role: HandshakeRole,
        remote_fingerprints: Sequence[DtlsFingerprint],
        *,
        srtp_profiles: Sequence[SrtpProfileName] = DEFAULT_PROFILES,
        mtu: int = 1200,
    ) -> None:
        """`mtu` is the largest datagram to send, in bytes.

        Raises InvalidParameters if no fingerprint uses a hash function we trust.
        """
        self.state: DtlsState = "new"
        self.failure: str | None = None
        self.srtp: SrtpKeyMaterial | None = None
        self._role = role
        self._mtu = mtu
        self._peer = _Peer(remote_fingerprints)
        self._outgoing: list[bytes] = []
        self._flight: list[bytes] = []  # our last datagrams, until the peer's answer
        self._retransmissions = 0
        self._records_sent = 0  # of epoch 0
        self._datagrams = 0
        self._early_datagrams = 0
        connection = SSL.Connection(certificate.context(srtp_profiles, _verify))
        connection.set_app_data(self._peer)
        connection.set_ciphertext_mtu(mtu)
        if role == "server":
            connection.set_accept_state()
        else:
            connection.set_connect_state()
        self._connection: SSL.Connection | None = connection

    @property
    def remote_certificate(self) -> str | None:
        """The peer's certificate in PEM, while connected."""
        if self.state != "connected" or self._connection is None:
            return None
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        assert isinstance(certificate, x509.Certificate)
        return certificate.public_bytes(serialization.Encoding.PEM).decode()

    def start(self) -> None:
        """Begin: a client has its ClientHello to send now, a server listens from now on."""
        if self.state == "new":
            self.state = "connecting"
            if self._role == "client":
                self._handshake()

    def receive(self, datagram: bytes) -> None:
        """Take one datagram from the peer. Whatever is not DTLS is dropped, as is all before `start`."""
        connection = self._connection
        if connection is None or self.state not in ("connecting", "connected"):
            return
        epoch = _datagram_epoch(datagram)
        if epoch is None or not self._admit(epoch):
            return
        connection.bio_write(datagram)
        repeats = self.state == "connected" and epoch > 0 and datagram[0] in HANDSHAKE_CONTENT
        if self.state == "connecting":
            self._handshake()
        if self.state == "connected":
            self._read(repeats=repeats)

    def take_outgoing(self) -> list[bytes]:
        """The datagrams to send now, each at most `mtu` bytes, in order."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def timeout_s(self) -> float | None:
        """Seconds from the last sending until `handle_timeout` is due; None when nothing awaits an answer."""
        if self.state != "connecting" or not self._flight:
            return None
        return RETRANSMIT_S * float(2**self._retransmissions)

    def handle_timeout(self) -> None:
        """Send the last flight again, or give up after the sixth time."""
        connection = self._connection
        if connection is None or self.timeout_s() is None:
            return
        if self._retransmissions == RETRANSMISSIONS_MAX:
            self._fail("the peer did not answer")
            return
        self._retransmissions += 1
        # OpenSSL's own timer starts at 1 s and cannot be set from Python. Until it is due the same messages
        # go out again: plaintext records under new numbers, encrypted ones as they are, which a peer that
        # has them drops as duplicates.
        try:
            connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            self._fail(_reason(error))
            return
        self._flight = self._take_records() or self._flight
        self._send(self._flight)

    def close(self) -> None:
        """End the association: a connected peer is told by a close_notify in the outgoing datagrams."""
        if self.state in ("failed", "closed"):
            return
        if self.state == "connected" and self._connection is not None:
            with suppress(SSL.Error):
                self._connection.shutdown()
            self._send(self._take_records())
        self._end("closed")

    def _admit(self, epoch: int) -> bool:
        """Whether OpenSSL may see a datagram: within what one peer may cost us."""
        if self.state == "connected":
            return True
        self._datagrams += 1
        self._early_datagrams += epoch > 0
        if self._datagrams > HANDSHAKE_DATAGRAMS_MAX:
            self._fail("too many datagrams in one handshake")
            return False
        return epoch == 0 or self._early_datagrams <= EARLY_DATAGRAMS_MAX

    def _handshake(self) -> None:
        assert self._connection is not None
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            self._queue_flight()
        except SSL.Error as error:
            self._send(self._take_records())  # the alert
            self._fail(MISMATCH if self._peer.matched is False else _reason(error))
        else:
            self._complete()

    def _complete(self) -> None:
        assert self._connection is not None
        profile = PROFILES.get(self._connection.get_selected_srtp_profile())
        if not self._peer.matched:
            self._fail(MISMATCH)
        elif profile is None:
            self._send(self._take_records())  # the peer comes to the same conclusion
            self._fail("no common SRTP protection profile")
        else:
            self._queue_flight()
            if self._role == "client":
                self._flight = []  # the server had the last word
            self.srtp = self._export(profile)
            self.state = "connected"

    def _export(self, profile: _Profile) -> SrtpKeyMaterial:
        """RFC 5764 §4.2: client key, server key, client salt, server salt."""
        assert self._connection is not None
        key, salt = profile.key_bytes, profile.salt_bytes
        exported = self._connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        client = exported[:key], exported[2 * key : 2 * key + salt]
        server = exported[key : 2 * key], exported[2 * key + salt :]
        local, remote = (client, server) if self._role == "client" else (server, client)
        return SrtpKeyMaterial(profile.id, *local, *remote)

    def _read(self, *, repeats: bool) -> None:
        """Let OpenSSL work through a datagram after the handshake: alerts, repeated flights, stray data."""
        assert self._connection is not None
        try:
            while True:
                self._connection.recv(DATAGRAM_BYTES_MAX)
        except SSL.WantReadError:
            answer = self._take_records()
            # RFC 6347 §4.2.4: a client that repeats its last flight has not seen ours. OpenSSL answers only a
            # Finished under a new number, which that of our own clients lacks (see handle_timeout).
            if repeats and not answer and self._retransmissions < RETRANSMISSIONS_MAX:
                self._retransmissions += 1
                answer = self._flight
            self._send(answer)
        except SSL.ZeroReturnError:
            self.close()
        except SSL.Error as error:
            self._send(self._take_records())
            self._fail(_reason(error))

    def _queue_flight(self) -> None:
        records = self._take_records()
        if records:
            self._flight = records
            self._retransmissions = 0
            self._send(records)

    def _send(self, datagrams: list[bytes]) -> None:
        """Queue datagrams. A plaintext record sent again gets a new number (RFC 6347 §4.2.2)."""
        for datagram in datagrams:
            numbered = bytearray(datagram)
            offset = 0
            while offset < len(numbered):
                _, _, epoch, length = RECORD_HEADER.unpack_from(numbered, offset)
                if epoch == 0:
                    numbered[offset + 5 : offset + 11] = self._records_sent.to_bytes(6)
                    self._records_sent += 1
                offset += RECORD_HEADER.size + length
            self._outgoing.append(bytes(numbered))

    def _take_records(self) -> list[bytes]:
        """What OpenSSL wants sent, in datagrams of whole records (RFC 6347 §4.1.1)."""
        assert self._connection is not None
        written = bytearray()
        with suppress(SSL.Error):  # WantReadError: empty
            while True:
                written += self._connection.bio_read(4096)
        datagrams: list[bytes] = []
        start = offset = 0
        while offset < len(written):
            end = offset + RECORD_HEADER.size + RECORD_HEADER.unpack_from(written, offset)[3]
            if end - start > self._mtu and offset > start:
                datagrams.append(bytes(written[start:offset]))
                start = offset
            offset = end
        if offset > start:
            datagrams.append(bytes(written[start:offset]))
        return datagrams

    def _fail(self, reason: str) -> None:
        self.failure = reason
        self._end("failed")

    def _end(self, state: DtlsState) -> None:
        self.state = state
        self.srtp = None
        self._flight = []
        self._connection = None


def _reason(error: SSL.Error) -> str:
    """OpenSSL's own words, such as "sslv3 alert handshake failure"."""
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return ", ".join(str(entry[-1]) for entry in queue) or type(error).__name__


def _datagram_epoch(datagram: bytes) -> int | None:
    """The highest epoch among its records; None unless it is made of well-formed DTLS records.

    RFC 6347 §4.1.2.7: invalid records are discarded silently. OpenSSL ends the handshake over some of them.
    """
    if not 0 < len(datagram) <= DATAGRAM_BYTES_MAX:
        return None
    offset = highest = 0
    while offset < len(datagram):
        if len(datagram) - offset < RECORD_HEADER.size:
            return None
        kind, version, epoch, length = RECORD_HEADER.unpack_from(datagram, offset)
        offset += RECORD_HEADER.size
        body = datagram[offset : offset + length]
        if kind not in CONTENT_TYPES or version >> 8 != 0xFE or not 0 < length == len(body):
            return None
        if epoch == 0 and kind == CONTENT_HANDSHAKE and not _is_handshake(body):
            return None
        highest = max(highest, epoch)
        offset += length
    return highest


def _is_handshake(body: bytes) -> bool:
    """Whether a plaintext record consists of handshake fragments that lie within their messages.

    RFC 6347 §4.2.2: type (1 byte), length (3), sequence (2), fragment offset (3), fragment length (3).
    """
    offset = 0
    while offset < len(body):
        header = body[offset : offset + HANDSHAKE_HEADER_BYTES]
        if len(header) < HANDSHAKE_HEADER_BYTES:
            return False
        length, start, size = (int.from_bytes(header[i : i + 3]) for i in (1, 6, 9))
        offset += HANDSHAKE_HEADER_BYTES + size
        if start + size > length or length > HANDSHAKE_MESSAGE_BYTES_MAX or offset > len(body):
            return False
    return True
