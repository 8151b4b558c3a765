"""Slots that follow the active speakers: of many, each viewer gets k, in streams negotiated once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from .errors import Unsupported
from .parameters import MediaKind

if TYPE_CHECKING:
    from .consumer import Consumer
    from .observer import ActiveSpeakerObserver
    from .producer import Producer

KINDS: tuple[MediaKind, MediaKind] = ("audio", "video")


@dataclass(eq=False, slots=True)
class Slot:
    """A consumer, and which participant it carries."""

    consumer: Consumer
    key: Hashable | None = None


@dataclass(eq=False, slots=True)
class Viewer:
    key: Hashable | None
    slots: dict[MediaKind, list[Slot]]
    refused: set[Producer] = field(default_factory=set)
    """What it cannot decode."""


class SpeakerSlots:
    """Made by `router.create_speaker_slots`. The caller chooses the keys of participants.

    Sound comes from those who speak, or spoke last; pictures from those who were dominant last. Places left
    over go to whoever came first. A slot keeps its source while that is among the viewer's k, so that nothing
    moves without need, and nobody gets themselves.
    """

    def __init__(self, observer: ActiveSpeakerObserver, *, audio: int, video: int) -> None:
        self.observer = observer
        self.viewers: set[Viewer] = set()
        self._places: dict[MediaKind, int] = {"audio": audio, "video": video}
        self._sources: dict[MediaKind, dict[Hashable, Producer]] = {"audio": {}, "video": {}}
        self._keys: dict[Producer, Hashable] = {}
        self._order: dict[MediaKind, list[Hashable]] = {"audio": [], "video": []}
        """Who is wanted first. For sound the ranking, for pictures the dominant ones, last first."""
        observer.on("ranking", self._on_ranking)
        observer.on("dominantspeaker", self._on_dominant)

    def close(self) -> None:
        """Its observer ends; slots keep what they have."""
        self.observer.close()
        self.viewers.clear()

    # Participants

    def add_participant(self, key: Hashable, audio: Producer | None, video: Producer | None) -> None:
        """`key` must not be None. A microphone or camera that is off for long is better not given."""
        self.update_participant(key, audio, video)

    def update_participant(self, key: Hashable, audio: Producer | None, video: Producer | None) -> None:
        """What they send now; None: nothing. To repeat it changes nothing."""
        for kind, producer in zip(KINDS, (audio, video), strict=True):
            before = self._sources[kind].get(key)
            if producer is before:
                continue
            if kind == "audio":
                self._listen(key, before, producer)
            if producer is None:
                del self._sources[kind][key]
            else:
                self._sources[kind][key] = producer
            for viewer in list(self.viewers):
                self._changed(viewer, kind, key)

    def remove_participant(self, key: Hashable) -> None:
        """They may still view; `detach` ends that."""
        self.update_participant(key, None, None)
        for order in self._order.values():
            if key in order:
                order.remove(key)

    def _listen(self, key: Hashable, before: Producer | None, producer: Producer | None) -> None:
        if before is not None:
            self._keys.pop(before, None)
            if not before.closed:
                self.observer.remove_producer(before)
        if producer is not None:
            self._keys[producer] = key
            self.observer.add_producer(producer)

    # Viewers

    def attach(self, key: Hashable | None, audio: Sequence[Consumer], video: Sequence[Consumer]) -> Viewer:
        """Fills these consumers, made by `transport.consume_slot`, from now on.

        `key`: the participant who views, if it is one. Of more consumers than places the last are left alone.
        """
        viewer = Viewer(key, {})
        for kind, consumers in zip(KINDS, (audio, video), strict=True):
            viewer.slots[kind] = [Slot(consumer) for consumer in consumers[: self._places[kind]]]
            self._settle(viewer, kind)
        self.viewers.add(viewer)
        return viewer

    def detach(self, viewer: Viewer) -> None:
        """Its consumers keep what they have. Detaching twice does nothing."""
        self.viewers.discard(viewer)

    # Who is wanted

    def _on_ranking(self, ranking: Iterable[Producer]) -> None:
        self._order["audio"] = self._known(ranking)
        self._settle_all("audio")

    def _on_dominant(self, producer: Producer) -> None:
        for key in self._known([producer]):
            last = [each for each in self._order["video"] if each != key]
            self._order["video"] = [key, *last][: self._places["video"] + 1]
            self._settle_all("video")

    def _known(self, producers: Iterable[Producer]) -> list[Hashable]:
        return [self._keys[producer] for producer in producers if producer in self._keys]

    # Who sits where

    def _settle_all(self, kind: MediaKind) -> None:
        """Most changes of order move nothing for most viewers, of whom there may be a thousand."""
        order = [key for key in self._order[kind] if key in self._sources[kind]]
        for viewer in list(self.viewers):
            slots = viewer.slots[kind]
            wanted = [key for key in order[: len(slots) + 1] if key != viewer.key][: len(slots)]
            if not {slot.key for slot in slots}.issuperset(wanted):
                self._settle(viewer, kind)

    def _changed(self, viewer: Viewer, kind: MediaKind, key: Hashable) -> None:
        """This source is new, another or gone: whoever has it, or has room, is looked at."""
        slots = viewer.slots[kind]
        for slot in slots:
            if slot.key == key:
                slot.key = None
        if any(slot.key is None for slot in slots):
            self._settle(viewer, kind)

    def _settle(self, viewer: Viewer, kind: MediaKind) -> None:
        slots = [slot for slot in viewer.slots[kind] if not slot.consumer.closed]
        wanted = list(islice(self._candidates(viewer, kind, self._order[kind]), len(slots)))
        sitting = {slot.key for slot in slots}
        missing = [key for key in wanted if key not in sitting]
        free = [slot for slot in slots if slot.key is None]
        if missing:
            open_to_all = free + self._spare(slots, kind, wanted)
            for key in missing:
                if self._place(viewer, kind, open_to_all[0], key):
                    open_to_all.pop(0)
            free = [slot for slot in free if slot.key is None]
        if free:
            self._fill(viewer, kind, free, sitting.union(wanted))

    def _spare(self, slots: list[Slot], kind: MediaKind, wanted: list[Hashable]) -> list[Slot]:
        """In the order in which they are given up: who is not wanted at all, then the least wanted."""
        rank = {key: i for i, key in enumerate(self._order[kind])}
        spare = [slot for slot in slots if slot.key is not None and slot.key not in wanted]
        return sorted(spare, key=lambda slot: -rank.get(slot.key, len(rank)))

    def _fill(self, viewer: Viewer, kind: MediaKind, free: list[Slot], sitting: set[Hashable | None]) -> None:
        for key in self._candidates(viewer, kind, self._sources[kind]):
            if key not in sitting and self._place(viewer, kind, free[0], key):
                free.pop(0)
                if not free:
                    return
        for slot in free:
            if slot.consumer.producer_id is not None:
                slot.consumer.switch_to(None)

    def _candidates(self, viewer: Viewer, kind: MediaKind, order: Iterable[Hashable]) -> Iterator[Hashable]:
        sources = self._sources[kind]
        return (
            key
            for key in list(order)
            if key != viewer.key
            and (producer := sources.get(key)) is not None
            and not producer.closed
            and producer not in viewer.refused
        )

    def _place(self, viewer: Viewer, kind: MediaKind, slot: Slot, key: Hashable) -> bool:
        producer = self._sources[kind][key]
        try:
            slot.consumer.switch_to(producer)
        except Unsupported:
            viewer.refused.add(producer)
            return False
        slot.key = key
        return True
