"""People come and go for hours: the node is afterwards what it was before."""

import gc

from tests.sim.network import Network
from tests.sim.peers import CM, GCM, Peer
from tests.sim.streams import Sink


def resident_kb() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4


def test_a_thousand_visits(network: Network) -> None:
    """Each speaks, shows, watches a stage and is watched by it; some move, some leave without a word."""
    stage = Peer(network)
    network.run(0.1)
    shown = stage.produce(fps=20, packets_per_frame=1).start()
    chance, seen, grown = network.chance, 0, []
    for count in range(1000):
        guest = Peer(network, profile=GCM if count % 2 else CM)
        mine = guest.produce(fps=20, packets_per_frame=1, mid="m", announced=count % 3 > 0)
        watched: list[Sink] = [guest.consume(shown, rtx=count % 4 > 0), stage.consume(mine)]
        mine.start()
        network.run(0.06)
        if chance.random() < 0.2:
            guest.move()
        if chance.random() < 0.2:
            watched[1].ask_key_frame()
        if chance.random() < 0.3:
            network.core.close_producer(mine.producer)
        network.run(0.04)
        seen += bool(watched[0].packets)
        guest.close()
        network.core.close_consumer(watched[1].consumer)
        for sink in watched:
            for ssrc in (sink.ssrc, sink.rtx_ssrc):
                sink.peer.sinks.pop(ssrc, None)
        for peer in (stage, guest):
            peer.reports.clear()
            peer.stun_answers.clear()
        stage._wire.clear()
        if count % 250 == 249:
            shown.sent.clear()
            gc.collect()
            grown.append(resident_kb())
    assert seen > 100  # who comes half a second after a key frame request waits longer than this visit
    network.run(0.5)
    stats = network.core.stats()
    assert [stats[name] for name in ("transports", "producers", "consumers")] == [1, 1, 0]
    assert grown[-1] - grown[1] < 3000, grown  # kB, in 500 visits
    late = Peer(network)
    network.run(0.1)
    sink = late.consume(shown)
    network.run(0.5)
    sink.assert_continuous()
    assert len(sink.packets) > 5


def test_a_room_of_two_hundred_is_left_at_once(network: Network) -> None:
    publisher = Peer(network)
    viewers = [Peer(network) for _ in range(200)]
    network.run(0.2)
    source = publisher.produce(packets_per_frame=2, nack=True).start()
    for viewer in viewers:
        viewer.consume(source, reports=False)
    network.run(0.5)
    publisher.close()  # the consumers elsewhere stay, without a producer
    for viewer in viewers:
        for sink in {sink.ssrc: sink for sink in viewer.sinks.values()}.values():
            sink.ask_again(sorted(sink.packets)[-3:])
            sink.ask_key_frame()
    network.run(1.5)
    stats = network.core.stats()
    assert [stats[name] for name in ("transports", "producers", "consumers")] == [200, 0, 200]
    for viewer in viewers:
        viewer.close()
    network.run(0.5)
    stats = network.core.stats()
    assert [stats[name] for name in ("transports", "producers", "consumers")] == [0, 0, 0]
