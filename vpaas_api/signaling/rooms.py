"""The rooms of this node: opened when somebody comes, ended by the app, by their time or by being empty."""

import asyncio
import time
from collections.abc import Callable

from vpaas_api import logs
from vpaas_api.errors import ApiError
from vpaas_api.signaling.framing import ROOM_GONE, Closing
from vpaas_api.signaling.room import Room
from vpaas_api.store import RoomRow, Store
from vpaas_api.times import now_s
from vpaas_core import Router

GOING_AWAY = Closing(1012, "going away")

log = logs.get_logger()


class Rooms:
    def __init__(
        self,
        store: Store,
        create_router: Callable[[], Router],
        *,
        participants_max: int,
        grace_s: float,
    ) -> None:
        self._store = store
        self._create_router = create_router
        self._participants_max = participants_max
        self._grace_s = grace_s
        self._live: dict[str, Room] = {}
        self._expiry: dict[str, asyncio.TimerHandle] = {}
        self._grace: dict[str, asyncio.TimerHandle] = {}
        # Opening reads the database, ending writes it. One at a time: no room opens while it is ended.
        self._lock = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._live)

    def participants(self, room_id: str | None = None) -> int:
        """How many are in one room, or in all of them."""
        if room_id is None:
            return sum(len(room.peers) for room in self._live.values())
        room = self._live.get(room_id)
        return len(room.peers) if room else 0

    async def open(self, room_id: str) -> Room:
        """The live room. Raises ApiError room_not_found or room_ended."""
        if room := self._live.get(room_id):
            return room
        async with self._lock:
            if room := self._live.get(room_id):
                return room
            row = await self._store.room(room_id)
            if row is None:
                raise ApiError("room_not_found", "room not found")
            if row.ended(now_s()):
                raise ApiError("room_ended", "room ended")
            return self._start(row)

    async def end(self, room_id: str, reason: str) -> None:
        """End it for good: in the database, and for everyone in it."""
        async with self._lock:
            await self._store.end_room(room_id, now_s())
            self._stop(room_id, Closing(ROOM_GONE, reason))

    def close(self) -> None:
        """The node is going away; the rooms stay open for another one."""
        for room_id in list(self._live):
            self._stop(room_id, GOING_AWAY)

    def _start(self, row: RoomRow) -> Room:
        maximum = row.max_participants or self._participants_max
        room = Room(row.id, row.name, maximum, self._create_router, self._emptied)
        self._live[row.id] = room
        loop = asyncio.get_running_loop()
        self._expiry[row.id] = loop.call_later(
            row.exp - time.time(), self._stop, row.id, Closing(ROOM_GONE, "expired")
        )
        self._emptied(room)  # whoever opened it may go before entering
        log.info("room_opened", room=row.id)
        return room

    def _stop(self, room_id: str, closing: Closing) -> None:
        if room := self._live.pop(room_id, None):
            self._expiry.pop(room_id).cancel()
            self._grace.pop(room_id).cancel()
            room.close(closing)
            log.info("room_closed", room=room_id, reason=closing.reason)

    def _emptied(self, room: Room) -> None:
        if previous := self._grace.get(room.id):
            previous.cancel()
        loop = asyncio.get_running_loop()
        self._grace[room.id] = loop.call_later(self._grace_s, self._stop_if_empty, room)

    def _stop_if_empty(self, room: Room) -> None:
        if not room.peers:
            self._stop(room.id, Closing(ROOM_GONE, "empty"))
