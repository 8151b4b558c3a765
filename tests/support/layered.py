"""Recorded streams of several layers, and what a slow reader of the descriptor says of each packet."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.dependency import Descriptor, Structure, read_descriptor
from tests.support.pcap import read_udp
from vpaas_core._fastpath.rtp import ExtensionKind, read

VECTORS = Path(__file__).parents[1] / "vectors" / "rtp"
DEPENDENCY_DESCRIPTOR_ID = 13


@dataclass
class LayeredPacket:
    ssrc: int
    seq: int
    timestamp: int
    marker: bool
    payload: bytes
    dd: bytes
    frame: Descriptor


def recorded(name: str) -> dict[int, list[LayeredPacket]]:
    """The packets of each stream, by ssrc, in the order they were sent."""
    streams: dict[int, list[LayeredPacket]] = {}
    known: dict[int, Structure] = {}
    for datagram in read_udp(VECTORS / f"{name}.pcap"):
        ssrc = int.from_bytes(datagram.data[8:12], "big")
        packet = read(datagram.data, {DEPENDENCY_DESCRIPTOR_ID: ExtensionKind.EXT_DEPENDENCY_DESCRIPTOR})
        if not packet["payload"]:
            continue
        extensions = packet["extensions"]
        assert isinstance(extensions, dict)
        dd = extensions[ExtensionKind.EXT_DEPENDENCY_DESCRIPTOR]
        frame = read_descriptor(dd, known.get(ssrc))
        if frame.structure:
            known[ssrc] = frame.structure
        streams.setdefault(ssrc, []).append(
            LayeredPacket(
                ssrc,
                int.from_bytes(datagram.data[2:4], "big"),
                int(str(packet["timestamp"])),
                bool(packet["marker"]),
                bytes(packet["payload"]),  # type: ignore[call-overload]
                dd,
                frame,
            )
        )
    return streams


def pictures(packets: list[LayeredPacket]) -> Iterator[list[LayeredPacket]]:
    grouped: dict[int, list[LayeredPacket]] = {}
    for packet in packets:
        grouped.setdefault(packet.timestamp, []).append(packet)
    return iter(grouped.values())
