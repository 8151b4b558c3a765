"""The simulated publishers promise what is true, and send what they promise."""

import pytest

from tests.sim.decoder import Viewer, longest_gap_us
from tests.sim.layers import Layered, Mode, Pictures, Simulcast, Svc
from tests.sim.network import Network
from tests.sim.peers import Peer
from tests.support.svc_stream import Frame, following, tell_truth

MODES = [f"L{s}T{t}{key}" for s in (1, 2, 3) for t in (1, 2, 3) for key in ("", "_KEY")]


@pytest.mark.parametrize("name", MODES)
def test_frames_promise_what_a_look_ahead_finds(name: str) -> None:
    mode = Mode.named(name)
    pictures = Pictures(mode, 65530, 5)
    frames: list[Frame] = []
    for n in range(24):
        frames += pictures.next(n == 0, mode.spatial)
    enough = frames[-1].picture - 8  # behind them, to look at
    for i, frame in enumerate(frames):
        if frame.picture < enough:
            promised = frame.dtis, frame.switching_up, frame.sync
            frame.dtis = []
            tell_truth(pictures.stream, frame, following(frames, i), mode.inter_layer)
            assert (frame.dtis, frame.switching_up, frame.sync) == promised, frame


@pytest.mark.parametrize(("mode", "layers"), [("L3T3", [3, 2, 3]), ("L3T2_KEY", [3, 2, 2])])
def test_layers_go_and_come_back(mode: str, layers: list[int]) -> None:
    """In full SVC with a frame that leans on the layer below alone, in K-SVC with the next key picture."""
    pictures = Pictures(Mode.named(mode), 0, 0)
    frames = [pictures.next(n == 0, layers[n // 8]) for n in range(24)]
    seen = [len(picture) for picture in frames]
    assert [max(seen[n : n + 5]) for n in (0, 10, 18)] == layers
    assert len(pictures.next(True, 3)) == 3
    for picture in frames:
        for frame in picture:
            assert all(ref.picture == frame.picture or ref.spatial == frame.spatial for ref in frame.refs)
    comes_back = frames[16][-1]
    assert comes_back.spatial == layers[2] - 1
    assert comes_back.inter_predicted == (mode != "L3T3")


@pytest.mark.parametrize("codec", ["vp8", "h264", "vp9", "av1"])
def test_a_viewer_of_one_encoding_sees_every_picture(network: Network, codec: str) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = Simulcast(publisher, codec, 1)
    assert_all_is_seen(network, source, viewer)


@pytest.mark.parametrize(
    ("codec", "mode"), [("vp9", "L3T3"), ("vp9", "L3T3_KEY"), ("av1", "L3T3"), ("av1", "L2T2_KEY")]
)
def test_a_viewer_of_all_layers_sees_every_picture(network: Network, codec: str, mode: str) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = Svc(publisher, codec, mode)
    assert_all_is_seen(network, source, viewer)


def assert_all_is_seen(network: Network, source: Layered, peer: Peer) -> None:
    viewer = Viewer(peer.consume(source))
    source.start()
    network.run(3)
    source.stop()
    network.run(0.1)
    shown = viewer.watch()
    assert len(shown) == source.captures
    assert longest_gap_us(shown) < 50_000
    assert {picture.temporal for picture in shown} == set(range(source.streams[0].mode.temporal))
    assert {picture.spatial for picture in shown[1:]} == {source.streams[0].mode.spatial - 1}
