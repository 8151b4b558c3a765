"""Plain RTP, or SRTP with keys from signalling: GStreamer, FFmpeg, recorders."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from msgspec import Struct

from vpaas_core.errors import InvalidParameters, InvalidState

from .base import Transport

if TYPE_CHECKING:
    from vpaas_core.router import Router

SrtpCryptoSuite = Literal["AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80"]


class _Suite(NamedTuple):
    profile: int
    key_bytes: int
    salt_bytes: int


SUITES: dict[str, _Suite] = {
    "AES_CM_128_HMAC_SHA1_80": _Suite(0x0001, 16, 14),
    "AEAD_AES_128_GCM": _Suite(0x0007, 16, 12),
    "AEAD_AES_256_GCM": _Suite(0x0008, 32, 12),
}


class SrtpParameters(Struct, frozen=True, rename="camel"):
    """Master key and salt of one direction, as SDES carries them (RFC 4568 §6.1), base64."""

    crypto_suite: SrtpCryptoSuite
    key_base64: str


class PlainTransport(Transport):
    """Made by `router.create_plain_transport`. It has a socket of its own, and without `rtcp_mux` two."""

    EVENTS = ("close", "tuple")

    def __init__(
        self,
        router: Router,
        native_id: int,
        app_data: Any,
        *,
        sockets: list[tuple[int, int]],
        listen_ip: str,
        comedia: bool,
        srtp_parameters: SrtpParameters | None,
    ) -> None:
        super().__init__(router, native_id, app_data)
        self._sockets = sockets
        self._connected = False
        self._comedia = comedia
        self.listen_address = (listen_ip, sockets[0][1])
        """Where it hears RTP."""
        self.rtcp_listen_address = (listen_ip, sockets[-1][1])
        """Where it hears RTCP: the same with `rtcp_mux`."""
        self.srtp_parameters = srtp_parameters
        """Our own key, for the peer; None for plain RTP."""

    @property
    def remote_address(self) -> tuple[str, int] | None:
        """The peer's address: from `connect`, or learned with `comedia`."""
        self._check_open()
        remote: tuple[str, int] | None = self.core.transport_state(self.native_id)["remote"]
        return remote

    def connect(
        self,
        ip: str | None = None,
        port: int | None = None,
        *,
        rtcp_port: int | None = None,
        srtp_parameters: SrtpParameters | None = None,
    ) -> None:
        """Name the peer's address (not with `comedia`) and key (with SRTP).

        Raises InvalidParameters when one is missing, superfluous or malformed, InvalidState when closed or
        called twice.
        """
        self._check_open()
        if (self.srtp_parameters is None) != (srtp_parameters is None):
            raise InvalidParameters("srtpParameters", "must be given for SRTP, and only then")
        if self._comedia != (ip is None or port is None):
            raise InvalidParameters("ip", "and port must be given, except with comedia")
        if not self._comedia and (len(self._sockets) == 1) != (rtcp_port is None):
            raise InvalidParameters("rtcpPort", "must be given without rtcpMux, and only then")
        _check_address(ip)
        _check_port("port", port)
        _check_port("rtcpPort", rtcp_port)
        if self._connected:
            raise InvalidState(f"transport {self.id} is already connected")
        if srtp_parameters is not None:
            self._set_keys(srtp_parameters)
        self._connected = True
        if ip is None or port is None:
            return
        rtcp_address = None if rtcp_port is None else (ip, rtcp_port)
        self.core.connect_plain(
            self.native_id, self._sockets[0][0], (ip, port), self._sockets[-1][0], rtcp_address
        )

    def _set_keys(self, remote: SrtpParameters) -> None:
        local = self.srtp_parameters
        assert local is not None
        if remote.crypto_suite != local.crypto_suite:
            raise InvalidParameters("srtpParameters.cryptoSuite", f"is not {local.crypto_suite}")
        suite = SUITES[local.crypto_suite]
        remote_key, remote_salt = split_key(remote)
        local_key, local_salt = split_key(local)
        self.core.set_srtp(self.native_id, suite.profile, remote_key, remote_salt, local_key, local_salt)

    def on_tuple(self) -> None:
        """The peer's address was learned from its first packet."""
        self._emit("tuple", self.remote_address)

    def _release(self) -> None:
        for index, _ in self._sockets:
            self.core.close_socket(index)


def _check_address(ip: str | None) -> None:
    try:
        if ip is not None:
            ipaddress.ip_address(ip)
    except ValueError:
        raise InvalidParameters("ip", f"{ip!r} is not an IP address") from None


def _check_port(field: str, port: int | None) -> None:
    if port is not None and not 1 <= port <= 65535:
        raise InvalidParameters(field, f"{port} is not in 1..65535")


def split_key(parameters: SrtpParameters) -> tuple[bytes, bytes]:
    """Master key and master salt. Raises InvalidParameters when the length is not the suite's."""
    suite = SUITES[parameters.crypto_suite]
    try:
        data = base64.b64decode(parameters.key_base64, validate=True)
    except binascii.Error:
        data = b""
    if len(data) != suite.key_bytes + suite.salt_bytes:
        raise InvalidParameters(
            "srtpParameters.keyBase64", f"is not base64 of {suite.key_bytes + suite.salt_bytes} bytes"
        )
    return data[: suite.key_bytes], data[suite.key_bytes :]
