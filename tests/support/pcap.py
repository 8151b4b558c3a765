"""Just enough of pcap to read UDP captures taken on an Ethernet-like interface."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

IPV6 = 0x86DD
UDP = 17


class Datagram(NamedTuple):
    time_us: int
    source_port: int
    destination_port: int
    data: bytes


def read_udp(path: Path) -> Iterator[Datagram]:
    raw = path.read_bytes()
    magic, link_type = struct.unpack_from("<I16xI", raw)
    if magic != 0xA1B2C3D4 or link_type != 1:
        raise ValueError(f"{path}: not a little-endian microsecond pcap of Ethernet frames")
    at = 24
    while at < len(raw):
        seconds, micros, size = struct.unpack_from("<III", raw, at)
        frame = raw[at + 16 : at + 16 + size]
        at += 16 + size
        if struct.unpack_from("!H", frame, 12)[0] == IPV6:
            protocol, udp = frame[14 + 6], 14 + 40
        else:
            protocol, udp = frame[14 + 9], 14 + 4 * (frame[14] & 0x0F)
        if protocol == UDP:
            source, destination, length = struct.unpack_from("!HHH", frame, udp)
            payload = frame[udp + 8 : udp + length]
            yield Datagram(seconds * 1_000_000 + micros, source, destination, payload)


def is_rtcp(datagram: bytes) -> bool:
    """RFC 5761 §4."""
    return len(datagram) >= 8 and datagram[0] >> 6 == 2 and 192 <= datagram[1] <= 223
