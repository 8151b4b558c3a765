"""Objects come and go in any order while packets flow: nothing is used after its end, nothing is left."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.sim.network import Network
from tests.sim.peers import CM, GCM, Peer
from tests.sim.plain import PlainPeer
from tests.sim.streams import Sink, Source

CHOICE = st.integers(0, 1 << 20)


class Churn(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.network = Network(3)
        self.peers: list[Peer] = []
        self.sources: list[Source] = []
        self.sinks: list[Sink] = []

    @rule(profile=st.sampled_from([GCM, CM]), plain=st.booleans())
    def join(self, profile: object, plain: bool) -> None:
        kind = PlainPeer if plain else Peer
        self.peers.append(kind(self.network, profile=profile))  # type: ignore[arg-type]

    @precondition(lambda self: self.peers)
    @rule(choice=CHOICE, codec=st.sampled_from(["vp8", "opus"]), announced=st.booleans())
    def produce(self, choice: int, codec: str, announced: bool) -> None:
        peer = self.peers[choice % len(self.peers)]
        number = len(peer.sources)
        payload_type = 20 + number % 40 * 2
        source = peer.produce(
            codec,
            payload_type=payload_type,
            rtx_payload_type=payload_type + 1,
            announced=announced,
            mid=f"m{number}",
        )
        self.sources.append(source.start())

    @precondition(lambda self: self.peers and self.sources)
    @rule(which=CHOICE, choice=CHOICE, rtx=st.booleans(), paused=st.booleans())
    def consume(self, which: int, choice: int, rtx: bool, paused: bool) -> None:
        source, peer = self.sources[which % len(self.sources)], self.peers[choice % len(self.peers)]
        self.sinks.append(peer.consume(source, rtx=rtx, paused=paused, mid="x"))

    @precondition(lambda self: self.sinks)
    @rule(choice=CHOICE, what=st.sampled_from(["pause", "resume", "key", "nack", "pli", "close"]))
    def sink(self, choice: int, what: str) -> None:
        sink, core = self.sinks[choice % len(self.sinks)], self.network.core
        if what in ("pause", "resume"):
            core.pause_consumer(sink.consumer, what == "pause")
        elif what == "key":
            core.request_key_frame(sink.consumer)
        elif what == "nack":
            sink.ask_again(sorted(sink.packets)[-40:] or [1])
        elif what == "pli":
            sink.ask_key_frame()
        else:
            self.sinks.remove(sink)
            core.close_consumer(sink.consumer)

    @precondition(lambda self: self.sources)
    @rule(choice=CHOICE, what=st.sampled_from(["pause", "resume", "anew", "lose", "close"]))
    def source(self, choice: int, what: str) -> None:
        source, core = self.sources[choice % len(self.sources)], self.network.core
        if what in ("pause", "resume"):
            core.pause_producer(source.producer, what == "pause")
        elif what == "anew":
            source.ssrc += 0x100000
            source.seq += 7000
            source.peer.sources[source.ssrc] = source
        elif what == "lose":
            source.seq += choice % 3000
        else:
            self.sources.remove(source)
            core.close_producer(source.producer)  # its source goes on sending for a while

    @precondition(lambda self: self.peers)
    @rule(choice=CHOICE, what=st.sampled_from(["close", "move", "restart", "silence"]))
    def peer(self, choice: int, what: str) -> None:
        peer = self.peers[choice % len(self.peers)]
        if what == "silence":
            peer.uplink.loss = 1.0 - peer.uplink.loss
        elif isinstance(peer, PlainPeer):
            return
        elif what == "move":
            peer.move()
        elif what == "restart":
            self.network.core.restart_ice(peer.transport, b"ufrag%d" % choice, peer.pwd)
            peer.ufrag = b"ufrag%d" % choice
        if what == "close":
            self.close(peer)

    def close(self, peer: Peer) -> None:
        peer.close()
        self.peers.remove(peer)
        self.sources = [source for source in self.sources if source.peer is not peer]
        self.sinks = [sink for sink in self.sinks if sink.peer is not peer]

    @rule(seconds=st.sampled_from([0.001, 0.05, 0.4]))
    def pass_time(self, seconds: float) -> None:
        self.network.run(seconds)

    def teardown(self) -> None:
        stats = self.network.core.stats()
        assert stats["transports"] == len(self.peers)
        assert stats["producers"] == len(self.sources)
        assert stats["consumers"] == len(self.sinks)
        while self.peers:
            self.close(self.peers[-1])
        self.network.run(0.1)
        stats = self.network.core.stats()
        assert [stats[name] for name in ("transports", "producers", "consumers")] == [0, 0, 0]


TestChurn = Churn.TestCase
TestChurn.settings = settings(
    max_examples=40, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
