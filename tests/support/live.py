"""A running node, seen from outside."""

from typing import Any

import httpx
from starlette.applications import Starlette

from tests.support.protoo import ProtooClient
from vpaas_api.node import Node
from vpaas_api.server import Server


class LiveNode:
    """A node behind a real HTTP server on a loopback port, with the calls tests make all the time."""

    def __init__(self, server: Server, url: str, client: httpx.AsyncClient) -> None:
        app = server.config.app
        assert isinstance(app, Starlette)
        self.node: Node = app.state.node
        self.url = url
        self.client = client
        """An app's back end: it has the API token."""
        self._server = server
        self._open: list[ProtooClient] = []

    async def room(self, **wanted: Any) -> str:
        response = await self.client.post("/vpaas/rooms", json=wanted)
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    async def token(self, room: str, **wanted: Any) -> str:
        response = await self.client.post(f"/vpaas/rooms/{room}/join", json=wanted)
        assert response.status_code == 200, response.text
        return str(response.json()["accessToken"])

    async def open(self, token: str) -> ProtooClient:
        url = self.url.replace("http", "ws") + "/vpaas/signaling"
        client = await ProtooClient.open(url, token)
        self._open.append(client)
        return client

    async def participant(self, room: str, name: str = "", **wanted: Any) -> ProtooClient:
        """Somebody who has joined."""
        client = await self.open(await self.token(room, **wanted))
        await client.join(name)
        return client

    @property
    def connections(self) -> int:
        """WebSockets and requests being served."""
        return len(self._server.server_state.tasks)

    def stop(self) -> None:
        """As SIGTERM does."""
        self._server.should_exit = True

    async def close(self) -> None:
        for client in self._open:
            await client.close()
        self.stop()
