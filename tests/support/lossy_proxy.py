"""A UDP path that loses packets: clients talk to it as if it were the node."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

Address = tuple[str, int]


class LossyProxy:
    """Drops each datagram with probability `loss`, either way, and counts. The seed is printed."""

    def __init__(self, node: Address, loss: float, seed: int) -> None:
        print(f"lossy proxy: seed {seed}")
        self.loss = loss
        self.passed = 0
        self.lost = 0
        self._random = random.Random(seed)
        self._node = node
        self._clients: dict[Address, asyncio.DatagramTransport] = {}
        self._front: asyncio.DatagramTransport | None = None

    @classmethod
    @asynccontextmanager
    async def running(
        cls, listen: Address, node: Address, loss: float, seed: int
    ) -> AsyncIterator["LossyProxy"]:
        proxy = cls(node, loss, seed)
        loop = asyncio.get_running_loop()
        proxy._front, _ = await loop.create_datagram_endpoint(lambda: _Front(proxy), local_addr=listen)
        try:
            yield proxy
        finally:
            proxy._front.close()
            for transport in proxy._clients.values():
                transport.close()

    async def from_client(self, data: bytes, client: Address) -> None:
        if self._survives():
            (await self._towards_node(client)).sendto(data)

    def from_node(self, data: bytes, client: Address) -> None:
        if self._survives() and self._front is not None:
            self._front.sendto(data, client)

    def _survives(self) -> bool:
        if self._random.random() < self.loss:
            self.lost += 1
            return False
        self.passed += 1
        return True

    async def _towards_node(self, client: Address) -> asyncio.DatagramTransport:
        if client not in self._clients:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Back(self, client), remote_addr=self._node
            )
            self._clients.setdefault(client, transport)
        return self._clients[client]


class _Front(asyncio.DatagramProtocol):
    def __init__(self, proxy: LossyProxy) -> None:
        self._queue: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()
        self._proxy = proxy
        self._task = asyncio.ensure_future(self._run())

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._queue.put_nowait((data, addr))

    def connection_lost(self, exc: Exception | None) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            await self._proxy.from_client(*await self._queue.get())


class _Back(asyncio.DatagramProtocol):
    def __init__(self, proxy: LossyProxy, client: Address) -> None:
        self._proxy = proxy
        self._client = client

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._proxy.from_node(data, self._client)


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
