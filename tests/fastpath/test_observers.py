"""Observers over simulated microphones: what is told, when, and about whom."""

import struct
from collections.abc import Callable
from random import Random

import pytest

from tests.sim.microphones import Microphones
from tests.sim.network import Network
from tests.sim.peers import Peer
from tests.support.conversation import noise, speech
from vpaas_core._fastpath.events import EventKind

EVENT_RING_BYTES = 1 << 20

Event = tuple[EventKind, list[int]]


class Room:
    """`number` microphones; 1 s of `levels` at a time. Events name microphones by index."""

    def __init__(self, number: int) -> None:
        self.network = Network(1)
        self.microphones = Microphones(self.network, number)
        self.core = self.network.core
        self.index = {microphone.producer: i for i, microphone in enumerate(self.microphones.each)}

    def observe(self, observer: int, *members: int) -> int:
        for i in members or range(len(self.microphones.each)):
            self.core.observer_add_producer(observer, self.microphones.each[i].producer)
        return observer

    def second(self, levels: dict[int, bytes]) -> None:
        self.microphones.talk([levels.get(i) for i in range(len(self.microphones.each))])
        self.network.run(1)

    def events(self, observer: int) -> list[Event]:
        told = []
        for kind, source, _, payload in self.core.take_events():
            if source == observer:
                numbers = struct.unpack(f"{len(payload) // 4}i", payload)
                named = kind != EventKind.EVENT_VOLUMES
                told.append(
                    (
                        EventKind(kind),
                        [self.index[n] if named or i % 2 == 0 else n for i, n in enumerate(numbers)],
                    )
                )
        return told


def steady(level: int) -> bytes:
    return bytes([level]) * 50


# Levels


def test_volumes_come_each_interval_loudest_first_and_silence_once() -> None:
    room = Room(4)
    observer = room.observe(room.core.add_level_observer(interval_us=1_000_000, threshold=-50, entries=2))
    room.second({})
    assert room.events(observer) == []
    loud = {0: steady(40), 1: steady(20), 2: steady(30), 3: steady(60)}
    for _ in range(4):
        room.second(loud)
    assert room.events(observer)[1:] == [(EventKind.EVENT_VOLUMES, [1, -20, 2, -30])] * 3
    for _ in range(4):
        room.second({i: steady(80) for i in range(4)})
    assert [event for event in room.events(observer) if not event[1]] == [(EventKind.EVENT_SILENCE, [])]


@pytest.mark.parametrize(
    ("interval_us", "packets", "told"), [(1_000_000, 9, 0), (1_000_000, 25, 1), (300_000, 25, 3)]
)
def test_an_average_needs_packets(interval_us: int, packets: int, told: int) -> None:
    room = Room(1)
    observer = room.observe(room.core.add_level_observer(interval_us=interval_us, threshold=-80, entries=1))
    room.network.run(0.25)
    room.second({0: steady(20)[:packets]})
    room.second({})
    assert [kind for kind, _ in room.events(observer)].count(EventKind.EVENT_VOLUMES) == told


def test_two_observers_of_one_microphone_average_on_their_own() -> None:
    room = Room(1)
    fast = room.observe(room.core.add_level_observer(interval_us=200_000, threshold=-80, entries=1))
    slow = room.observe(room.core.add_level_observer(interval_us=2_000_000, threshold=-80, entries=1))
    room.second({})
    room.second({0: steady(20)})
    room.second({0: steady(40)})
    events = room.core.take_events()
    assert [kind for kind, source, _, _ in events if source == slow] == [EventKind.EVENT_VOLUMES]
    assert 8 <= sum(kind == EventKind.EVENT_VOLUMES for kind, source, _, _ in events if source == fast) <= 11


def test_a_paused_producer_is_not_heard() -> None:
    room = Room(2)
    observer = room.observe(room.core.add_level_observer(interval_us=500_000, threshold=-80, entries=2))
    room.core.pause_producer(room.microphones.each[0].producer, True)
    for _ in range(2):
        room.second({0: steady(10), 1: steady(30)})
    assert {told[0] for _, told in room.events(observer)} == {1}


def test_a_paused_observer_tells_nothing_and_begins_anew() -> None:
    room = Room(1)
    observer = room.observe(room.core.add_level_observer(interval_us=500_000, threshold=-80, entries=1))
    room.second({0: steady(20)})
    assert room.events(observer)
    room.core.pause_observer(observer, True)
    room.second({0: steady(20)})
    assert room.events(observer) == []
    room.core.pause_observer(observer, False)
    room.second({0: steady(60)})
    assert room.events(observer)[0] == (EventKind.EVENT_VOLUMES, [0, -60])


# Speakers


