"""Which participant sits in which slot; then the same with the engine's own consumers."""

import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.webrtc_peer import opus, vp8
from vpaas_core import Engine, InvalidParameters, Producer, Router, Unsupported
from vpaas_core._fastpath.events import EventKind
from vpaas_core.slots import SpeakerSlots, Viewer


@dataclass(eq=False)
class Source:
    """As much of a producer as the policy knows."""

    name: str
    codec: str = "any"
    closed: bool = False

    def __repr__(self) -> str:
        return self.name


@dataclass(eq=False)
class Slot:
    """As much of a consumer."""

    codecs: tuple[str, ...] = ("any",)
    closed: bool = False
    source: Source | None = None
    switches: int = 0

    @property
    def producer_id(self) -> str | None:
        return None if self.source is None else self.source.name

    def switch_to(self, producer: Source | None) -> None:
        assert not self.closed
        assert producer is None or not producer.closed
        if producer is not None and producer.codec not in self.codecs:
            raise Unsupported("codec")
        self.switches += 1
        self.source = producer


@dataclass
class Observer:
    """As much of an ActiveSpeakerObserver; `rank` and `dominate` are its events."""

    members: set[Source] = field(default_factory=set)
    callbacks: dict[str, Callable[[Any], None]] = field(default_factory=dict)
    closed: bool = False

    def on(self, event: str, callback: Callable[[Any], None]) -> None:
        self.callbacks[event] = callback

    def add_producer(self, producer: Source) -> None:
        self.members.add(producer)

    def remove_producer(self, producer: Source) -> None:
        self.members.remove(producer)

    def close(self) -> None:
        self.closed = True


class Room:
    """Participants are letters, with a microphone (a) and a camera (A)."""

    def __init__(self, letters: str, *, audio: int = 2, video: int = 2) -> None:
        self.observer = Observer()
        self.slots = SpeakerSlots(self.observer, audio=audio, video=video)  # type: ignore[arg-type]
        self.audio = {letter: Source(letter) for letter in letters}
        self.video = {letter: Source(letter.upper()) for letter in letters}
        for letter in letters:
            self.slots.add_participant(letter, self.audio[letter], self.video[letter])  # type: ignore[arg-type]

    def rank(self, letters: str) -> None:
        self.observer.callbacks["ranking"]([self.audio[letter] for letter in letters])

    def dominate(self, letter: str) -> None:
        self.observer.callbacks["dominantspeaker"](self.audio[letter])

    def view(self, key: str | None, audio: int = 2, video: int = 2, **options: Any) -> "View":
        return View(self, key, audio, video, **options)


class View:
    def __init__(self, room: Room, key: str | None, audio: int, video: int, **options: Any) -> None:
        self.audio, self.video = (
            [Slot(**options) for _ in range(audio)],
            [Slot(**options) for _ in range(video)],
        )
        self.viewer: Viewer = room.slots.attach(key, self.audio, self.video)  # type: ignore[arg-type]

    def sees(self) -> str:
        """Of each slot the participant, - for none: sound, then pictures."""
        return " ".join(
            "".join("-" if slot.source is None else slot.source.name for slot in slots)
            for slots in (self.audio, self.video)
        )

    def switches(self) -> int:
        return sum(slot.switches for slot in self.audio + self.video)


def test_before_anybody_speaks_the_first_who_came_are_there() -> None:
    room = Room("abcd")
    assert room.view(None).sees() == "ab AB"
    assert room.view("a").sees() == "bc BC"
    assert room.view("d", audio=1, video=3).sees() == "a AB-"  # two places for pictures


def test_sound_follows_the_ranking_and_pictures_the_dominant() -> None:
    room = Room("abcdef")
    view = room.view(None)
    room.rank("f")
    assert view.sees() == "fb AB"
    room.rank("fe")
    assert view.sees() == "fe AB"
    room.dominate("f")
    assert view.sees() == "fe FB"
    room.dominate("d")
    room.dominate("f")
    assert view.sees() == "fe FD"
    assert view.switches() == 4 + 4


def test_a_slot_keeps_its_source_while_that_is_among_the_k() -> None:
    room = Room("abcdef")
    view = room.view(None)
    room.rank("cd")
    before = view.switches()
    for ranking in ("dc", "cd", "cda", "dca"):
        room.rank(ranking)
    assert view.sees() == "cd AB"
    assert view.switches() == before
    room.rank("dac")  # d and a are wanted: c makes room
    assert view.sees() == "ad AB"


def test_nobody_gets_themselves_but_one_more_of_the_others() -> None:
    room = Room("abcd")
    views = {key: room.view(key) for key in "abcd"}
    room.rank("dba")
    for letter in "abd":
        room.dominate(letter)
    for key, view in views.items():
        others = "dba".replace(key, "")[:2]
        assert sorted(view.sees().replace(" ", "")) == sorted(others + others.upper())


def test_who_leaves_makes_room_and_who_comes_takes_it() -> None:
    room = Room("ab", audio=3)
    view = room.view(None, audio=3)
    assert view.sees() == "ab- AB"
    room.slots.remove_participant("a")
    assert view.sees() == "-b- -B"
    room.slots.remove_participant("a")
    room.slots.remove_participant("stranger")
    room.slots.add_participant("c", room.audio["a"], None)  # type: ignore[arg-type]
    assert view.sees() == "ab- -B"
    assert room.observer.members == {room.audio["a"], room.audio["b"]}
    room.rank("ab")
    assert room.slots._order["audio"] == ["c", "b"]


