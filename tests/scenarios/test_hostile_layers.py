"""Descriptors that lie, structures that contradict, floods: bounded, counted, and felt by nobody else."""

import random
import struct
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sim.decoder import Viewer, longest_gap_us
from tests.sim.layers import DEPENDENCY_DESCRIPTOR, Layered, Simulcast, Svc
from tests.sim.network import Network
from tests.sim.packets import Rtp
from tests.sim.peers import Peer
from tests.support.dependency import Structure, Template, structures, write_descriptor
from vpaas_core._fastpath import rtcp

KINDS = ["vp8", "vp9", "av1", "h264"]


class Stage:
    """Two publishers of which one misbehaves, and a viewer of each."""

    def __init__(self, network: Network, kind: str = "av1", **control: Any) -> None:
        self.network = network
        self.hostile, self.honest, *peers = (Peer(network) for _ in range(4))
        network.run(0.1)
        self.source: Layered
        if kind in ("vp8", "h264"):
            self.source = Simulcast(self.hostile, kind, 1, **control)
        else:
            self.source = Svc(self.hostile, kind, "L3T3", **control)
        self.other = Simulcast(self.honest)
        self.victim, self.bystander = (
            Viewer(peers[0].consume(self.source)),
            Viewer(peers[1].consume(self.other)),
        )
        self.other.start()
        network.run(0.5)

    @property
    def drops(self) -> dict[str, int]:
        drops: dict[str, int] = self.network.core.transport_stats(self.hostile.transport)["drops"]
        return drops

    def packets(self, count: int) -> list[Rtp]:
        """Of the hostile publisher, made as its codec asks, but not sent."""
        stream = self.source.streams[0]
        made: list[Rtp] = []
        stream._send = made.append  # type: ignore[method-assign,assignment]
        while len(made) < count:
            self.network.run(0.01)
            self.source.capture()
        del stream._send
        return made

    def send(self, packet: Rtp, two_byte: bool = True, **changes: Any) -> None:
        """Under the stream's next number."""
        stream = self.source.streams[0]
        self.hostile.send_rtp(replace(packet, seq=stream.seq, **changes), two_byte)
        stream.seq += 1
        self.network.run(0.0005)

    def assert_well(self) -> None:
        """The bystander noticed nothing, and the victim sees a picture as soon as there is an honest one."""
        self.network.run(0.1)
        self.source.capture(key=True)
        honest = self.source.captures
        self.source.start()
        self.network.run(1.5)
        assert longest_gap_us(self.bystander.watch()) < 200_000
        seen = {number for number, sent in self.source.sent.items() if sent.capture > honest}
        got = {
            int.from_bytes(packet.payload[-4:])
            for packet in self.victim.sink.packets.values()
            if packet.payload
        }
        assert len(seen & got) > 8


@pytest.mark.parametrize("kind", KINDS)
def test_payload_descriptors_cut_at_every_byte(network: Network, kind: str) -> None:
    stage = Stage(network, kind)
    for packet in stage.packets(9):
        for cut in range(min(24, len(packet.payload))):
            stage.send(packet, payload=packet.payload[:cut])
    if kind in ("vp8", "vp9"):
        assert stage.drops["layers_malformed"] > 10
    stage.assert_well()


def test_dependency_descriptors_cut_at_every_byte(network: Network) -> None:
    stage = Stage(network)
    for packet in stage.packets(9):
        descriptor = packet.extensions[DEPENDENCY_DESCRIPTOR]
        for cut in range(len(descriptor)):
            stage.send(packet, extensions={DEPENDENCY_DESCRIPTOR: descriptor[:cut]})
    assert stage.drops["layers_malformed"] > 40
    stage.assert_well()


