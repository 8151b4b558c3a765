"""Observers of a router's microphones: how loud, who speaks. Packets carry the levels (RFC 6464).

Where a sender puts no audio level into its packets, nothing is known of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._fastpath.events import EventKind
from .errors import InvalidParameters, InvalidState
from .events import Emitter

if TYPE_CHECKING:
    from .producer import Producer
    from .router import Router

INTERVAL_MS = (100, 10_000)
ENTRIES_MAX = 128
RANKED_MAX = 32


@dataclass(frozen=True, slots=True)
class Volume:
    producer: Producer
    volume: int
    """dBov, -127 to 0; the average of the interval."""


class RtpObserver(Emitter):
    """What all observers have in common. It closes with its router; a producer that closes leaves it."""

    EVENTS: tuple[str, ...] = ("close",)

    def __init__(self, router: Router, native_id: int) -> None:
        super().__init__()
        self.id = str(uuid.uuid4())
        self.closed = False
        self.paused = False
        self.native_id = native_id
        self._router = router
        self._core = router.worker.core
        self._producers: dict[int, Producer] = {}
        router.observers[self.id] = self
        router.worker.observers[native_id] = self

    def add_producer(self, producer: Producer) -> None:
        """Adding twice does nothing. Raises InvalidParameters unless it is audio of this router."""
        self._check_open()
        if producer.kind != "audio":
            raise InvalidParameters("producer", "observers listen to audio")
        if producer.closed or producer.router is not self._router:
            raise InvalidParameters("producer", f"{producer.id} is not one of the router's")
        self._core.observer_add_producer(self.native_id, producer.native_id)
        self._producers[producer.native_id] = producer
        producer.observers.add(self)

    def remove_producer(self, producer: Producer) -> None:
        """Nothing happens when it is not there."""
        self._check_open()
        if producer.native_id in self._producers:
            self._core.observer_remove_producer(self.native_id, producer.native_id)
            producer.observers.discard(self)
            self.producer_left(producer)

    def pause(self) -> None:
        """No events until `resume`."""
        self._set_paused(True)

    def resume(self) -> None:
        self._set_paused(False)

    def _set_paused(self, paused: bool) -> None:
        self._check_open()
        if paused != self.paused:
            self.paused = paused
            self._core.pause_observer(self.native_id, paused)

    def close(self) -> None:
        """Closing twice does nothing."""
        if self.closed:
            return
        self.closed = True
        self._core.close_observer(self.native_id)
        for producer in self._producers.values():
            producer.observers.discard(self)
        self._router.worker.observers.pop(self.native_id, None)
        self._router.observers.pop(self.id, None)
        self._emit("close")

    def producer_left(self, producer: Producer) -> None:
        self._producers.pop(producer.native_id, None)

    def on_event(self, kind: int, payload: bytes) -> None:
        raise NotImplementedError

    def _named(self, native_ids: Iterable[int]) -> list[Producer]:
        """Some may have left since the worker wrote this."""
        return [producer for each in native_ids if (producer := self._producers.get(each)) is not None]

    def _check_open(self) -> None:
        if self.closed:
            raise InvalidState(f"observer {self.id} is closed")


class AudioLevelObserver(RtpObserver):
    """Made by `router.create_audio_level_observer`.

    "volumes"(list[Volume]): each interval, who is louder than the threshold on average, loudest first.
    "silence"(): once, when nobody is any more.
    """

    EVENTS = ("close", "volumes", "silence")

    def __init__(self, router: Router, *, max_entries: int, threshold: int, interval_ms: int) -> None:
        check_range("maxEntries", max_entries, 1, ENTRIES_MAX)
        check_range("threshold", threshold, -127, 0)
        check_range("intervalMs", interval_ms, *INTERVAL_MS)
        native_id = router.worker.core.add_level_observer(
            interval_us=interval_ms * 1000, threshold=threshold, entries=max_entries
        )
        super().__init__(router, native_id)

    def on_event(self, kind: int, payload: bytes) -> None:
        if kind == EventKind.EVENT_SILENCE:
            self._emit("silence")
            return
        numbers = memoryview(payload).cast("i")
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        volumes = [Volume(self._producers[each], dbov) for each, dbov in pairs if each in self._producers]
        if volumes:
            self._emit("volumes", volumes)


class ActiveSpeakerObserver(RtpObserver):
    """Made by `router.create_active_speaker_observer`. In silence the last speakers stay what they were.

    "dominantspeaker"(Producer): another one is, at most once in the interval.
    "ranking"(list[Producer]): it has changed; within 300 ms of somebody's beginning to speak.
    """

    EVENTS = ("close", "dominantspeaker", "ranking")

    def __init__(self, router: Router, *, interval_ms: int, ranked: int) -> None:
        check_range("intervalMs", interval_ms, *INTERVAL_MS)
        check_range("ranked", ranked, 1, RANKED_MAX)
        super().__init__(
            router, router.worker.core.add_speaker_observer(interval_us=interval_ms * 1000, entries=ranked)
        )
        self.dominant: Producer | None = None
        """Who is speaking, or was last."""
        self.ranking: list[Producer] = []
        """Who speaks or spoke last, most active first."""

    def producer_left(self, producer: Producer) -> None:
        super().producer_left(producer)
        if self.dominant is producer:
            self.dominant = None
        self.ranking = [each for each in self.ranking if each is not producer]

    def on_event(self, kind: int, payload: bytes) -> None:
        producers = self._named(memoryview(payload).cast("I"))
        if kind == EventKind.EVENT_RANKING:
            self.ranking = producers
            self._emit("ranking", list(producers))
        elif producers:
            self.dominant = producers[0]
            self._emit("dominantspeaker", producers[0])


def check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InvalidParameters(name, f"{value} is not between {least} and {most}")
