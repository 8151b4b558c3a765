"""Five packets in a hundred are lost, each way, for half a minute: the video keeps playing."""

import asyncio
import os
import random
import time
from typing import Any

from tests.browser.conftest import Enter, StartNode
from tests.support.caller import Caller
from tests.support.lossy_proxy import LossyProxy, free_udp_port

PROXY_IP = "127.0.0.9"
IMPAIRED_S = 30.0

VIDEO = """
async () => {
  const { send, recv } = await window.vpaas.call.getStats();
  const largest = (a, b) => (b.frameWidth ?? 0) - (a.frameWidth ?? 0);
  const pick = (all, type) =>
    [...all].filter((s) => s.type === type && s.kind === "video").sort(largest)[0] ?? {};
  return { out: pick(send, "outbound-rtp"), in: pick(recv, "inbound-rtp") };
}
"""


async def _video(caller: Caller) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = await caller.page.evaluate(VIDEO)
    return found


async def test_video_keeps_playing_over_a_lossy_path(start_node: StartNode, enter: Enter) -> None:
    port = free_udp_port()
    seed = int(os.environ.get("VPAAS_TEST_SEED", random.randrange(2**32)))
    node = await start_node(media_port=port, media_announced_address=PROXY_IP)
    async with LossyProxy.running((PROXY_IP, port), ("127.0.0.1", port), 0.05, seed) as proxy:
        options = {"room": "lossy", "codec": "vp8", "video": "640x360"}
        ada, bob = await enter(node, "Ada", **options), await enter(node, "Bob", **options)
        await asyncio.gather(ada.sees("Bob"), bob.sees("Ada"))
        before = await asyncio.gather(_video(ada), _video(bob))
        end = time.monotonic() + IMPAIRED_S
        while time.monotonic() < end:
            await bob.sees("Ada", frames=5, within_s=3)
        after = await asyncio.gather(_video(ada), _video(bob))
        print(f"lost {proxy.lost} of {proxy.lost + proxy.passed} datagrams")

    def grown(who: int, side: str, name: str) -> int:
        return int(after[who][side].get(name, 0) - before[who][side].get(name, 0))

    sent, decoded = grown(0, "out", "framesSent"), grown(1, "in", "framesDecoded")
    repaired = grown(1, "in", "retransmittedPacketsReceived")
    resent = grown(0, "out", "retransmittedPacketsSent")
    print(f"frames sent {sent}, decoded {decoded}; RTX from publisher {resent}, to viewer {repaired}")
    names = ("framesReceived", "framesDropped", "keyFramesDecoded", "nackCount", "pliCount", "freezeCount")
    print("viewer:", {name: grown(1, "in", name) for name in names})
    assert proxy.lost > 0.03 * (proxy.lost + proxy.passed)
    assert decoded >= 0.9 * sent
    assert repaired > 0
    assert resent > 0
