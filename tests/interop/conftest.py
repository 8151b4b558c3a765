"""A node behind a real HTTP server in this process, so that tests see what it still holds."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.live import LiveNode
from tests.support.pictures import eventually
from vpaas_api.server import listen, server, url_of
from vpaas_api.settings import Settings

API_TOKEN = "api-token-of-the-tests"


@pytest.fixture
def settings_with() -> dict[str, Any]:
    """What a test wants otherwise than by default; it parametrizes this."""
    return {}


@pytest.fixture
def settings(tmp_path: Path, settings_with: dict[str, Any]) -> Settings:
    defaults = {"port": 0, "media_listen_ip": "127.0.0.1"}
    return Settings(data_dir=tmp_path, api_token=API_TOKEN, **{**defaults, **settings_with})


@pytest.fixture
async def live(settings: Settings) -> AsyncIterator[LiveNode]:
    listening = listen(settings)
    running = server(settings)
    task = asyncio.create_task(running.serve([listening]))
    await eventually(lambda: running.started or task.done())
    url = url_of(listening)
    async with httpx.AsyncClient(
        base_url=url, headers={"Authorization": f"Bearer {API_TOKEN}"}, timeout=15
    ) as client:
        live = LiveNode(running, url, client)
        yield live
        assert holds(live) == EMPTY
        await live.close()
    await task


EMPTY = {"transports": 0, "producers": 0, "consumers": 0, "sessions": 0}


def holds(live: LiveNode) -> dict[str, int]:
    """What the node has at this moment."""
    stats = live.node.engine.workers[0].get_stats()
    counted = {name: stats[name] for name in ("transports", "producers", "consumers")}
    return {**counted, "sessions": len(live.node.http_sessions)}