def test_extension_lengths_that_lie(network: Network) -> None:
    """Elements that end beyond the extension, in both forms, with every length that a byte can say."""
    stage = Stage(network)
    stream = stage.source.streams[0]
    (packet,) = stage.packets(1)[:1]
    stage.send(packet)
    header = bytearray(replace(packet, extensions={}).pack()[:12])
    header[0] |= 0x10

    def send(profile: int, words: int, body: bytes, payload: bytes = packet.payload) -> None:
        header[2:4] = struct.pack("!H", stream.seq & 0xFFFF)
        data = bytes(header) + struct.pack("!HH", profile, words) + body + payload
        if 4 + 4 * words <= len(data) - 12:  # else no sender's SRTP would take it
            network.send(stage.hostile, stage.hostile.outbound.protect_rtp(data))
            network.run(0.0005)
            stream.seq += 1

    descriptor = packet.extensions[DEPENDENCY_DESCRIPTOR]
    for length in range(256):
        send(0x1000, 2, bytes([DEPENDENCY_DESCRIPTOR, length]) + descriptor[:6])
        send(0xBEDE, 2, bytes([DEPENDENCY_DESCRIPTOR << 4 | length & 15]) + descriptor[:7])
        send(0x1000, 1, bytes([1, 0, DEPENDENCY_DESCRIPTOR, length]))
    for words in (1, 2, 5, 200):
        send(0xBEDE, words, b"", b"")
        send(0xBEDE, words, bytes(4 * words), b"")
    assert stage.drops["layers_malformed"] + stage.drops.get("layers_unknown", 0) > 20
    stage.assert_well()


def lying_structure(rng: random.Random) -> Structure:
    """Few targets or many, and promises that nobody could keep."""
    targets = rng.choice([1, 2, 5, 32])
    templates = [Template(0, 0)]
    for _ in range(rng.randrange(20)):
        last = templates[-1]
        step = rng.randrange(3)
        if step == 1 and last.temporal < 7:
            templates.append(Template(last.spatial, last.temporal + 1))
        elif step == 2 and last.spatial < 3:
            templates.append(Template(last.spatial + 1, 0))
        else:
            templates.append(Template(last.spatial, last.temporal))
    chains = rng.randrange(targets + 1)
    for template in templates:
        template.dtis = [rng.randrange(4) for _ in range(targets)]
        template.fdiffs = sorted(rng.sample(range(1, 17), rng.randrange(4)))
        template.chains = [rng.randrange(16) for _ in range(chains)]
    protected = [rng.randrange(chains) for _ in range(targets)] if chains else []
    return Structure(rng.randrange(64), templates, protected, chains, [], [(0, 0)] * targets)


@pytest.mark.parametrize("wish", [(0, 0), (2, 2)])
def test_structures_that_contradict_each_other(network: Network, wish: tuple[int, int]) -> None:
    """A new one every few packets, under numbers that overlap; each is read as it is or not at all."""
    stage = Stage(network)
    stage.victim.prefer(*wish)
    rng = network.chance
    stream = stage.source.streams[0]
    packets = stage.packets(12)
    known = lying_structure(rng)
    for n in range(600):
        brings = rng.random() < 0.3
        if brings and rng.random() < 0.8:
            known = lying_structure(rng)
        said = known if rng.random() < 0.9 else lying_structure(rng)
        descriptor = write_descriptor(
            n // 3 if rng.random() < 0.9 else rng.randrange(0x10000),
            rng.randrange(len(known.templates)),
            said,
            structure=brings,
            active=rng.choice([None, 0, (1 << len(said.target_layers)) - 1]),
            fdiffs=rng.choice([None, [], [1], [4096]]),
        )
        if len(descriptor) > 255:
            continue
        extensions = {DEPENDENCY_DESCRIPTOR: descriptor}
        stage.send(rng.choice(packets), extensions=extensions, timestamp=stream.timestamp())
    assert stage.drops["layers_unknown"] > 5
    stage.assert_well()


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1 << 32), structure=structures(), rounds=st.lists(st.binary(max_size=40), max_size=20)
)
def test_any_structure_then_noise(seed: int, structure: Structure, rounds: list[bytes]) -> None:
    network = Network(seed)
    stage = Stage(network)
    (packet,) = stage.packets(1)[:1]
    first = write_descriptor(1, 0, structure, structure=True)
    for descriptor in [first, *rounds, first]:
        if len(descriptor) < 256:
            stage.send(packet, extensions={DEPENDENCY_DESCRIPTOR: descriptor})
    stage.assert_well()


