"""Reports keep sound and picture in step, and tell round trip, loss and jitter as the network makes them."""

from itertools import pairwise

import pytest

from tests.sim.network import Link, Network
from tests.sim.peers import Peer
from tests.sim.plain import PlainPeer
from tests.sim.streams import Sink, publisher_ntp
from vpaas_core._fastpath import rtcp
from vpaas_core._fastpath.rtcp import RtcpKind


def ntp_of(sink: Sink, report: dict[str, int], timestamp: int) -> float:
    """Seconds of NTP time at which this timestamp was captured, by the line that the report gives."""
    behind = (timestamp - report["rtp_timestamp"] + (1 << 31)) % (1 << 32) - (1 << 31)
    return report["ntp"] / (1 << 32) + behind / sink.source.codec.clock_rate


def assert_in_step(sink: Sink) -> None:
    """Every report's line gives each packet the time at which the publisher captured it."""
    assert sink.sender_reports
    for _, report in sink.sender_reports:
        for seq in sorted(sink.packets)[::17]:
            packet = sink.packets[seq]
            captured_us = sink.source.sent_at_us[int.from_bytes(packet.payload[-4:])]
            expected = publisher_ntp(captured_us) / (1 << 32)
            assert ntp_of(sink, report, packet.timestamp) == pytest.approx(expected, abs=0.001)


def test_sound_and_picture_keep_the_publishers_time(network: Network) -> None:
    """From the first report on: half a call on one clock and half on another would be seconds apart."""
    publisher, viewer = Peer(network), Peer(network)
    network.run(1.7)  # somewhere between two of the node's reports
    video, audio = publisher.produce(), publisher.produce("opus", payload_type=111)
    sinks = viewer.consume(video), viewer.consume(audio)
    video.start()
    audio.start()
    network.run(6)
    for sink in sinks:
        assert_in_step(sink)
        assert len(sink.sender_reports) >= 3


def test_in_step_with_different_delays_and_pauses(network: Network) -> None:
    publisher, viewer = Peer(network, uplink=Link(jitter_us=5_000)), Peer(network)
    network.run(1)
    video, audio = publisher.produce(), publisher.produce("opus", payload_type=111)
    sinks = viewer.consume(video), viewer.consume(audio)
    video.start()
    audio.start()
    network.run(3)
    network.core.pause_consumer(sinks[0].consumer, True)
    network.run(2)
    network.core.pause_consumer(sinks[0].consumer, False)
    network.run(3)
    for sink in sinks:
        for _, report in sink.sender_reports:
            for packet in list(sink.packets.values())[::17]:
                captured_us = sink.source.sent_at_us[int.from_bytes(packet.payload[-4:])]
                # the report's way up has up to 5 ms of jitter
                assert ntp_of(sink, report, packet.timestamp) == pytest.approx(
                    publisher_ntp(captured_us) / (1 << 32), abs=0.006
                )