def test_a_new_microphone_of_the_same_participant() -> None:
    room = Room("abc")
    view = room.view(None)
    old, new = room.audio["a"], Source("x")
    old.closed = True  # an observer has forgotten it by itself
    room.observer.members.remove(old)
    room.slots.update_participant("a", new, room.video["a"])  # type: ignore[arg-type]
    assert view.sees() == "xb AB"
    assert room.observer.members == {new, room.audio["b"], room.audio["c"]}
    before = view.switches()
    room.slots.update_participant("a", new, room.video["a"])  # type: ignore[arg-type]
    assert view.switches() == before
    room.slots.update_participant("a", new, None)  # type: ignore[arg-type]
    assert view.sees() == "xb CB"


def test_what_a_viewer_cannot_decode_is_left_to_others() -> None:
    room = Room("abc")
    room.video["a"].codec = room.video["c"].codec = "av1"
    view, other = room.view(None, codecs=("any",)), room.view(None, codecs=("any", "av1"))
    for letter in "bca":
        room.dominate(letter)
    assert view.sees() == "ab B-"
    assert set(other.sees()[3:]) == {"A", "C"}


def test_closed_consumers_and_producers_are_passed_over() -> None:
    room = Room("abc")
    view = room.view(None)
    view.audio[0].closed = True
    room.audio["c"].closed = True
    room.rank("cb")
    assert view.sees() == "ab AB"
    room.slots.detach(view.viewer)
    room.slots.detach(view.viewer)
    room.rank("b")
    room.dominate("c")
    assert view.sees() == "ab AB"
    room.slots.close()
    assert room.observer.closed


LETTERS = "abcdefgh"
CHANGES = st.one_of(
    st.tuples(st.just("rank"), st.permutations(LETTERS).map(lambda each: "".join(each[:4]))),
    st.tuples(st.just("dominate"), st.sampled_from(LETTERS)),
    st.tuples(st.just("leave"), st.sampled_from(LETTERS)),
    st.tuples(st.just("join"), st.sampled_from(LETTERS)),
)


@given(st.lists(CHANGES, max_size=30))
@settings(max_examples=100, deadline=None)
def test_whatever_happens(changes: list[tuple[str, str]]) -> None:
    room = Room(LETTERS, audio=3, video=3)
    views = [(key, room.view(key, audio=3, video=3)) for key in [None, "a", "b", "c"]]
    here, ranking = set(LETTERS), ""
    for what, whom in changes:
        if what == "rank":
            ranking = "".join(letter for letter in whom if letter in here)
            room.rank(ranking)
        elif what == "dominate" and whom in here:
            room.dominate(whom)
        elif what == "leave":
            here.discard(whom)
            ranking = ranking.replace(whom, "")
            room.slots.remove_participant(whom)
        elif what == "join":
            here.add(whom)
            room.slots.update_participant(whom, room.audio[whom], room.video[whom])  # type: ignore[arg-type]
        for key, view in views:
            for slots in (view.audio, view.video):
                sitting = [slot.source.name.lower() for slot in slots if slot.source is not None]
                others = here - {key}
                assert len(set(sitting)) == len(sitting) == min(3, len(others))
                assert set(sitting) <= others
            wanted = ranking.replace(key or "-", "")[:3]
            assert set(wanted) <= {slot.source.name for slot in view.audio if slot.source is not None}


# The engine's own


@pytest.fixture
async def router() -> AsyncIterator[Router]:
    async with Engine() as engine:
        yield engine.create_router()


async def test_slots_of_the_engine(router: Router) -> None:
    slots = router.create_speaker_slots(audio=1, video=1)
    publishers = [router.create_web_rtc_transport() for _ in range(2)]
    for key, transport in zip("ab", publishers, strict=True):
        slots.add_participant(
            key,
            transport.produce(kind="audio", rtp_parameters=opus(1)),
            transport.produce(kind="video", rtp_parameters=vp8(2)),
        )
    transport = router.create_web_rtc_transport()
    sound, picture = (
        transport.consume_slot(kind=kind, rtp_capabilities=router.rtp_capabilities)
        for kind in ("audio", "video")
    )
    filled: list[Producer | None] = []
    sound.on("producerchange", filled.append)
    picture.on("producerchange", filled.append)
    slots.attach(None, [sound], [picture])
    (first_sound, first_picture), (second_sound, second_picture) = (
        transport.producers.values() for transport in publishers
    )
    slots.observer.on_event(EventKind.EVENT_RANKING, struct.pack("I", second_sound.native_id))
    slots.observer.on_event(EventKind.EVENT_DOMINANT, struct.pack("I", second_sound.native_id))
    assert filled == [first_sound, first_picture, second_sound, second_picture]
    publishers[1].close()
    assert (sound.producer_id, picture.producer_id) == (None, None)
    slots.remove_participant("b")
    assert (sound.producer_id, picture.producer_id) == (first_sound.id, first_picture.id)
    transport.close()
    slots.remove_participant("a")
    slots.close()
    assert router.observers == {}


@pytest.mark.parametrize("places", [{"audio": -1}, {"audio": 32}, {"video": 32}])
async def test_bad_parameters(router: Router, places: dict[str, int]) -> None:
    with pytest.raises(InvalidParameters):
        router.create_speaker_slots(**places)