def test_a_structure_that_is_lost_for_good_is_asked_for(network: Network) -> None:
    """The viewer follows the last one, and would wait for ever for packets that can be read by it."""
    stage = Stage(network, nack=False)
    (packet,) = stage.packets(1)[:1]
    other = lying_structure(random.Random(1))
    stage.send(packet, extensions={DEPENDENCY_DESCRIPTOR: write_descriptor(1, 0, other, structure=True)})
    stage.hostile.uplink.loss = 1.0
    stage.source.capture(key=True)
    stage.hostile.uplink.loss = 0.0
    lost_us = network.now_us
    before = len(stage.source.key_frame_requests_us)
    stage.source.start()
    network.run(2)
    assert stage.drops["layers_unknown"] > 100
    assert 1 <= len(stage.source.key_frame_requests_us) - before <= 3
    shown = [at_us for seq, at_us in stage.victim.sink.arrived_us.items() if at_us > lost_us]
    assert len(shown) > 50


# Floods


def test_a_flood_of_key_frame_requests_costs_one_per_delay_and_layer(network: Network) -> None:
    publisher = Peer(network)
    peers = [Peer(network) for _ in range(6)]
    network.run(0.1)
    source = Simulcast(publisher)
    viewers = [Viewer(peer.consume(source)) for peer in peers]
    source.start()
    network.run(1)
    for n, viewer in enumerate(viewers):
        viewer.prefer(n % 3)
    network.run(1.5)
    before = [len(stream.key_frame_requests_us) for stream in source.streams]
    for _ in range(300):
        for viewer in viewers[:3]:
            viewer.sink.ask_key_frame()
        network.run(0.01)
    for stream, earlier in zip(source.streams, before, strict=True):
        assert len(stream.key_frame_requests_us) - earlier <= 7  # in 3 s
    for viewer in viewers:
        assert longest_gap_us(viewer.watch()) < 150_000


@pytest.mark.parametrize("rtx", [True, False])
def test_a_flood_of_nacks_is_answered_at_a_bounded_rate(network: Network, rtx: bool) -> None:
    """Each asks for hundreds of packets again and again; the others get theirs in time."""
    publisher, greedy, modest = Peer(network), Peer(network), Peer(network)
    network.run(0.1)
    source = Simulcast(publisher, "vp8", 1, payload_bytes=1100)
    sink = greedy.consume(source, rtx=rtx)
    viewer = Viewer(modest.consume(source))
    source.start()
    network.run(2)
    sent = network.core.transport_stats(greedy.transport)["bytes_sent"]
    start_us = network.now_us
    for _ in range(200):
        highest = max(sink.packets)
        greedy.send_rtcp(
            rtcp.build_nack(
                greedy.rtcp_ssrc, sink.ssrc, [seq & 0xFFFF for seq in range(highest - 400, highest)]
            )
        )
        network.run(0.01)
    passed_s = (network.now_us - start_us) / 1e6
    again = network.core.transport_stats(greedy.transport)["bytes_sent"] - sent
    assert again < 8_000_000 / 8 * passed_s * 1.5 + 700_000
    drops = network.core.stats()["drops"]
    assert sum(drops.get(name, 0) for name in ("nack_rate", "nack_too_soon", "nack_not_found")) > 10_000
    assert longest_gap_us(viewer.watch()) < 60_000
    network.run(3)
    seq = max(sink.packets)
    payload = sink.packets.pop(seq).payload
    sink.ask_again([seq])
    network.run(0.1)
    assert not rtx or sink.packets[seq].payload == payload


def test_an_encoding_in_another_dress(network: Network) -> None:
    """Payloads, numbers and times at random under an honest ssrc."""
    stage = Stage(network, "vp8")
    packets = stage.packets(30)
    rng = network.chance
    for _ in range(400):
        stage.source.streams[0].seq += rng.choice([0, 0, 0, 1, 40])
        packet = rng.choice(packets)
        payload = rng.randbytes(rng.randrange(1, 12)) + packet.payload[-4:]
        stage.send(packet, two_byte=False, payload=payload, timestamp=rng.getrandbits(32))
    stage.assert_well()
