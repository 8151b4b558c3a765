"""Who speaks in a room: told to everyone, and taking turns in the slots of those who opened some."""

import asyncio
from typing import TYPE_CHECKING

from vpaas_api import limits
from vpaas_api.signaling import framing, messages
from vpaas_core import Consumer, Producer, SpeakerSlots
from vpaas_core.slots import Viewer

if TYPE_CHECKING:
    from vpaas_api.signaling.connection import Connection
    from vpaas_api.signaling.room import Peer, Published, Room


class Speakers:
    """Begins with the first microphone, or when somebody opens slots."""

    def __init__(self, room: "Room") -> None:
        self._room = room
        self._slots: SpeakerSlots | None = None
        self._speaker: str | None = None
        self._told: str | None = None
        self._pause: asyncio.TimerHandle | None = None

    def changed(self, published: "Published") -> None:
        """Something is published, muted, unmuted or has ended."""
        if published.source == "microphone":
            self._begin()
        if self._slots and published.source in ("microphone", "camera"):
            self._enter(self._slots, published.peer)

    def greet(self, connection: "Connection") -> None:
        """Tell somebody new who speaks."""
        if self._told:
            connection.send(framing.notification("activeSpeaker", messages.ActiveSpeaker(self._told)))

    def attach(self, peer: "Peer", slots: list[Consumer]) -> Viewer:
        """Let those who speak take turns in these consumers of `peer`."""
        return self._begin().attach(
            peer.id,
            [slot for slot in slots if slot.kind == "audio"],
            [slot for slot in slots if slot.kind == "video"],
        )

    def detach(self, viewer: Viewer) -> None:
        self._begin().detach(viewer)

    def close(self) -> None:
        if self._pause:
            self._pause.cancel()

    def _begin(self) -> SpeakerSlots:
        if self._slots is None:
            self._slots = self._room.router.create_speaker_slots(
                audio=limits.AUDIO_SLOTS_MAX, video=limits.VIDEO_SLOTS_MAX
            )
            self._slots.observer.on("dominantspeaker", self._on_dominant)
            for peer in self._room.peers.values():
                self._enter(self._slots, peer)
        return self._slots

    def _enter(self, slots: SpeakerSlots, peer: "Peer") -> None:
        """What is muted takes no turn."""
        microphone = self._room.live(peer, "microphone")
        camera = self._room.live(peer, "camera")
        if microphone is None and peer.id == self._speaker:
            self._set_speaker(None)
        if microphone or camera:
            slots.update_participant(peer.id, microphone, camera)
        else:
            slots.remove_participant(peer.id)

    def _on_dominant(self, producer: Producer) -> None:
        if published := self._room.published.get(producer.id):
            self._set_speaker(published.peer.id)

    def _set_speaker(self, speaker: str | None) -> None:
        self._speaker = speaker
        if self._pause is None:
            self._tell()

    def _tell(self) -> None:
        """At most once in an interval; what happens meanwhile is told after it."""
        self._pause = None
        if self._speaker == self._told or self._room.closed:
            return
        self._told = self._speaker
        self._room.tell("activeSpeaker", messages.ActiveSpeaker(self._told))
        self._pause = asyncio.get_running_loop().call_later(limits.SPEAKER_INTERVAL_S, self._tell)
