"""A simulated network around one Core: links that lose, delay, reorder and repeat, and one clock.

Nothing waits: thirty seconds of it pass as fast as the packets are handled. All chance comes from one seed.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

from vpaas_core._fastpath.control import Core

Address = tuple[str, int]

TICK_US = 10_000
GRID_US = 100  # arrivals at the node are rounded up to this, so that some come together, as a batch


@dataclass(slots=True)
class Link:
    """One direction of a path."""

    delay_us: int = 10_000
    jitter_us: int = 0  # up to so much later, order kept
    loss: float = 0.0
    reorder: float = 0.0  # share of datagrams that come `reorder_us` late
    reorder_us: int = 15_000
    duplicate: float = 0.0
    rate_bps: int = 0  # 0: no limit
    free_us: int = 0
    last_us: int = 0

    def arrivals(self, chance: random.Random, now_us: int, size: int) -> list[int]:
        """When the copies of a datagram sent now arrive."""
        if self.rate_bps:
            self.free_us = max(self.free_us, now_us) + size * 8_000_000 // self.rate_bps
            now_us = self.free_us
        if self.loss and chance.random() < self.loss:
            return []
        at_us = now_us + self.delay_us + (chance.randrange(self.jitter_us) if self.jitter_us else 0)
        if self.reorder and chance.random() < self.reorder:
            return [at_us + self.reorder_us]
        self.last_us = at_us = max(at_us, self.last_us)
        if self.duplicate and chance.random() < self.duplicate:
            return [at_us, at_us + chance.randrange(1, 20_000)]
        return [at_us]


class Endpoint(Protocol):
    address: Address
    uplink: Link
    downlink: Link

    def receive(self, data: bytes) -> None: ...

    def departing(self, data: bytes) -> None: ...


class Network:
    """`at` schedules, `run` lets time pass. Endpoints register with `join` and send with `send`."""

    def __init__(self, seed: int, *, srtp_backend: int | None = None) -> None:
        print(f"network seed {seed}")
        self.chance = random.Random(seed)
        self.now_us = 5_000_000
        self._core = Core(srtp_backend)
        self._events: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = count()
        self._endpoints: dict[Address, Endpoint] = {}
        self._hosts = count(1)
        self._at_node: list[tuple[bytes, Address, int | None, int]] = []
        self.sent_by_node = 0
        self.closed: set[int | None] = set()  # plain transports: their sockets are closed with them
        self.at(self.now_us, self._tick)

    @property
    def core(self) -> Core:
        """The node, told what time it is."""
        self._carry(self._core.drive([], self.now_us))
        return self._core

    def new_address(self) -> Address:
        host = next(self._hosts)
        return f"10.{host >> 16 & 255}.{host >> 8 & 255}.{host & 255}", 40000

    def join(self, endpoint: Endpoint) -> None:
        self._endpoints[endpoint.address] = endpoint

    def leave(self, address: Address) -> None:
        self._endpoints.pop(address, None)

    def at(self, when_us: int, call: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self._events, (when_us, next(self._order), call, arguments))

    def after(self, delay_us: int, call: Callable[..., None], *arguments: Any) -> None:
        self.at(self.now_us + delay_us, call, *arguments)

    def send(
        self,
        endpoint: Endpoint,
        data: bytes,
        *,
        source: Address | None = None,
        owner: int | None = None,
        socket: int = 0,
    ) -> int | None:
        """A datagram on its way to the node; when it arrives, if at all. `source` forges its sender."""
        arrivals = endpoint.uplink.arrivals(self.chance, self.now_us, len(data))
        for when_us in arrivals:
            self.at(
                -(-when_us // GRID_US) * GRID_US,
                self._arrive,
                data,
                source or endpoint.address,
                owner,
                socket,
            )
        return arrivals[0] if arrivals else None

    def run(self, seconds: float) -> None:
        """Lets so much time pass."""
        end_us = self.now_us + round(seconds * 1_000_000)
        while self._events and self._events[0][0] <= end_us:
            when_us, _, call, arguments = heapq.heappop(self._events)
            if when_us > self.now_us:
                self._drive()
                self.now_us = when_us
            call(*arguments)
        self._drive()
        self.now_us = end_us

    def _arrive(self, data: bytes, source: Address, owner: int | None, socket: int) -> None:
        self._at_node.append((data, source, owner, socket))

    def _drive(self) -> None:
        """All that has arrived at one moment is one batch for each of the node's sockets."""
        waiting, self._at_node = self._at_node, []
        doors: dict[tuple[int | None, int], list[tuple[bytes, Address]]] = {}
        for data, source, owner, socket in waiting:
            doors.setdefault((owner, socket), []).append((data, source))
        for (owner, socket), datagrams in doors.items():
            if owner in self.closed:
                continue
            self._carry(self._core.drive(datagrams, self.now_us, owner=owner, socket=socket))

    def _tick(self) -> None:
        self._drive()
        self._carry(self._core.tick(self.now_us))
        self.after(TICK_US, self._tick)

    def _carry(self, datagrams: list[tuple[bytes, Address]]) -> None:
        self.sent_by_node += len(datagrams)
        for data, destination in datagrams:
            endpoint = self._endpoints.get(destination)
            if endpoint is None:
                continue
            endpoint.departing(data)
            for when_us in endpoint.downlink.arrivals(self.chance, self.now_us, len(data)):
                self.at(when_us, self._deliver, destination, data)

    def _deliver(self, destination: Address, data: bytes) -> None:
        endpoint = self._endpoints.get(destination)
        if endpoint is not None:
            endpoint.receive(data)