def test_who_speaks_is_ranked_and_becomes_dominant() -> None:
    room, rng = Room(5), Random(1)
    observer = room.observe(room.core.add_speaker_observer(interval_us=300_000, entries=3))
    hum = {i: noise(rng, -60, 50) for i in range(5)}
    dominant, ranking = [], []
    for speaker in (3, 1, 4, 0):
        room.second(hum)
        for _ in range(2):
            room.second({**hum, speaker: speech(rng, -25, 50)})
        events = dict(room.events(observer))
        dominant += events.pop(EventKind.EVENT_DOMINANT)
        ranking.append(events.pop(EventKind.EVENT_RANKING))
        assert not events
    assert dominant == [3, 1, 4, 0]
    assert [told[0] for told in ranking] == dominant
    assert [set(told) for told in ranking] == [{3}, {3, 1}, {3, 1, 4}, {1, 4, 0}]


def test_who_leaves_is_forgotten_and_the_others_stay_who_they_are() -> None:
    room, rng = Room(6), Random(2)
    observer = room.observe(room.core.add_speaker_observer(interval_us=300_000, entries=4))
    for speaker in (5, 0, 4, 2):
        room.second({speaker: speech(rng, -25, 50)})
    room.core.take_events()
    room.core.close_producer(room.microphones.each[0].producer)
    room.core.observer_remove_producer(observer, room.microphones.each[1].producer)
    room.core.observer_remove_producer(observer, room.microphones.each[1].producer)  # gone already
    room.second({})
    assert room.events(observer) == [(EventKind.EVENT_RANKING, [2, 4, 5])]
    room.core.close_producer(room.microphones.each[2].producer)  # the dominant one
    room.second({})
    assert room.events(observer) == [(EventKind.EVENT_RANKING, [4, 5])]
    room.second({5: speech(rng, -25, 50)})
    assert (EventKind.EVENT_DOMINANT, [5]) in room.events(observer)
    room.core.observer_add_producer(observer, room.microphones.each[1].producer)
    room.second({1: speech(rng, -25, 50)})
    assert (EventKind.EVENT_RANKING, [1, 5, 4]) in room.events(observer)


def test_the_dominant_one_changes_at_most_once_an_interval() -> None:
    room, rng = Room(2), Random(3)
    observer = room.observe(room.core.add_speaker_observer(interval_us=3_000_000, entries=2))
    for second in range(12):
        room.second({second % 2: speech(rng, -25, 50)})
    assert 3 <= [kind for kind, _ in room.events(observer)].count(EventKind.EVENT_DOMINANT) <= 4


def test_what_does_not_fit_into_the_ring_of_events_is_told_later() -> None:
    room, rng = Room(2), Random(4)
    observer = room.observe(room.core.add_speaker_observer(interval_us=300_000, entries=2))
    peer = Peer(room.network)
    room.network.run(0.1)
    record = b"\x16" + bytes(12)  # the smallest that counts as DTLS
    room.core.drive([(record, peer.address)] * (EVENT_RING_BYTES // 20), room.network.now_us)
    assert room.core.stats()["drops"]["event_ring_full"]
    room.second({1: speech(rng, -25, 50)})
    assert room.events(observer) == []
    room.network.run(0.2)
    assert sorted(room.events(observer)) == [
        (EventKind.EVENT_RANKING, [1]),
        (EventKind.EVENT_DOMINANT, [1]),
    ]


# Life


def test_unknown_ids_raise() -> None:
    room = Room(1)
    observer = room.core.add_speaker_observer(interval_us=300_000, entries=1)
    producer = room.microphones.each[0].producer
    calls: list[Callable[[], None]] = [
        lambda: room.core.observer_add_producer(observer + 99, producer),
        lambda: room.core.observer_add_producer(observer, producer + 99),
        lambda: room.core.observer_remove_producer(observer, producer + 99),
        lambda: room.core.pause_observer(observer + 99, True),
        lambda: room.core.close_observer(observer + 99),
    ]
    for call in calls:
        with pytest.raises(KeyError):
            call()
    room.core.observer_add_producer(observer, producer)
    room.core.close_observer(observer)
    with pytest.raises(KeyError):
        room.core.close_observer(observer)
    room.second({0: steady(20)})
    assert room.core.take_events() == []


def test_many_members_come_and_go() -> None:
    room, rng = Room(60), Random(5)
    observers = [room.core.add_speaker_observer(interval_us=300_000, entries=32) for _ in range(3)]
    inside: list[set[int]] = [set() for _ in observers]
    for _ in range(20):
        for observer, members in zip(observers, inside, strict=True):
            for i in rng.sample(range(60), 10):
                change = (
                    room.core.observer_remove_producer if i in members else room.core.observer_add_producer
                )
                change(observer, room.microphones.each[i].producer)
                members ^= {i}
        room.second({i: speech(rng, -25, 25) for i in rng.sample(range(60), 6)})
        told = {
            source: struct.unpack(f"{len(payload) // 4}I", payload)
            for kind, source, _, payload in room.core.take_events()
            if kind == EventKind.EVENT_RANKING
        }
        for observer, members in zip(observers, inside, strict=True):
            ranking = [room.index[n] for n in told.get(observer, ())]
            assert len(set(ranking)) == len(ranking)
            assert set(ranking) <= members
