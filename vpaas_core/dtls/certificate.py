"""The certificate a node shows in DTLS handshakes, and the OpenSSL contexts made from it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL, crypto

from vpaas_core.parameters import DtlsFingerprint

SrtpProfileName = Literal["AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80"]
VerifyCallback = Callable[[SSL.Connection, crypto.X509, int, int, int], bool]

# Strongest first (RFC 8122 §5). SHA-1 and MD5 are not here: a collision is a forged identity.
DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "sha-512": hashes.SHA512(),
    "sha-384": hashes.SHA384(),
    "sha-256": hashes.SHA256(),
}

LIFETIME = timedelta(days=30)
CLOCK_SKEW = timedelta(days=1)  # a peer whose clock is behind must not see a certificate of tomorrow

DTLS_1_2 = 0xFEFD
# Forward secrecy and AEAD only (RFC 8827 §6.5). The RSA suites are for servers we dial: our own key is ECDSA.
CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    b"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    b"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
)
OPENSSL_PROFILES: dict[SrtpProfileName, bytes] = {
    "AEAD_AES_128_GCM": b"SRTP_AEAD_AES_128_GCM",
    "AEAD_AES_256_GCM": b"SRTP_AEAD_AES_256_GCM",
    "AES_CM_128_HMAC_SHA1_80": b"SRTP_AES128_CM_SHA1_80",
}


class Certificate:
    """A self-signed certificate with its private key. Immutable; peers know it by its fingerprint alone."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate
        self._contexts: dict[tuple[SrtpProfileName, ...], SSL.Context] = {}

    @classmethod
    def generate(cls) -> "Certificate":
        """A fresh ECDSA P-256 certificate, valid for 30 days; its random name says nothing of the node."""
        key = ec.generate_private_key(ec.SECP256R1())
        serial = x509.random_serial_number()
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{serial:040x}"[:32])])
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
            .serial_number(serial)
            .not_valid_before(now - CLOCK_SKEW)
            .not_valid_after(now + LIFETIME)
        )
        return cls(key, builder.sign(key, hashes.SHA256()))

    @property
    def expires_at(self) -> datetime:
        """When peers may stop accepting it (UTC)."""
        return self._certificate.not_valid_after_utc

    @property
    def pem(self) -> str:
        """The certificate, without its key, in PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def fingerprints(self) -> list[DtlsFingerprint]:
        """SHA-256, SHA-384 and SHA-512, in upper-case hexadecimal with colons (RFC 8122 §5)."""
        return [
            DtlsFingerprint(algorithm=name, value=self._certificate.fingerprint(digest).hex(":").upper())
            for name, digest in reversed(DIGESTS.items())
        ]

    def context(self, profiles: Sequence[SrtpProfileName], verify: VerifyCallback) -> SSL.Context:
        """The one OpenSSL context for these SRTP profiles, in order of our preference.

        All sessions share it: a context costs more memory than the sessions on it. `verify` is taken from
        the first call.
        """
        key = tuple(profiles)
        if key not in self._contexts:
            self._contexts[key] = self._new_context(key, verify)
        return self._contexts[key]

    def _new_context(self, profiles: tuple[SrtpProfileName, ...], verify: VerifyCallback) -> SSL.Context:
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_min_proto_version(DTLS_1_2)
        context.set_max_proto_version(DTLS_1_2)
        context.set_cipher_list(CIPHERS)
        context.set_options(
            SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_QUERY_MTU | SSL.OP_CIPHER_SERVER_PREFERENCE
        )
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        # Without this a server context remembers every session that ever was.
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verify)
        context.set_tlsext_use_srtp(b":".join(OPENSSL_PROFILES[profile] for profile in profiles))
        context.use_certificate(self._certificate)
        context.use_privatekey(self._key)
        return context
