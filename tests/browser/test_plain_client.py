"""mediasoup-client and protoo-client as npm has them, driven by their documentation alone."""

from typing import Any

from playwright.async_api import Browser, Page

from tests.browser.conftest import Enter, StartNode
from tests.support.caller import Caller

RECEIVED = """
async () => {
  const found = [];
  for (const consumer of window.plain.consumers.values()) {
    for (const entry of (await consumer.getStats()).values()) {
      if (entry.type === "inbound-rtp") {
        const { kind, framesDecoded = 0, totalAudioEnergy = 0 } = entry;
        found.push({ kind, frames: framesDecoded, energy: totalAudioEnergy });
      }
    }
  }
  return found;
}
"""


async def _receives(page: Page) -> list[dict[str, Any]] | None:
    entries: list[dict[str, Any]] = await page.evaluate(RECEIVED)
    seen = any(each["kind"] == "video" and each["frames"] > 15 for each in entries)
    heard = any(each["kind"] == "audio" and each["energy"] > 0.01 for each in entries)
    return entries if seen and heard else None


async def _sees_large(caller: Caller) -> bool:
    video = (await caller.streams())["Plain client", "camera"]
    return (video.width, video.height) == (640, 360)


async def test_unmodified_clients_send_and_receive(
    start_node: StartNode, enter: Enter, chromium: Browser
) -> None:
    node = await start_node()
    room = await node.room()
    token = await node.access_token(room, displayName="Ada")
    ada: Caller = await enter(node, "Ada", accessToken=token, video="640x360")

    page = await (await chromium.new_context()).new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    plain_token = await node.access_token(room)
    await page.goto(f"{node.url}/examples/plain.html?accessToken={plain_token}")

    await ada.sees("Plain client")
    await ada.until("sent the larger size, once there is bandwidth for it", lambda: _sees_large(ada))
    await ada.hears("Plain client")
    await ada.until("seen and heard by the plain client", lambda: _receives(page))
    assert await page.evaluate("window.plain.state") == "joined"

    await ada.leave()
    await ada.until("gone for the plain client", lambda: page.evaluate("window.plain.consumers.size === 0"))
    assert errors == []


async def test_a_refused_client_does_not_come_back(start_node: StartNode, chromium: Browser) -> None:
    node = await start_node()
    page = await (await chromium.new_context()).new_page()
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    await page.goto(f"{node.url}/examples/plain.html?accessToken=nonsense")
    caller = Caller(page, "refused")
    await caller.until("refused", lambda: page.evaluate("window.plain?.peer.closed"))
    assert len(sockets) == 1