def test_in_step_after_the_source_began_anew(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(1)
    source = publisher.produce("opus", mid="a", announced=False)
    sink = viewer.consume(source)
    source.start()
    network.run(2.5)
    source.ssrc += 0x10000
    publisher.sources[source.ssrc] = source
    source.timestamp_base = 0x12345678
    old = len(sink.sender_reports)
    restarted = source.number
    network.run(4)
    del sink.sender_reports[: old + 1]
    sink.packets = {
        seq: packet for seq, packet in sink.packets.items() if int.from_bytes(packet.payload[-4:]) > restarted
    }
    assert_in_step(sink)


def test_a_plain_sender_without_reports_gets_a_line_from_arrival(network: Network) -> None:
    publisher, viewer = PlainPeer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce("opus", reports=False).start()
    sink = viewer.consume(source)
    network.run(3)
    assert sink.sender_reports
    lines = [ntp_of(sink, report, 0) for _, report in sink.sender_reports]
    assert max(lines) - min(lines) < 0.001


@pytest.mark.parametrize("delay_ms", [1, 20, 150])
def test_the_round_trip_is_measured(network: Network, delay_ms: int) -> None:
    publisher = Peer(network)
    viewer = Peer(network, uplink=Link(delay_us=delay_ms * 1000), downlink=Link(delay_us=delay_ms * 2000))
    network.run(1)
    source = publisher.produce().start()
    sink = viewer.consume(source)
    network.run(5)
    assert network.core.consumer_stats(sink.consumer)["round_trip_time"] == pytest.approx(
        delay_ms * 0.003, abs=0.001
    )
    assert network.core.transport_stats(viewer.transport)["round_trip_time"] == pytest.approx(
        delay_ms * 0.003, abs=0.001
    )


def test_the_round_trip_is_measured_when_longer_than_between_two_reports(network: Network) -> None:
    """By satellite: the report answers the last but one of ours."""
    publisher = Peer(network)
    viewer = Peer(network, uplink=Link(delay_us=700_000), downlink=Link(delay_us=700_000))
    network.run(3)
    source = publisher.produce().start()
    sink = viewer.consume(source)
    network.run(8)
    assert network.core.consumer_stats(sink.consumer)["round_trip_time"] == pytest.approx(1.4, abs=0.001)


def test_a_report_that_lies_moves_no_round_trip(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(1)
    source = publisher.produce().start()
    sink = viewer.consume(source)
    network.run(3)
    measured = network.core.consumer_stats(sink.consumer)["round_trip_time"]
    _, ours = sink.sender_reports[-1]
    for lsr, dlsr in ((ours["ntp"] >> 16 & 0xFFFFFFFF, 0xFFFFFFFF), (1, 0), (0, 5)):
        block = {"ssrc": sink.ssrc, "fraction_lost": 0, "cumulative_lost": 0, "extended_seq": 0, "jitter": 0}
        viewer.send_rtcp(rtcp.build_rr(9, [{**block, "lsr": lsr, "dlsr": dlsr}]))
    sink.reports = False
    network.run(0.1)
    assert network.core.consumer_stats(sink.consumer)["round_trip_time"] == measured


@pytest.mark.parametrize("loss", [0.0, 0.02, 0.2])
def test_the_publisher_is_told_of_its_loss(network: Network, loss: float) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(1)
    source = publisher.produce().start()
    viewer.consume(source)
    network.run(1)
    publisher.uplink.loss = loss
    network.run(20)
    blocks = [report for each in publisher.of_kind(RtcpKind.RTCP_RR) for report in each.body["reports"]]
    assert {block["ssrc"] for block in blocks} == {source.ssrc}
    last = blocks[-1]
    assert last["cumulative_lost"] / source.packets_sent == pytest.approx(loss, abs=0.05 * (loss > 0))
    fractions = [block["fraction_lost"] / 256 for block in blocks[2:]]
    assert sum(fractions) / len(fractions) == pytest.approx(loss, abs=0.04 * (loss > 0))
    assert 0 <= source.seq - last["extended_seq"] < 100


@pytest.mark.parametrize("jitter_ms", [0, 10])
def test_the_publisher_is_told_of_its_jitter(network: Network, jitter_ms: int) -> None:
    publisher, viewer = Peer(network, uplink=Link(jitter_us=jitter_ms * 1000)), Peer(network)
    network.run(1)
    source = publisher.produce("opus").start()
    viewer.consume(source)
    network.run(5)
    jitter_s = network.core.producer_stats(source.producer)[0]["jitter"]
    blocks = [report for each in publisher.of_kind(RtcpKind.RTCP_RR) for report in each.body["reports"]]
    assert blocks[-1]["jitter"] / 48000 == pytest.approx(jitter_s, abs=0.001)
    # the mean difference of two uniform delays is a third of their range
    assert jitter_s == pytest.approx(jitter_ms / 3000, abs=0.002)


def test_the_publishers_reports_are_answered_with_their_age(network: Network) -> None:
    publisher, viewer = Peer(network, downlink=Link(delay_us=30_000)), Peer(network)
    network.run(1)
    source = publisher.produce().start()
    viewer.consume(source)
    network.run(4)
    last = publisher.of_kind(RtcpKind.RTCP_RR)[-1]
    (block,) = last.body["reports"]
    now_middle = publisher_ntp(last.at_us) >> 16 & 0xFFFFFFFF
    round_trip_s = (now_middle - block["lsr"] - block["dlsr"]) / 65536
    assert round_trip_s == pytest.approx(0.04, abs=0.001)


def test_a_viewers_clock_request_is_answered(network: Network) -> None:
    """RFC 3611 §4.4: a browser that only receives learns the round trip so."""
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    viewer.consume(publisher.produce().start())
    ntp = 0x1122334455667788
    viewer.send_rtcp(rtcp.build_rrtr(77, ntp))
    network.run(1.5)
    answers = [report for report in viewer.reports if report.body["kind"] == RtcpKind.RTCP_XR]
    assert len(answers) >= 1
    assert (ntp >> 16 & 0xFFFFFFFF).to_bytes(4) in bytes(answers[0].body["body"])


def test_the_round_trip_to_who_only_sends_is_measured(network: Network) -> None:
    """RFC 3611 §4.4, §4.5: no receiver report tells it."""
    near = Peer(network, uplink=Link(delay_us=3_000), downlink=Link(delay_us=2_000))
    far = Peer(network, uplink=Link(delay_us=130_000), downlink=Link(delay_us=120_000))
    silent = Peer(network)
    network.run(1)
    for peer in (near, far):
        peer.produce().start()
    network.run(4)
    round_trips = [
        network.core.transport_stats(peer.transport)["round_trip_time"] for peer in (near, far, silent)
    ]
    assert round_trips == [pytest.approx(0.005, abs=0.001), pytest.approx(0.25, abs=0.001), 0]


def test_a_publishers_round_trip_spaces_the_requests(network: Network) -> None:
    near = Peer(network, uplink=Link(delay_us=3_000), downlink=Link(delay_us=2_000))
    far = Peer(network, uplink=Link(delay_us=130_000), downlink=Link(delay_us=120_000))
    network.run(1)
    spaced_us = []
    for peer in (near, far):
        source = peer.produce(rtx=False).start()  # and so it never answers
        Peer(network).consume(source)
        network.run(4)
        source.next_packet(source.codec.delta)
        network.run(1)
        asked = [each.at_us for each in peer.of_kind(RtcpKind.RTCP_RTPFB)]
        spaced_us.append(min(later - sooner for sooner, later in pairwise(asked)))
    assert 15_000 <= spaced_us[0] <= 30_000
    assert 250_000 < spaced_us[1] < 340_000


@pytest.mark.parametrize("dlrr", [0xFFFFFFFF, 0, 1 << 31])
def test_a_false_answer_tells_nothing(network: Network, dlrr: int) -> None:
    """Later than it was asked, or from before the node ran."""
    publisher = Peer(network)
    publisher.produce().start()
    network.run(2.5)
    measured = network.core.transport_stats(publisher.transport)["round_trip_time"]
    publisher.send_rtcp(rtcp.build_dlrr(1, publisher.rtcp_ssrc, 0x12345678, dlrr))
    network.run(0.2)
    assert network.core.transport_stats(publisher.transport)["round_trip_time"] == measured


def test_statistics_tell_what_viewers_report(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network, downlink=Link(loss=0.1, jitter_us=6_000))
    network.run(4)
    source = publisher.produce("opus", payload_type=111).start()
    sink = viewer.consume(source)
    network.run(20)
    stats = network.core.consumer_stats(sink.consumer)
    assert stats["packets_lost"] / stats["packets_sent"] == pytest.approx(0.1, abs=0.03)
    assert stats["jitter"] == pytest.approx(0.002, abs=0.001)
    assert stats["packets_sent"] == pytest.approx(1000, abs=5)


def test_a_closed_consumer_says_goodbye(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce().start()
    sink = viewer.consume(source)
    network.run(1)
    network.core.close_consumer(sink.consumer)
    network.run(0.1)
    assert [report.body["bye"] for report in viewer.of_kind(RtcpKind.RTCP_BYE)] == [[sink.ssrc]]
