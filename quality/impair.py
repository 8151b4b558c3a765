"""A UDP path between one viewer and the node, as bad as wanted: loss, outages, delay, jitter."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import time
from collections import deque
from dataclasses import dataclass

Address = tuple[str, int]

_BUFFER_BYTES = 4 << 20
_DATAGRAM_BYTES_MAX = 2048
_TIMER_S = 0.0005
"""Event loops wake up to a millisecond early or late."""


@dataclass(frozen=True)
class Impairment:
    """Of one direction."""

    loss: float = 0.0
    """Chance of each datagram."""
    delay_s: float = 0.0
    jitter_s: float = 0.0
    """Up to so much later; order is kept."""


@dataclass(frozen=True)
class Outages:
    """Nothing gets through for a while, either way; once in every `period_s`, nobody knows when."""

    share: float
    """Of all time."""
    length_s: float

    @property
    def period_s(self) -> float:
        return self.length_s / self.share

    def draw(self, start_s: float, count: int, chance: random.Random) -> list[tuple[float, float]]:
        """The first `count` of them: start and end."""
        idle_s = self.period_s - self.length_s
        starts = [start_s + number * self.period_s + chance.uniform(0, idle_s) for number in range(count)]
        return [(each, each + self.length_s) for each in starts]


class Lossy:
    """Decides the fate of each datagram of one direction. Same seed, same times: same fate."""

    def __init__(self, impairment: Impairment, chance: random.Random) -> None:
        self.impairment = impairment
        self.outages: list[tuple[float, float]] = []
        self.passed = self.lost = 0
        self._chance = chance
        self._last_s = 0.0

    def arrival(self, now_s: float) -> float | None:
        """When a datagram sent now arrives; None: never."""
        each = self.impairment
        if self._chance.random() < each.loss or any(start <= now_s < end for start, end in self.outages):
            self.lost += 1
            return None
        self.passed += 1
        arrives_s = now_s + each.delay_s + self._chance.uniform(0, each.jitter_s)
        self._last_s = max(self._last_s, arrives_s)
        return self._last_s


class _Lane:
    """One direction: datagrams wait here for as long as they are on their way, in order."""

    def __init__(self, lossy: Lossy, loop: asyncio.AbstractEventLoop) -> None:
        self._lossy = lossy
        self._loop = loop
        self._waiting: deque[tuple[float, socket.socket, bytes, Address]] = deque()

    def carry(self, sender: socket.socket, data: bytes, to: Address) -> None:
        now_s = self._loop.time()
        arrives_s = self._lossy.arrival(now_s)
        if arrives_s is None:
            return
        self._waiting.append((arrives_s, sender, data, to))
        if arrives_s <= now_s:
            self._deliver()
        elif len(self._waiting) == 1:
            self._loop.call_at(arrives_s, self._deliver)

    def _deliver(self) -> None:
        now_s = self._loop.time()
        while self._waiting and self._waiting[0][0] <= now_s + _TIMER_S:
            _, sender, data, to = self._waiting.popleft()
            if sender.fileno() >= 0:  # not closed meanwhile
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    sender.sendto(data, to)
        if self._waiting:
            self._loop.call_at(self._waiting[0][0], self._deliver)


class ImpairedPath:
    """Clients that send to `address` reach the node, and it them, through `up` and `down`."""

    def __init__(self, node: Address, up: Impairment, down: Impairment, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.up, self.down = Lossy(up, self._chance), Lossy(down, self._chance)
        self._node = node
        self._loop = asyncio.get_running_loop()
        self._to_node, self._to_client = _Lane(self.up, self._loop), _Lane(self.down, self._loop)
        self._front = _socket()
        self._backs: dict[Address, socket.socket] = {}
        self._loop.add_reader(self._front, self._from_client)

    @property
    def address(self) -> Address:
        host, port = self._front.getsockname()
        return host, port

    def break_down(self, outages: Outages, seconds: float) -> list[tuple[float, float]]:
        """From now on, for so long. Returns when, in seconds since the epoch."""
        windows = outages.draw(self._loop.time(), int(seconds / outages.period_s), self._chance)
        self.up.outages = self.down.outages = windows
        epoch_s = time.time() - self._loop.time()
        return [(start + epoch_s, end + epoch_s) for start, end in windows]

    def close(self) -> None:
        for each in (self._front, *self._backs.values()):
            self._loop.remove_reader(each)
            each.close()

    def _from_client(self) -> None:
        for data, client in _received(self._front):
            back = self._backs.get(client) or self._open_back(client)
            self._to_node.carry(back, data, self._node)

    def _open_back(self, client: Address) -> socket.socket:
        back = self._backs[client] = _socket()
        self._loop.add_reader(back, self._from_node, back, client)
        return back

    def _from_node(self, back: socket.socket, client: Address) -> None:
        for data, _ in _received(back):
            self._to_client.carry(self._front, data, client)


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        made.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
    made.bind(("127.0.0.1", 0))
    return made


def _received(source: socket.socket) -> list[tuple[bytes, Address]]:
    found = []
    try:
        while True:
            found.append(source.recvfrom(_DATAGRAM_BYTES_MAX))
    except (BlockingIOError, ConnectionError):
        return found
