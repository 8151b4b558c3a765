"""The HTTP server process: uvicorn on uvloop, on a socket of our own."""

import socket

import uvicorn

from vpaas_api import logs
from vpaas_api.app import create_app
from vpaas_api.settings import Settings

log = logs.get_logger()


def server(settings: Settings) -> "Server":
    return Server(
        uvicorn.Config(
            create_app(settings),
            loop="uvloop",
            ws="websockets-sansio",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            ws_max_size=settings.message_bytes_max,
            ws_ping_interval=settings.ping_interval_s,
            ws_ping_timeout=settings.ping_timeout_s,
            timeout_graceful_shutdown=settings.shutdown_s,
        )
    )


class Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in sockets or []:
            log.info("server_started", url=url_of(listening))


def listen(settings: Settings) -> socket.socket:
    """Raises OSError when the address cannot be had."""
    family, kind, _, _, address = socket.getaddrinfo(
        settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Otherwise a client that stops reading keeps its closed connection, and our memory, for ever.
        timeout_ms = int(1000 * (settings.ping_interval_s + settings.ping_timeout_s))
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout_ms)
    try:
        listening.bind(address)
    except OSError:
        listening.close()
        raise
    return listening


def url_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    if host in ("127.0.0.1", "::1"):
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
