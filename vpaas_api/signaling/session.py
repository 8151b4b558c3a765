"""One signalling WebSocket: requests in, answers and notifications out, and a limit on all it may hold."""

import asyncio
from collections import deque

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from vpaas_api import logs
from vpaas_api.auth import Grant
from vpaas_api.errors import ApiError, from_engine, from_validation
from vpaas_api.node import Node
from vpaas_api.settings import Settings
from vpaas_api.signaling import framing, protocol
from vpaas_api.signaling.connection import Connection
from vpaas_api.signaling.framing import Closing
from vpaas_api.signaling.room import Room
from vpaas_core import VpaasError

ERROR_CODES = {400, 403, 404, 409, 429, 500}  # what the protocol knows; anything else is told as 400

log = logs.get_logger()


async def serve(websocket: WebSocket) -> None:
    """The WebSocket endpoint. Accepts first: only then can a browser see the close code."""
    node: Node = websocket.app.state.node
    offered = websocket.scope["subprotocols"]
    try:
        await websocket.accept(framing.SUBPROTOCOL if framing.SUBPROTOCOL in offered else None)
        try:
            grant = node.access_tokens.verify(websocket.query_params.get("accessToken", ""))
            room = await node.rooms.open(grant.room)
            session = Session(websocket, node.settings, room, grant)
        except ApiError as error:
            log.info("signaling_refused", code=error.code, reason=error.reason)
            await websocket.close(_close_code(error), framing.close_reason(error.reason))
            return
        await session.run()
    except WebSocketDisconnect:
        pass


def _close_code(error: ApiError) -> int:
    if error.code == "room_full":
        return framing.ROOM_FULL
    return framing.UNAUTHORIZED if error.status == 401 else framing.ROOM_GONE


class Session:
    """Handling a request never awaits, so a socket that goes away never leaves one half done."""

    def __init__(self, websocket: WebSocket, settings: Settings, room: Room, grant: Grant) -> None:
        self._websocket = websocket
        self._settings = settings
        self._outbox: deque[str] = deque()
        self._wake = asyncio.Event()
        self._closing: Closing | None = None
        self._connection = Connection(room, grant, "signaling", send=self._send, on_close=self._close)
        loop = asyncio.get_running_loop()
        self._budget = TokenBucket(settings.message_rate, settings.message_burst, loop.time())
        self._join_timer = loop.call_later(settings.join_timeout_s, self._check_joined)

    async def run(self) -> None:
        reader = asyncio.create_task(self._read())
        try:
            await self._write()
        except (WebSocketDisconnect, TimeoutError):
            pass
        finally:
            reader.cancel()
            self._join_timer.cancel()
            self._connection.close(framing.DISCONNECTED)
            await asyncio.wait([reader])
        if not reader.cancelled():
            reader.result()

    async def _read(self) -> None:
        try:
            while self._closing is None:
                message = await self._websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                self._handle(message.get("text"))
        finally:
            self._connection.close(framing.DISCONNECTED)

    async def _write(self) -> None:
        """Ends when the socket is closed. A client that does not read is cut off after the ping timeout."""
        while self._closing is None or self._outbox:
            if self._outbox:
                async with asyncio.timeout(self._settings.ping_timeout_s):
                    await self._websocket.send_text(self._outbox.popleft())
            else:
                self._wake.clear()
                await self._wake.wait()
        if self._closing is not framing.DISCONNECTED:
            await self._websocket.close(self._closing.code, framing.close_reason(self._closing.reason))

    def _handle(self, text: str | None) -> None:
        try:
            if text is None:
                raise framing.MalformedError("binary message")
            request = framing.decode(text)
        except framing.MalformedError as error:
            self._connection.close(Closing(framing.MALFORMED, f"malformed message: {error}"))
            return
        if request is not None:
            with logs.trace(request.traceparent):
                self._send(self._answer(request))

    def _answer(self, request: framing.Request) -> str:
        try:
            if not self._budget.take(asyncio.get_running_loop().time()):
                raise ApiError("too_many", "too many requests")
            data = protocol.answer(self._connection, request.method, request.data)
            return framing.success(request.id, data)
        except ApiError as error:
            refusal = error
        except VpaasError as error:
            refusal = from_engine(error)
        except msgspec.ValidationError as error:
            refusal = from_validation(error)
        except RecursionError:
            refusal = ApiError("invalid_request", "nested too deeply")
        except Exception:
            log.exception(
                "request_failed",
                room=self._connection.room.id,
                participant=self._connection.peer.id,
                method=request.method,
            )
            refusal = ApiError("internal_error")
        code = refusal.status if refusal.status in ERROR_CODES else 400
        return framing.failure(request.id, code, refusal.reason)

    def _send(self, text: str) -> None:
        if len(self._outbox) < self._settings.message_queue_max:
            self._outbox.append(text)
            self._wake.set()
        elif self._closing is None:
            self._outbox.clear()
            self._connection.close(framing.TOO_SLOW)

    def _close(self, closing: Closing) -> None:
        self._closing = closing
        self._wake.set()

    def _check_joined(self) -> None:
        if not self._connection.joined:
            self._connection.close(framing.NOT_JOINED)


class TokenBucket:
    """Allows `burst` at once and `rate` a second sustained; time is an argument."""

    def __init__(self, rate: float, burst: int, now_s: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._last_s = now_s

    def take(self, now_s: float) -> bool:
        self._tokens = min(self._burst, self._tokens + (now_s - self._last_s) * self._rate)
        self._last_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
