"""A thousand open microphones: a viewer gets three streams, and in them who speaks. `-s` prints figures."""

import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from tests.sim.microphones import PACKET_US, Microphone, Microphones, heard
from tests.sim.network import Link, Network
from tests.sim.peers import Peer
from tests.sim.streams import Sink
from tests.support.conversation import Turn, frames, microphones, noise, turns
from vpaas_core._fastpath.events import EventKind
from vpaas_core.slots import SpeakerSlots

LATENCY_S = 0.3  # after somebody begins; what is right is also measured without it


class Observer:
    """The core's events, as an ActiveSpeakerObserver hands them on."""

    def __init__(self, room: Microphones) -> None:
        self.core = room.network.core
        self.native_id = self.core.add_speaker_observer(interval_us=300_000, entries=4)
        self.microphones = {microphone.producer: microphone for microphone in room.each}
        self.callbacks: dict[str, Callable[[Any], None]] = {}
        self.dominant: list[tuple[int, Microphone]] = []  # and when it became so

    def on(self, event: str, callback: Callable[[Any], None]) -> None:
        self.callbacks[event] = callback

    def add_producer(self, microphone: Microphone) -> None:
        self.core.observer_add_producer(self.native_id, microphone.producer)

    def dispatch(self, now_us: int) -> None:
        for kind, source, _, payload in self.core.take_events():
            if source != self.native_id:
                continue
            told = [self.microphones[n] for n in struct.unpack(f"{len(payload) // 4}I", payload)]
            if kind == EventKind.EVENT_RANKING:
                self.callbacks["ranking"](told)
            elif kind == EventKind.EVENT_DOMINANT:
                self.dominant.append((now_us, told[0]))
                self.callbacks["dominantspeaker"](told[0])


class AudioSlot:
    """A consumer of the core, as the policy fills it."""

    closed = False

    def __init__(self, peer: Peer) -> None:
        self.sink: Sink = peer.consume(None, codec="opus")
        self.source: Microphone | None = None

    @property
    def producer_id(self) -> int | None:
        return None if self.source is None else self.source.producer

    def switch_to(self, microphone: Microphone | None) -> None:
        self.source = microphone
        self.sink.switch_to(microphone)


class Viewer:
    def __init__(self, network: Network, slots: SpeakerSlots, key: int | None) -> None:
        self.peer = Peer(network)
        network.run(0.1)  # connected
        self.slots = [AudioSlot(self.peer) for _ in range(3)]
        slots.attach(key, self.slots, [])  # type: ignore[arg-type]

    def heard_of(self, microphone: Microphone) -> set[int]:
        """Numbers of its packets that came."""
        return {
            struct.unpack("!I", packet.payload[-4:])[0]
            for slot in self.slots
            for packet in slot.sink.packets.values()
            if heard(packet.payload) == microphone.ssrc
        }


def share_heard(viewer: Viewer, room: Microphones, script: Sequence[Turn], after_s: float) -> float:
    """Of what was said in turn, from `after_s` of each on: how many packets reached the viewer."""
    wanted = came = 0
    for turn in script:
        numbers = viewer.heard_of(room.each[turn.speaker])
        first, last = frames(turn.start_s + after_s) + 1, frames(turn.end_s)
        wanted += max(last - first + 1, 0)
        came += sum(number in numbers for number in range(first, last + 1))
    return came / wanted


def share_dominant(observer: Observer, room: Microphones, script: Sequence[Turn], start_us: int) -> float:
    """Of the time from 1 s of a turn on, until the next: with the right dominant speaker."""
    right = judged = 0
    ends = [turn.start_s for turn in script[1:]] + [script[-1].end_s]
    for turn, end_s in zip(script, ends, strict=True):
        for at_us in range(round((turn.start_s + 1) * 1e6), round(end_s * 1e6), 50_000):
            dominant = [microphone for since, microphone in observer.dominant if since <= start_us + at_us]
            judged += 1
            right += bool(dominant) and dominant[-1] is room.each[turn.speaker]
    return right / judged


def converse(network: Network, number: int, seconds: float, speakers: int) -> tuple[float, float, float]:
    """`speakers` of `number` microphones take turns; figures: heard, heard after LATENCY_S, dominant."""
    room = Microphones(network, number)
    rng = Random(network.chance.random())
    for peer in {microphone.peer for microphone in room.each}:
        peer.uplink = Link(jitter_us=10_000)
    observer = Observer(room)
    slots = SpeakerSlots(observer, audio=3, video=0)  # type: ignore[arg-type]
    for key, microphone in enumerate(room.each):
        slots.add_participant(key, microphone, None)  # type: ignore[arg-type]
    script = turns(rng, speakers, seconds)
    talking = microphones(rng, speakers, seconds, script)
    hums = [noise(rng, dbov, frames(seconds)) for dbov in range(-75, -49)]
    # Speakers are anywhere among them
    places = rng.sample(range(number), speakers)
    levels: list[bytes] = [hums[i % len(hums)] for i in range(number)]
    for place, spoken in zip(places, talking, strict=True):
        levels[place] = bytes(spoken)
    script = [Turn(places[turn.speaker], turn.start_s, turn.end_s) for turn in script]
    outside, inside = Viewer(network, slots, None), Viewer(network, slots, places[0])
    start_us = network.now_us
    room.talk(levels)
    for _ in range(round(seconds * 20) + 2):
        network.run(0.05)
        observer.dispatch(network.now_us)
    for viewer in (outside, inside):
        assert len(viewer.peer.sinks) == 3
        for slot in viewer.slots:
            seqs = sorted(slot.sink.packets)
            assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))  # one stream to the decoder
            assert slot.sink.timestamps == sorted(slot.sink.timestamps)
            assert len(seqs) <= seconds * 1e6 / PACKET_US * 1.01  # no more than one microphone sends
    assert inside.heard_of(room.each[places[0]]) == set()
    others = [turn for turn in script if turn.speaker != places[0]]
    return (
        min(share_heard(outside, room, script, 0), share_heard(inside, room, others, 0)),
        min(share_heard(outside, room, script, LATENCY_S), share_heard(inside, room, others, LATENCY_S)),
        share_dominant(observer, room, script, start_us),
    )


def test_a_thousand_open_microphones_cost_a_viewer_three_streams(network: Network) -> None:
    at_all, after_latency, dominant = converse(network, 1000, 24, 8)
    print(f"heard {at_all:.3f} of what was said, {after_latency:.3f} after 0.3 s; dominant {dominant:.3f}")
    assert at_all >= 0.95
    assert after_latency >= 0.98
    assert dominant >= 0.95


def test_a_long_conversation_in_a_smaller_room(network: Network) -> None:
    at_all, after_latency, dominant = converse(network, 30, 120, 12)
    print(f"heard {at_all:.3f} of what was said, {after_latency:.3f} after 0.3 s; dominant {dominant:.3f}")
    assert at_all >= 0.95
    assert after_latency >= 0.98
    assert dominant >= 0.95
