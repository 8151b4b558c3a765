"""Two hundred viewers within a second: the publisher hardly notices. Over the simulated network."""

from __future__ import annotations

from bisect import bisect_left

from quality.figures import Result
from quality.plot import Chart, Series
from tests.sim.layers import Simulcast
from tests.sim.network import Network
from tests.sim.peers import Peer
from vpaas_core.transport.base import KEY_FRAME_CACHE_MS

VIEWERS = 200
JOINING_S = 1.0
LONG_S, QUICK_S = 10.0, 3.0
REQUESTS_A_SECOND = 1
SECOND_US = 1_000_000
SEED = 5


async def run(quick: bool) -> Result:
    result = Result(f"{VIEWERS} consumers join within {JOINING_S:g} s")
    network = Network(SEED)
    publisher = Peer(network)
    viewers = [Peer(network) for _ in range(VIEWERS)]
    network.run(1)
    source = Simulcast(publisher, fps=20, key_frame_cache_us=KEY_FRAME_CACHE_MS * 1000)
    source.start()
    network.run(
        KEY_FRAME_CACHE_MS / 1000 + 2
    )  # a browser makes no key frame by itself: the only one is too old
    start_us = network.now_us
    joined_us, sinks = [], []
    for viewer in viewers:
        joined_us.append(network.now_us)
        sinks.append(viewer.consume(source))
        network.run(JOINING_S / VIEWERS)
    network.run(QUICK_S if quick else LONG_S)
    requests_us = [at for at in source.key_frame_requests_us if at >= start_us]
    busiest = max(
        (bisect_left(requests_us, at + SECOND_US) - n for n, at in enumerate(requests_us)), default=0
    )
    result.at_most(busiest, "key-frame requests to the publisher in any second", REQUESTS_A_SECOND)
    result.at_least(sum(bool(sink.packets) for sink in sinks) / VIEWERS, "of the viewers got video", 1)
    waits = [
        (at / SECOND_US, (min(sink.arrived_us.values()) - at) / 1000)
        for at, sink in zip(joined_us, sinks, strict=True)
        if sink.arrived_us
    ]
    result.notes.append(
        f"{len(requests_us)} requests in all; the first packet came"
        f" {max((wait for _, wait in waits), default=0):.0f} ms after the join at the latest."
    )
    start_s = start_us / SECOND_US
    asked = [(at / SECOND_US, float(number + 1)) for number, at in enumerate(requests_us)]
    end_s = start_s + JOINING_S + 1
    result.charts += [
        Chart("From the join to the first packet", "ms", [Series("viewer", waits, "dots")], start_s, end_s),
        Chart("Key-frame requests", "so far", [Series("requests", asked, "dots")], start_s, end_s),
    ]
    return result
