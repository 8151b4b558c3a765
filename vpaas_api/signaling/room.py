"""A room: who is in it, what they publish, and who is told. On the event loop, without awaiting."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec import Struct

from vpaas_api import logs
from vpaas_api.auth import Grant, Permissions
from vpaas_api.errors import ApiError
from vpaas_api.signaling import framing, messages
from vpaas_api.signaling.framing import Closing
from vpaas_api.signaling.speakers import Speakers
from vpaas_core import Producer, Router

if TYPE_CHECKING:
    from vpaas_api.signaling.connection import Connection

log = logs.get_logger()


@dataclass
class Peer:
    """A participant in the room, by one connection or several (a browser, and an encoder over WHIP)."""

    id: str
    name: str
    permissions: Permissions
    connections: "list[Connection]" = field(default_factory=list)

    @property
    def joined(self) -> bool:
        """Whether the others know of it."""
        return any(connection.joined for connection in self.connections)


@dataclass(frozen=True)
class Published:
    """A producer as the room knows it."""

    producer: Producer
    peer: Peer
    source: messages.Source

    @property
    def scalability_mode(self) -> str | None:
        """What there is to choose from: "S3T3" for simulcast of three, "L3T3_KEY" within one stream."""
        encodings = self.producer.rtp_parameters.encodings
        mode = encodings[0].scalability_mode if encodings else None
        if len(encodings) < 2:
            return mode
        temporal = mode.partition("T")[2][:1] if mode else ""
        return f"S{len(encodings)}T{temporal or 1}"

    def info(self) -> messages.ProducerInfo:
        return messages.ProducerInfo(self.producer.id, self.producer.kind, self.source, self.producer.paused)


class Room:
    """A room somebody is in, or has just left. Its router exists from first use until the room closes."""

    def __init__(
        self,
        room_id: str,
        name: str,
        participants_max: int,
        create_router: Callable[[], Router],
        on_empty: Callable[["Room"], None],
    ) -> None:
        self.id = room_id
        self.name = name
        self.participants_max = participants_max
        self.peers: dict[str, Peer] = {}
        self.published: dict[str, Published] = {}
        """By producer id, oldest first."""
        self.closed = False
        self.speakers = Speakers(self)
        self._create_router = create_router
        self._router: Router | None = None
        self._on_empty = on_empty

    @property
    def router(self) -> Router:
        if self._router is None:
            self._router = self._create_router()
        return self._router

    def enter(self, connection: "Connection", grant: Grant) -> Peer:
        """Give the connection its participant. Raises ApiError room_full when that would be one too many."""
        if self.closed:
            raise ApiError("room_ended", f"Room {self.id} has ended")
        peer = self.peers.get(grant.participant_id)
        if peer is None:
            if len(self.peers) >= self.participants_max:
                raise ApiError("room_full", f"The room takes {self.participants_max} participants")
            peer = self.peers[grant.participant_id] = Peer(
                grant.participant_id, grant.name, grant.permissions
            )
        peer.connections.append(connection)
        return peer

    def announce(self, connection: "Connection") -> None:
        """The connection has joined. If it is its participant's first, the others are told."""
        peer = connection.peer
        known = peer.joined
        connection.joined = True
        if not known:
            log.info("participant_joined", room=self.id, participant=peer.id, over=connection.kind)
            self.tell("peerJoined", messages.PeerJoined(peer.id, peer.name), but=peer)
        self.speakers.greet(connection)

    def leave(self, connection: "Connection", reason: str) -> None:
        peer = connection.peer
        peer.connections.remove(connection)
        if connection.joined and not peer.joined:
            log.info("participant_left", room=self.id, participant=peer.id, reason=reason)
            self.tell("peerLeft", messages.PeerLeft(peer.id, reason), but=peer)
        if not peer.connections:
            del self.peers[peer.id]
        if not self.peers and not self.closed:
            self._on_empty(self)

    def publish(self, published: Published) -> None:
        peer, producer = published.peer, published.producer
        self.published[producer.id] = published
        log.info(
            "producer_added",
            room=self.id,
            participant=peer.id,
            producer=producer.id,
            kind=producer.kind,
            source=published.source,
        )
        added = messages.ProducerAdded(peer.id, producer.id, producer.kind, published.source, producer.paused)
        self.tell("producerAdded", added, but=peer)
        self.speakers.changed(published)

    def unpublish(self, producer_id: str) -> None:
        """The producer is gone. Telling so twice does nothing."""
        if published := self.published.pop(producer_id, None):
            self.speakers.changed(published)
            self._tell_changed("producerClosed", published)

    def live(self, peer: Peer, source: messages.Source) -> Producer | None:
        """The first of a participant's producers of this source that is not paused."""
        for connection in peer.connections:
            for producer_id, producer in connection.producers.items():
                if self.published[producer_id].source == source and not producer.paused:
                    return producer
        return None

    def set_paused(self, producer_id: str, paused: bool) -> None:
        published = self.published[producer_id]
        if paused:
            published.producer.pause()
        else:
            published.producer.resume()
        self.speakers.changed(published)
        self._tell_changed("producerPaused" if paused else "producerResumed", published)

    def _tell_changed(self, method: str, published: Published) -> None:
        changed = messages.ProducerChanged(published.peer.id, published.producer.id)
        self.tell(method, changed, but=published.peer)

    def tell(self, method: str, data: Struct, *, but: Peer | None = None) -> None:
        """Notify everyone who has joined, except one participant. Encoded once for all."""
        if self.closed:
            return
        text = framing.notification(method, data)
        for connection in list(self._connections()):
            if connection.joined and connection.peer is not but:
                connection.send(text)

    def peer_infos(self, *, but: Peer) -> list[messages.PeerInfo]:
        infos = {
            peer.id: messages.PeerInfo(peer.id, peer.name, [])
            for peer in self.peers.values()
            if peer.joined and peer is not but
        }
        for published in self.published.values():
            if info := infos.get(published.peer.id):
                info.producers.append(published.info())
        return list(infos.values())

    def close(self, closing: Closing) -> None:
        """End it for everyone."""
        if self.closed:
            return
        self.tell("roomClosed", messages.RoomClosed(closing.reason))
        self.closed = True
        self.speakers.close()
        for connection in list(self._connections()):
            connection.close(closing)
        if self._router is not None:
            self._router.close()

    def _connections(self) -> "Iterator[Connection]":
        for peer in self.peers.values():
            yield from peer.connections
