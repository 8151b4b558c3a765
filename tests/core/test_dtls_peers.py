"""DTLS with peers that are not ours: recorded browsers, OpenSSL as library and process, RSA certificates."""

import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from OpenSSL import SSL

from vpaas_core.dtls import Certificate, DtlsSession
from vpaas_core.parameters import DtlsFingerprint

VECTORS = Path(__file__).parents[1] / "vectors" / "dtls"
OURS = Certificate.generate()
THEIRS = Certificate.generate()


def captured_datagrams(path: Path) -> Iterator[tuple[int, bytes]]:
    """UDP source port and payload of each packet of a pcapng file with Ethernet framing."""
    data = path.read_bytes()
    offset = 0
    while offset < len(data):
        kind, size = struct.unpack_from("<II", data, offset)
        if kind == 6:  # enhanced packet block
            (captured,) = struct.unpack_from("<I", data, offset + 20)
            frame = data[offset + 28 : offset + 28 + captured]
            udp = 14 + (40 if frame[12:14] == b"\x86\xdd" else 20)
            yield struct.unpack_from("!H", frame, udp)[0], frame[udp + 8 :]
        offset += size


def client_hello(path: Path) -> list[bytes]:
    """The datagrams of the first ClientHello: those of the first sender up to its first complete message."""
    packets = list(captured_datagrams(path))
    datagrams: list[bytes] = []
    received = 0
    for datagram in (datagram for port, datagram in packets if port == packets[0][0]):
        total, size = (int.from_bytes(datagram[i : i + 3]) for i in (14, 22))
        received += size
        datagrams.append(datagram)
        if received == total:
            break
    return datagrams


def chosen_profile(flight: bytes) -> int:
    """What the ServerHello at the start of `flight` says in its use_srtp extension (RFC 5764 §4.1.1)."""
    assert flight[0] == 22
    assert flight[13] == 2  # ServerHello
    offset = 13 + 12 + 2 + 32  # record header, handshake header, version, random
    offset += 1 + flight[offset]  # session id
    offset += 2 + 1  # cipher suite, compression
    end = offset + 2 + int.from_bytes(flight[offset : offset + 2])
    offset += 2
    while offset < end:
        kind, size = struct.unpack_from("!HH", flight, offset)
        if kind == 14:
            return struct.unpack_from("!HH", flight, offset + 4)[1]
        offset += 4 + size
    raise AssertionError("no use_srtp in the ServerHello")


@pytest.mark.parametrize(
    ("capture", "datagrams", "profile"),
    [("chrome_chrome", [1200, 263], 7), ("ff_ff", [1408, 103], 7), ("ffwhip", [169], 7)],
)
def test_recorded_client_hellos(capture: str, datagrams: list[int], profile: int) -> None:
    """Chromium and Firefox come in two datagrams (post-quantum key shares), FFmpeg in one."""
    hello = client_hello(VECTORS / f"{capture}.dtls.pcap")
    assert [len(datagram) for datagram in hello] == datagrams
    for order in (hello, hello[::-1], [*hello, *hello]):
        server = DtlsSession(OURS, "server", THEIRS.fingerprints)
        server.start()
        for datagram in order:
            assert server.state == "connecting"
            server.receive(datagram)
        flight = server.take_outgoing()
        assert chosen_profile(b"".join(flight)) == profile
        assert all(len(datagram) <= 1200 for datagram in flight)


def rsa_identity() -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "rsa")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return key, builder.sign(key, hashes.SHA256())


def fingerprint_of(certificate: x509.Certificate) -> DtlsFingerprint:
    return DtlsFingerprint(
        algorithm="sha-256", value=certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    )


class OpenSslPeer:
    """OpenSSL without any of our code around it, as GStreamer or FFmpeg use it."""

    def __init__(
        self, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, certificate: x509.Certificate
    ) -> None:
        context = SSL.Context(SSL.DTLS_METHOD)
        context.use_certificate(certificate)
        context.use_privatekey(key)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.set_tlsext_use_srtp(b"SRTP_AES128_CM_SHA1_80")
        self.connection = SSL.Connection(context)
        self.done = False

    def step(self, datagrams: list[bytes]) -> list[bytes]:
        for datagram in datagrams or [b""]:
            if datagram:
                self.connection.bio_write(datagram)
            if not self.done:
                try:
                    self.connection.do_handshake()
                    self.done = True
                except SSL.WantReadError:
                    pass
        answers = []
        try:
            while True:
                answers.append(self.connection.bio_read(65536))
        except SSL.WantReadError:
            return answers


@pytest.mark.parametrize("role", ["server", "client"])
def test_a_peer_with_an_rsa_certificate(role: str) -> None:
    """GStreamer's webrtcbin: its certificate is RSA whether it answers or calls."""
    key, certificate = rsa_identity()
    peer = OpenSslPeer(key, certificate)
    ours = DtlsSession(OURS, "client" if role == "server" else "server", [fingerprint_of(certificate)])
    if role == "server":
        peer.connection.set_accept_state()
    else:
        peer.connection.set_connect_state()
    ours.start()
    for _ in range(6):
        for datagram in peer.step(ours.take_outgoing()):
            # OpenSSL's whole flight at once: a flight of records is not a datagram, but it is well-formed.
            ours.receive(datagram)
    assert peer.done
    assert ours.state == "connected", ours.failure
    assert ours.srtp is not None
    exported = peer.connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 60)
    client_key, server_key = exported[:16], exported[16:32]  # RFC 5764 §4.2
    client_salt, server_salt = exported[32:46], exported[46:]
    expected = (client_key, client_salt), (server_key, server_salt)
    local, remote = expected if role == "server" else expected[::-1]
    assert (ours.srtp.local_key, ours.srtp.local_salt) == local
    assert (ours.srtp.remote_key, ours.srtp.remote_salt) == remote


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
def test_the_openssl_command_as_server(tmp_path: Path) -> None:
    """A process of the system's own OpenSSL, over a real socket."""
    key, certificate = rsa_identity()
    pem = tmp_path / "peer.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["openssl", "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{port}", "-cert", str(pem)]
    command += ["-use_srtp", "SRTP_AEAD_AES_128_GCM", "-verify", "1", "-naccept", "1", "-timeout"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        while process.stdout.readline().strip() not in (b"ACCEPT", b""):
            pass
        ours = DtlsSession(OURS, "client", [fingerprint_of(certificate)])
        ours.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            link.connect(("127.0.0.1", port))
            while ours.state == "connecting":
                for datagram in ours.take_outgoing():
                    link.send(datagram)
                link.settimeout(ours.timeout_s())
                try:
                    ours.receive(link.recv(2048))
                except TimeoutError:
                    ours.handle_timeout()
            process.kill()
    assert ours.state == "connected", ours.failure
    assert ours.srtp is not None
    assert ours.srtp.profile == 7
