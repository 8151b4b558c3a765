"""A signalling client: protoo over a WebSocket, and media parameters as a browser would send them."""

import asyncio
import itertools
import json
from collections.abc import Iterator
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

Json = dict[str, Any]

DTLS_PARAMETERS: Json = {
    "role": "client",
    "fingerprints": [{"algorithm": "sha-256", "value": ":".join(["AB"] * 32)}],
}
CODECS = {"audio": "audio/opus", "video": "video/VP8"}


class RefusedError(Exception):
    """The answer to a request is an error."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class ProtooClient:
    """`request` answers or raises RefusedError; `notification` waits for one by its method."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._ids: Iterator[int] = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._notifications: list[tuple[str, Json]] = []
        self._arrived = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, url: str, token: str) -> "ProtooClient":
        return cls(await connect(f"{url}?accessToken={token}", subprotocols=["protoo"], open_timeout=10))  # type: ignore[list-item]

    async def request(self, method: str, data: Any = None, **extra: Any) -> Any:
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        message = {
            "request": True,
            "id": number,
            "method": method,
            "data": {} if data is None else data,
        } | extra
        await self.socket.send(json.dumps(message))
        async with asyncio.timeout(10):
            return await answer

    async def notification(self, method: str) -> Json:
        """The first one of this method that has not been taken yet."""
        async with asyncio.timeout(10), self._arrived:
            while True:
                for index, (name, data) in enumerate(self._notifications):
                    if name == method:
                        del self._notifications[index]
                        return data
                await self._arrived.wait()

    @property
    def waiting(self) -> list[str]:
        """Methods of notifications that have arrived and not been taken."""
        return [name for name, _ in self._notifications]

    async def closed(self) -> tuple[int, str]:
        """Waits until the server closes: (code, reason)."""
        async with asyncio.timeout(10):
            await self.socket.wait_closed()
        return self.socket.close_code or 0, self.socket.close_reason or ""

    async def close(self) -> None:
        await self.socket.close()
        await self._reader

    async def cut(self) -> None:
        """Goes away without a word, as a client does whose network is gone."""
        self.socket.transport.abort()
        await self.socket.wait_closed()
        await self._reader

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                message = json.loads(text)
                if message.get("response"):
                    self._answer(message)
                else:
                    async with self._arrived:
                        self._notifications.append((message["method"], message["data"]))
                        self._arrived.notify_all()
        except ConnectionClosed:
            pass
        for answer in self._answers.values():
            answer.cancel()

    def _answer(self, message: Json) -> None:
        answer = self._answers.pop(message["id"])
        if answer.cancelled():
            return
        if message["ok"]:
            answer.set_result(message["data"])
        else:
            answer.set_exception(RefusedError(message["errorCode"], message["errorReason"]))

    # What a browser does, step by step

    async def join(self, name: str = "") -> Json:
        self.capabilities: Json = await self.request("getRouterRtpCapabilities")
        joined: Json = await self.request("join", {"rtpCapabilities": self.capabilities, "displayName": name})
        return joined

    async def transport(self, direction: str) -> str:
        """The id of a transport that is connected as far as signalling knows."""
        created = await self.request("createWebRtcTransport", {"direction": direction})
        await self.request(
            "connectWebRtcTransport", {"transportId": created["id"], "dtlsParameters": DTLS_PARAMETERS}
        )
        return str(created["id"])

    async def produce(self, transport: str, source: str, *, ssrc: int = 1111, **extra: Any) -> str:
        kind = "audio" if source in ("microphone", "screenAudio") else "video"
        data = {
            "transportId": transport,
            "kind": kind,
            "rtpParameters": rtp_parameters(self.capabilities, kind, ssrc),
            "source": source,
        }
        return str((await self.request("produce", data | extra))["id"])


def rtp_parameters(capabilities: Json, kind: str, ssrc: int) -> Json:
    """What a browser sends that took the router's numbers for its own."""
    codec = next(each for each in capabilities["codecs"] if each["mimeType"] == CODECS[kind])
    sent = {"mimeType": codec["mimeType"], "payloadType": codec["preferredPayloadType"]}
    sent |= {name: codec[name] for name in ("clockRate", "channels", "parameters") if name in codec}
    return {"mid": "0", "codecs": [sent], "encodings": [{"ssrc": ssrc}], "rtcp": {"cname": "test"}}
