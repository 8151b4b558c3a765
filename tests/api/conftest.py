"""A node for each test: its own data directory, its own engine, known tokens."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from tests.support.live import LiveNode
from vpaas_api.app import create_app
from vpaas_api.auth import AccessTokens
from vpaas_api.node import Node
from vpaas_api.server import listen, server, url_of
from vpaas_api.settings import Settings

API_TOKEN = "api-token-of-the-tests"
AUTHORIZATION = {"Authorization": f"Bearer {API_TOKEN}"}
TOKEN_SECRET = "a signing secret of the tests, 32 bytes and more"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path, api_token=API_TOKEN, token_secret=TOKEN_SECRET, port=0, media_listen_ip="127.0.0.1"
    )


@pytest.fixture
def tokens() -> AccessTokens:
    return AccessTokens(TOKEN_SECRET)


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[Starlette]:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
def node(app: Starlette) -> Node:
    node: Node = app.state.node
    return node


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """An app's back end: it has the API token."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://node.example",
        headers=AUTHORIZATION,
    ) as client:
        yield client


@pytest.fixture
async def live(settings: Settings) -> AsyncIterator[LiveNode]:
    listening = listen(settings)
    running = server(settings)
    task = asyncio.create_task(running.serve([listening]))
    while not running.started:
        await asyncio.sleep(0)
        if task.done():
            task.result()
    url = url_of(listening)
    async with httpx.AsyncClient(base_url=url, headers=AUTHORIZATION) as client:
        live = LiveNode(running, url, client)
        yield live
        await live.close()
    await task
