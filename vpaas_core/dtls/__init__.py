"""DTLS 1.2 handshakes that end in SRTP keys (RFC 5764): no sockets, no clock."""

from vpaas_core.dtls.certificate import Certificate, SrtpProfileName
from vpaas_core.dtls.session import DtlsSession, DtlsState, HandshakeRole, SrtpKeyMaterial

__all__ = ["Certificate", "DtlsSession", "DtlsState", "HandshakeRole", "SrtpKeyMaterial", "SrtpProfileName"]
