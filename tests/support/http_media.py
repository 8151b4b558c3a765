"""WHIP and WHEP as a client speaks them."""

from pathlib import Path
from typing import Any

import httpx

from tests.support.live import LiveNode

OFFERS = Path(__file__).parents[1] / "vectors" / "sdp"
CHROMIUM_VIDEO = (OFFERS / "vp8_640.offer.sdp").read_text()
FRAGMENT = "application/trickle-ice-sdpfrag"


class Broadcaster:
    """An HTTP client with an access token."""

    def __init__(self, live: LiveNode, token: str) -> None:
        self._client = live.client
        self.headers = {"Authorization": f"Bearer {token}"}

    async def request(self, method: str, path: str, body: str = "", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._client.request(method, path, content=body, headers=self.headers | named)

    async def publish(self, offer: str = CHROMIUM_VIDEO) -> httpx.Response:
        return await self.request("POST", "/vpaas/whip", offer, Content_Type="application/sdp")

    async def play(self, offer: str, query: str = "") -> httpx.Response:
        return await self.request("POST", f"/vpaas/whep{query}", offer, Content_Type="application/sdp")

    async def patch(self, session: str, body: str, **headers: str) -> httpx.Response:
        return await self.request("PATCH", session, body, **({"Content_Type": FRAGMENT} | headers))


async def broadcaster(live: LiveNode, room: str, **wanted: Any) -> Broadcaster:
    return Broadcaster(live, await live.token(room, **wanted))


def code(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]
