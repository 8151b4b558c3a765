"""The engine: workers, and routers placed on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType

from .codecs import DEFAULT_ROUTER_CODECS
from .config import Config
from .dtls import Certificate
from .errors import InvalidState
from .parameters import RtpCodecCapability
from .router import Router
from .worker import Worker

CERTIFICATE_LEFT_MIN = timedelta(days=7)
"""A transport made now may live for days; its certificate must outlive it."""


class Engine:
    """An SFU to embed:

        async with Engine(Config(listen_ip="127.0.0.1")) as engine:
            router = engine.create_router()

    `start` and all callbacks belong to one asyncio event loop; the packets have threads of their own.
    """

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()
        self.workers: list[Worker] = []
        self._certificate: Certificate | None = None

    async def start(self) -> None:
        """Open the sockets and start the threads. Raises OSError when an address cannot be bound."""
        if self.workers:
            raise InvalidState("the engine runs already")
        try:
            for index in range(self.config.workers):
                self.workers.append(Worker(self.config, index, self.certificate))
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close every router and end every thread. Closing twice does nothing."""
        for worker in self.workers:
            worker.close()
        self.workers.clear()

    def create_router(self, media_codecs: Sequence[RtpCodecCapability] | None = None) -> Router:
        """A router on the worker with the least to do. By default it takes Opus, VP8, H264, VP9 and AV1.

        Raises Unsupported for a codec the engine does not carry, InvalidState before `start`.
        """
        if not self.workers:
            raise InvalidState("the engine is not started")
        worker = min(self.workers, key=_load)
        return worker.create_router(DEFAULT_ROUTER_CODECS if media_codecs is None else media_codecs)

    def certificate(self) -> Certificate:
        """The certificate for new transports; renewed before it grows old."""
        current = self._certificate
        if current is None or current.expires_at - datetime.now(UTC) < CERTIFICATE_LEFT_MIN:
            current = self._certificate = Certificate.generate()
        return current

    async def __aenter__(self) -> Engine:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _load(worker: Worker) -> tuple[int, int]:
    """Consumers are what a worker spends its time on."""
    return sum(len(each.consumers) for each in worker.transports.values()), len(worker.routers)
