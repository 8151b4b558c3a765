"""The service put together: routes over a node that lives as long as the application does."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount, WebSocketRoute

from vpaas_api import whep, whip
from vpaas_api.http_session import HttpSessions
from vpaas_api.node import Node, access_tokens_of, api_token_of
from vpaas_api.operation import Operation, router_problem, routes
from vpaas_api.page import Page
from vpaas_api.rest import demo, health, joins, openapi, rooms
from vpaas_api.settings import Settings
from vpaas_api.signaling import session
from vpaas_api.signaling.rooms import Rooms
from vpaas_api.store import Store
from vpaas_core import Config, Engine, RtpCodecCapability
from vpaas_core.codecs import DEFAULT_ROUTER_CODECS


def operations() -> list[Operation]:
    """Everything the node answers over HTTP, save the files of the page."""
    modules = (rooms, joins, whip, whep, demo, health)
    declared = [operation for module in modules for operation in module.OPERATIONS]
    return [*declared, openapi.operation_of(declared)]


def create_app(settings: Settings) -> Starlette:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with running_node(settings) as app.state.node:
            yield

    return Starlette(
        routes=[
            *routes(operations()),
            WebSocketRoute("/vpaas/signaling", session.serve),
            Mount("/", Page()),
        ],
        exception_handlers={HTTPException: router_problem},
        lifespan=lifespan,
    )


@asynccontextmanager
async def running_node(settings: Settings) -> AsyncIterator[Node]:
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    codecs = media_codecs(settings.codecs)
    store = Store(settings.effective_database_url)
    try:
        await store.open()
        async with Engine(engine_config(settings)) as engine:
            live = Rooms(
                store,
                lambda: engine.create_router(codecs),
                participants_max=settings.participants_max,
                grace_s=settings.room_grace_s,
            )
            try:
                yield Node(
                    settings=settings,
                    api_token=api_token_of(settings),
                    access_tokens=access_tokens_of(settings),
                    store=store,
                    engine=engine,
                    rooms=live,
                    http_sessions=HttpSessions(settings.media_lost_s),
                )
            finally:
                live.close()
    finally:
        await store.close()


def media_codecs(names: Iterable[str]) -> list[RtpCodecCapability]:
    """The engine's variants of these codecs, in the order of the names."""
    return [
        codec
        for name in names
        for codec in DEFAULT_ROUTER_CODECS
        if codec.mime_type.lower().endswith(f"/{name.lower()}")
    ]


def engine_config(settings: Settings) -> Config:
    return Config(
        listen_ip=settings.media_listen_ip,
        port=settings.media_port,
        announced_address=settings.media_announced_address,
        workers=settings.media_workers,
        srtp_profiles=settings.media_srtp_profiles,
    )
