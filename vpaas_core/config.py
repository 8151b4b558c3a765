"""Every setting of the engine, in one place, checked once."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from .dtls import SrtpProfileName
from .errors import InvalidParameters


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Settings of an Engine. Raises InvalidParameters naming the first field that is wrong."""

    listen_ip: str = "127.0.0.1"
    """IPv4 or IPv6 address the media sockets bind; "0.0.0.0" for every IPv4 interface."""

    port: int = 0
    """UDP port of the first worker, the next ones follow; 0: any free port."""

    announced_address: str | None = None
    """Address in ICE candidates. None: `listen_ip`; for a wildcard this host's own address and loopback."""

    workers: int = 1
    """Worker threads; one per core that media may use."""

    ice_consent_timeout_s: float = 30.0
    """Seconds without a valid check after which a peer counts as gone (RFC 7675 §5.1)."""

    srtp_profiles: tuple[SrtpProfileName, ...] = (
        "AEAD_AES_128_GCM",
        "AEAD_AES_256_GCM",
        "AES_CM_128_HMAC_SHA1_80",
    )
    """What DTLS may agree on, in our order of preference."""

    def __post_init__(self) -> None:
        _check_address("listen_ip", self.listen_ip)
        if not 0 <= self.port <= 65535:
            raise InvalidParameters("port", f"{self.port} is not in 0..65535")
        if not 1 <= self.workers <= 256:
            raise InvalidParameters("workers", f"{self.workers} is not in 1..256")
        if self.port and self.port + self.workers - 1 > 65535:
            raise InvalidParameters("port", f"{self.port} leaves no ports for {self.workers} workers")
        if self.announced_address is not None:
            _check_address("announced_address", self.announced_address)
        if self.ice_consent_timeout_s < 1:
            raise InvalidParameters("ice_consent_timeout_s", "is shorter than a second")
        if not self.srtp_profiles:
            raise InvalidParameters("srtp_profiles", "is empty")


def _check_address(field: str, value: str) -> None:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise InvalidParameters(field, f"{value!r} is not an IP address") from None
