"""A viewer gets every codec under numbers of its own."""

import pytest

from tests.sim.network import Network
from tests.sim.packets import CODECS
from tests.sim.peers import CM, GCM, Peer
from vpaas_core._fastpath.srtp import SrtpProfile


@pytest.mark.parametrize("codec", CODECS)
def test_a_codec_reaches_the_viewer(network: Network, codec: str) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce(codec)
    sink = viewer.consume(source, payload_type=45, first_seq=31000)
    source.start()
    network.run(2)
    source.stop()
    network.run(0.1)
    assert sink.numbers == list(range(1, source.number + 1))
    assert source.number > 90
    assert sorted(sink.packets)[0] == 31000
    for number, seq in zip(sink.numbers, sorted(sink.packets), strict=True):
        packet, original = sink.packets[seq], source.sent[1000 + number - 1]
        assert (packet.ssrc, packet.payload_type) == (sink.ssrc, 45)
        assert (packet.payload, packet.marker) == (original.payload, original.marker)
    sink.assert_continuous()


@pytest.mark.parametrize("profile", [GCM, CM, SrtpProfile.AEAD_AES_256_GCM])
@pytest.mark.parametrize("backend", [0, 1])
def test_every_profile_meets_every_other(seed: int, profile: SrtpProfile, backend: int) -> None:
    network = Network(seed, srtp_backend=backend)
    publisher = Peer(network, profile=profile)
    viewers = [Peer(network, profile=each) for each in (GCM, CM, SrtpProfile.AEAD_AES_256_GCM)]
    network.run(0.1)
    source = publisher.produce()
    sinks = [viewer.consume(source) for viewer in viewers]
    source.start()
    network.run(1)
    source.stop()
    network.run(0.1)
    assert [sink.numbers for sink in sinks] == [list(range(1, source.number + 1))] * 3
    assert not any(viewer.refused for viewer in viewers)
