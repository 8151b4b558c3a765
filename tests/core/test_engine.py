"""The engine as an integrator uses it, with peers on real sockets of the loopback device."""

import asyncio
import gc
import os
import random
import socket
import struct
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from tests.sim.packets import Rtp
from tests.support.webrtc_peer import CERTIFICATE, OPUS, VP8, VP8_RTX, WebRtcPeer, opus, until, vp8
from vpaas_core import (
    Config,
    DtlsFingerprint,
    DtlsParameters,
    Engine,
    InvalidParameters,
    InvalidState,
    NotFound,
    Router,
    RtcpParameters,
    RtpCapabilities,
    RtpCodecCapability,
    RtpEncodingParameters,
    RtpParameters,
    RtxParameters,
    SrtpParameters,
    Unsupported,
    WebRtcTransport,
)


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with Engine() as engine:
        yield engine


@pytest.fixture
def router(engine: Engine) -> Router:
    return engine.create_router()


def recorded(target: Any) -> list[tuple[str, Any]]:
    """Every event of an object, as it happens."""
    events: list[tuple[str, Any]] = []
    for event in type(target).EVENTS:
        target.on(event, lambda *arguments, event=event: events.append((event, *arguments)))
    return events


def native(engine: Engine) -> dict[str, int]:
    stats = engine.workers[0].get_stats()
    return {name: stats[name] for name in ("transports", "producers", "consumers")}


NOTHING = {"transports": 0, "producers": 0, "consumers": 0}


# A call


@pytest.mark.parametrize("role", ["client", "server"])
async def test_a_join_and_media(router: Router, role: str) -> None:
    publisher = await WebRtcPeer(router.create_web_rtc_transport()).join(role)
    viewer = await WebRtcPeer(router.create_web_rtc_transport()).join(role)
    assert publisher.transport.ice_state == "completed"
    assert publisher.transport.dtls_parameters.role == {"client": "server", "server": "client"}[role]
    for kind, parameters, sent_type in (("audio", opus(11), 111), ("video", vp8(21), 96)):
        producer = publisher.transport.produce(kind=kind, rtp_parameters=parameters)  # type: ignore[arg-type]
        consumer = viewer.transport.consume(producer_id=producer.id, rtp_capabilities=router.rtp_capabilities)
        assert router.can_consume(producer.id, router.rtp_capabilities)
        ssrc = parameters.encodings[0].ssrc
        assert ssrc is not None
        publisher.send_rtp(sent_type, ssrc, 20)
        packets = await viewer.receive(20)
        encoding = consumer.rtp_parameters.encodings[0]
        assert {packet.ssrc for packet in packets} == {encoding.ssrc}
        assert {packet.payload_type for packet in packets} == {consumer.rtp_parameters.codecs[0].payload_type}
        assert [packet.seq - packets[0].seq for packet in packets] == list(range(20))
        (inbound,), (outbound,) = producer.get_stats(), consumer.get_stats()
        assert inbound["packetsReceived"] == outbound["packetsSent"] == 20
        assert (inbound["type"], outbound["type"]) == ("inbound-rtp", "outbound-rtp")
    (stats,) = viewer.transport.get_stats()
    assert stats["type"] == "transport"
    assert stats["packetsSent"] >= 40
    for peer in (publisher, viewer):
        peer.close()


async def test_states_are_told_in_order(router: Router) -> None:
    transport = router.create_web_rtc_transport()
    events = recorded(transport)
    peer = await WebRtcPeer(transport).join()
    transport.close()
    names = [event[0] for event in events]
    assert [event[1] for event in events if event[0] == "dtlsstatechange"] == ["connecting", "connected"]
    assert [event[1] for event in events if event[0] == "icestatechange"] == ["completed"]
    assert names.count("iceselectedtuplechange") == names.count("close") == 1
    assert names[-1] == "close"
    assert (transport.ice_state, transport.dtls_state) == ("closed", "closed")
    await asyncio.wait_for(peer.ended.wait(), 5)  # it heard the close_notify
    peer.close()


async def test_a_handshake_that_begins_before_connect(router: Router) -> None:
    """The client's first flight often overtakes the signalling; it must not cost a retransmission."""
    peer = await WebRtcPeer(router.create_web_rtc_transport()).open()
    await peer.check()
    peer.start_dtls()
    await asyncio.wait_for(peer.check(), 5)  # answered after the ClientHello was taken
    started = asyncio.get_running_loop().time()
    peer.connect()
    await asyncio.wait_for(peer.connected.wait(), 5)
    assert asyncio.get_running_loop().time() - started < 0.15  # the first retransmission is after 200 ms
    peer.close()


async def test_another_certificate_than_announced(router: Router) -> None:
    """No key is set and no media passes, whoever it is."""
    transport = router.create_web_rtc_transport()
    events = recorded(transport)
    peer = await WebRtcPeer(transport).open()
    await peer.check()
    peer.start_dtls()
    wrong = DtlsFingerprint("sha-256", ":".join(["AB"] * 32))
    transport.connect(DtlsParameters([wrong], "client"))
    await until(transport, "dtlsstatechange", lambda: transport.dtls_state == "failed")
    assert "fingerprint" in (transport.dtls_failure or "")
    assert [event[1] for event in events if event[0] == "dtlsstatechange"] == ["connecting", "failed"]
    producer = transport.produce(kind="audio", rtp_parameters=opus(1))
    peer.send(Rtp(111, 1, 1, 1, b"x" * 50).pack())
    await peer.check()
    assert transport.get_stats()[0]["drops"] == {"not_ready": 1}
    assert producer.get_stats()[0]["packetsReceived"] == 0
    peer.close()


async def test_a_peer_that_never_answers(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vpaas_core.dtls.session.RETRANSMIT_S", 0.001)
    transport = router.create_web_rtc_transport()
    transport.connect(DtlsParameters(CERTIFICATE.fingerprints, "server"))
    await until(transport, "dtlsstatechange", lambda: transport.dtls_state == "failed")
    assert transport.dtls_failure == "the peer did not answer"


async def test_an_ice_restart(router: Router) -> None:
    peer = await WebRtcPeer(router.create_web_rtc_transport()).join()
    old = peer.transport.ice_parameters
    new = peer.transport.restart_ice()
    assert new == peer.transport.ice_parameters != old
    await peer.check()
    producer = peer.transport.produce(kind="audio", rtp_parameters=opus(1))
    peer.send_rtp(111, 1, 5)
    await peer.check()
    assert producer.get_stats()[0]["packetsReceived"] == 5
    peer.close()


# Parents, children, events


def call(router: Router) -> tuple[WebRtcTransport, WebRtcTransport, Any, Any]:
    sender, receiver = router.create_web_rtc_transport(), router.create_web_rtc_transport()
    producer = sender.produce(kind="video", rtp_parameters=vp8(1))
    consumer = receiver.consume(producer_id=producer.id, rtp_capabilities=router.rtp_capabilities)
    return sender, receiver, producer, consumer


async def test_closing_a_consumer(engine: Engine, router: Router) -> None:
    _, receiver, producer, consumer = call(router)
    events = recorded(consumer)
    consumer.close()
    consumer.close()
    assert events == [("close",)]
    assert not receiver.consumers
    assert not producer.consumers
    assert native(engine) == {"transports": 2, "producers": 1, "consumers": 0}


async def test_closing_a_producer(engine: Engine, router: Router) -> None:
    sender, _, producer, consumer = call(router)
    events = recorded(consumer), recorded(producer)
    producer.close()
    producer.close()
    assert events == ([("producerclose",)], [("close",)])
    assert not sender.producers
    assert native(engine) == {"transports": 2, "producers": 0, "consumers": 0}
    with pytest.raises(NotFound):
        router.can_consume(producer.id, router.rtp_capabilities)


async def test_closing_the_senders_transport(engine: Engine, router: Router) -> None:
    sender, receiver, producer, consumer = call(router)
    events = recorded(consumer), recorded(producer), recorded(sender)
    sender.close()
    sender.close()
    assert events == ([("producerclose",)], [("transportclose",)], [("close",)])
    assert native(engine) == {"transports": 1, "producers": 0, "consumers": 0}
    assert not receiver.closed


async def test_closing_the_receivers_transport(engine: Engine, router: Router) -> None:
    _, receiver, producer, consumer = call(router)
    events = recorded(consumer), recorded(producer), recorded(receiver)
    receiver.close()
    assert events == ([("transportclose",)], [], [("close",)])
    assert native(engine) == {"transports": 1, "producers": 1, "consumers": 0}
    assert not producer.consumers


async def test_closing_the_router_and_the_engine(engine: Engine, router: Router) -> None:
    sender, receiver, producer, consumer = call(router)
    events = [recorded(each) for each in (router, sender, receiver, producer, consumer)]
    other = engine.create_router()
    other_events = recorded(other)
    router.close()
    router.close()
    assert [names(each) for each in events] == [
        ["close"],
        ["close"],
        ["close"],
        ["transportclose"],
        ["producerclose"],
    ]
    assert native(engine) == NOTHING
    assert not other.closed
    worker = engine.workers[0]
    await engine.close()
    await engine.close()
    assert names(other_events) == ["close"]
    assert worker.closed
    with pytest.raises(InvalidState):
        engine.create_router()


def names(events: list[tuple[str, Any]]) -> list[str]:
    return [event[0] for event in events]


async def test_pausing(router: Router) -> None:
    _, _, producer, consumer = call(router)
    events = recorded(consumer)
    for pause in (producer.pause, producer.pause, producer.resume, producer.resume):
        pause()
    assert names(events) == ["producerpause", "producerresume"]
    producer.pause()
    assert (producer.paused, consumer.producer_paused, consumer.paused) == (True, True, False)
    consumer.pause()
    consumer.pause()
    assert consumer.paused
    consumer.resume()
    assert not consumer.paused
    assert len(events) == 3


async def test_what_is_closed_is_not_used(router: Router) -> None:
    sender, receiver, producer, consumer = call(router)
    sender.close()
    receiver.close()
    uses: list[Callable[[], Any]] = [
        producer.pause,
        producer.resume,
        producer.get_stats,
        consumer.pause,
        consumer.resume,
        consumer.request_key_frame,
        consumer.get_stats,
        sender.get_stats,
        sender.restart_ice,
        lambda: sender.ice_selected_tuple,
        lambda: sender.connect(DtlsParameters(CERTIFICATE.fingerprints)),
        lambda: sender.produce(kind="video", rtp_parameters=vp8(5)),
        lambda: receiver.consume(producer_id=producer.id, rtp_capabilities=router.rtp_capabilities),
    ]
    for use in uses:
        with pytest.raises(InvalidState):
            use()
    router.close()
    for use in (router.create_web_rtc_transport, router.create_plain_transport):
        with pytest.raises(InvalidState):
            use()


async def test_callbacks_that_close_what_is_closing(engine: Engine) -> None:
    """Apps do so: the last one out closes the room. Every event comes once, and nothing is closed twice."""
    router = engine.create_router()
    peers = [call(router) for _ in range(3)]
    events: Counter[tuple[str, int]] = Counter()
    for sender, receiver, producer, consumer in peers:
        for each in (sender, receiver, producer, consumer):
            for event in type(each).EVENTS:
                each.on(event, lambda *_, name=event, each=each: events.update([(name, id(each))]))
        consumer.on("producerclose", receiver.close)
        consumer.on("transportclose", sender.close)
        producer.on("transportclose", router.close)
        producer.on("close", sender.close)
        sender.on("close", router.close)
    peers[0][2].close()
    assert all(count == 1 for count in events.values())
    assert router.closed
    assert all(each.closed for peer in peers for each in peer)
    assert native(engine) == NOTHING


async def test_a_callback_that_closes_another_consumer_of_the_producer(
    engine: Engine, router: Router
) -> None:
    sender, receiver = router.create_web_rtc_transport(), router.create_web_rtc_transport()
    producer = sender.produce(kind="audio", rtp_parameters=opus(1))
    consumers = [
        receiver.consume(producer_id=producer.id, rtp_capabilities=router.rtp_capabilities) for _ in range(6)
    ]
    events = [recorded(consumer) for consumer in consumers]
    for consumer, other in zip(consumers, consumers[3:] + consumers[:3], strict=True):
        consumer.on("producerclose", other.close)
    producer.close()
    assert all(names(each) in (["producerclose"], ["close"]) for each in events)
    assert native(engine)["consumers"] == 0


async def test_a_callback_that_fails_stops_nothing(router: Router, caplog: pytest.LogCaptureFixture) -> None:
    _, _, producer, consumer = call(router)

    def fail(*_: Any) -> None:
        raise RuntimeError("an app's mistake")

    events: list[str] = []
    consumer.on("producerclose", fail)
    consumer.on("producerclose", lambda: events.append("second"))
    producer.close()
    assert events == ["second"]
    assert consumer.closed
    assert "an app's mistake" in caplog.text


async def test_a_misspelt_event_is_refused(router: Router) -> None:
    sender, _, producer, consumer = call(router)
    for each in (router, sender, producer, consumer):
        with pytest.raises(ValueError, match="no event 'clsoe', only: close"):
            each.on("clsoe", lambda: None)


# What a caller can get wrong


async def test_connect_twice(router: Router) -> None:
    transport = router.create_web_rtc_transport()
    transport.connect(DtlsParameters(CERTIFICATE.fingerprints))
    with pytest.raises(InvalidState, match="already connected"):
        transport.connect(DtlsParameters(CERTIFICATE.fingerprints))


async def test_connect_without_a_usable_fingerprint(router: Router) -> None:
    transport = router.create_web_rtc_transport()
    for fingerprints in ([], [DtlsFingerprint("md5", "AB")]):
        with pytest.raises(InvalidParameters) as error:
            transport.connect(DtlsParameters(fingerprints))
        assert error.value.field == "dtlsParameters.fingerprints"
    transport.connect(DtlsParameters(CERTIFICATE.fingerprints))  # it may be tried again


async def test_unknown_producer(router: Router, engine: Engine) -> None:
    transport = router.create_web_rtc_transport()
    producer = engine.create_router().create_web_rtc_transport().produce(kind="audio", rtp_parameters=opus(1))
    for producer_id in ("", "nobody", producer.id):  # the last one is another router's
        with pytest.raises(NotFound):
            transport.consume(producer_id=producer_id, rtp_capabilities=router.rtp_capabilities)
        with pytest.raises(NotFound):
            router.can_consume(producer_id, router.rtp_capabilities)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        (RtpParameters([]), "codecs"),
        (RtpParameters([OPUS]), "kind"),
        (replace(vp8(1), mid=""), "mid"),
        (replace(vp8(1), mid="x" * 17), "mid"),
        (RtpParameters([replace(VP8, payload_type=200)]), "codecs[0].payloadType"),
        (RtpParameters([VP8, VP8]), "codecs[1].payloadType"),
        (RtpParameters([VP8, replace(VP8_RTX, parameters={})]), "codecs[1].parameters.apt"),
        (RtpParameters([VP8, replace(VP8_RTX, parameters={"apt": 5})]), "codecs[1].parameters.apt"),
        (replace(vp8(1), encodings=[RtpEncodingParameters(ssrc=1 << 32)]), "encodings[0].ssrc"),
        (
            replace(vp8(1), encodings=[RtpEncodingParameters(ssrc=5), RtpEncodingParameters(ssrc=5)]),
            "encodings[1].ssrc",
        ),
        (
            replace(vp8(1), encodings=[RtpEncodingParameters(ssrc=5, rtx=RtxParameters(5))]),
            "encodings[0].rtx.ssrc",
        ),
        (replace(vp8(1), encodings=[RtpEncodingParameters(rid="a b")]), "encodings[0].rid"),
        (replace(vp8(1), encodings=[RtpEncodingParameters(rid=str(i)) for i in range(5)]), "encodings"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_wrong_parameters_are_named(
    engine: Engine, router: Router, parameters: RtpParameters, field: str
) -> None:
    transport = router.create_web_rtc_transport()
    with pytest.raises(InvalidParameters) as error:
        transport.produce(kind="video", rtp_parameters=parameters)
    assert error.value.field == field
    assert native(engine)["producers"] == 0
    assert not transport.producers


async def test_an_ssrc_or_an_id_in_use(engine: Engine, router: Router) -> None:
    transport = router.create_web_rtc_transport()
    transport.produce(kind="video", rtp_parameters=vp8(1), id="mine")
    with pytest.raises(InvalidParameters) as error:
        transport.produce(kind="video", rtp_parameters=vp8(2, "2"))  # 2 is the first one's RTX
    assert error.value.field == "rtpParameters.encodings"
    with pytest.raises(InvalidParameters) as error:
        transport.produce(kind="video", rtp_parameters=vp8(7), id="mine")
    assert error.value.field == "id"
    assert native(engine)["producers"] == 1


async def test_a_codec_that_the_router_or_the_peer_lacks(engine: Engine) -> None:
    router = engine.create_router([RtpCodecCapability("audio", "audio/opus", 48000, 2)])
    transport = router.create_web_rtc_transport()
    with pytest.raises(Unsupported):
        transport.produce(kind="video", rtp_parameters=vp8(1))
    producer = transport.produce(kind="audio", rtp_parameters=opus(1))
    assert not router.can_consume(producer.id, RtpCapabilities())
    with pytest.raises(Unsupported):
        transport.consume(producer_id=producer.id, rtp_capabilities=RtpCapabilities())
    with pytest.raises(Unsupported):
        engine.create_router([RtpCodecCapability("video", "video/theora", 90000)])


async def test_a_mid_that_no_packet_can_carry(engine: Engine, router: Router) -> None:
    sender, receiver, producer, _ = call(router)
    with pytest.raises(InvalidParameters) as error:
        receiver.consume(producer_id=producer.id, rtp_capabilities=router.rtp_capabilities, mid="x" * 33)
    assert error.value.field == "mid"
    assert native(engine)["consumers"] == 1
    assert len(receiver.consumers) == 1
    assert not sender.closed


async def test_a_cname_of_any_length_and_script(router: Router) -> None:
    parameters = vp8(1)
    for cname in ("x" * 300, "\N{SNOWMAN}" * 30):
        producer = router.create_web_rtc_transport().produce(
            kind="video", rtp_parameters=replace(parameters, rtcp=replace(parameters.rtcp, cname=cname))
        )
        assert not producer.closed


@pytest.mark.parametrize("given", [["", "hers"], [None, "hers"], ["hers", ""], ["hers", "his"], ["", ""]])
async def test_the_streams_of_one_peer_are_played_in_step(router: Router, given: list[str | None]) -> None:
    """RFC 3550 §6.5.1. Browsers tell none with simulcast, and take a stream without one for unannounced."""
    sender, receiver = router.create_web_rtc_transport(), router.create_web_rtc_transport()
    names = []
    for ssrc, cname in zip((10, 20), given, strict=True):
        parameters = replace(vp8(ssrc, mid=str(ssrc)), rtcp=RtcpParameters(cname=cname))
        producer = sender.produce(kind="video", rtp_parameters=parameters)
        consumer = receiver.consume(producer_id=producer.id, rtp_capabilities=router.rtp_capabilities)
        names.append(consumer.rtp_parameters.rtcp.cname)
    assert names[0]
    assert names[0] == names[1]
    if given[0]:
        assert names[0] == given[0]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"listen_ip": "localhost"}, "listen_ip"),
        ({"announced_address": "here"}, "announced_address"),
        ({"port": -1}, "port"),
        ({"port": 65535, "workers": 2}, "port"),
        ({"workers": 0}, "workers"),
        ({"ice_consent_timeout_s": 0.5}, "ice_consent_timeout_s"),
        ({"srtp_profiles": ()}, "srtp_profiles"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidParameters) as error:
        Config(**settings)
    assert error.value.field == field


async def test_a_port_in_use(engine: Engine) -> None:
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    taken = Engine(Config(port=engine.workers[0].port))
    with pytest.raises(OSError, match="in use"):
        await taken.start()
    await taken.close()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


async def test_start_twice(engine: Engine) -> None:
    with pytest.raises(InvalidState):
        await engine.start()
    with pytest.raises(InvalidState):
        Engine().create_router()


async def test_workers_share_the_routers() -> None:
    async with Engine(Config(workers=3)) as engine:
        routers = [engine.create_router() for _ in range(6)]
        assert sorted(router.worker.index for router in routers) == [0, 0, 1, 1, 2, 2]
        assert len({worker.port for worker in engine.workers}) == 3


# Plain transports


async def test_plain_rtp_in_and_webrtc_out(router: Router) -> None:
    viewer = await WebRtcPeer(router.create_web_rtc_transport()).join()
    transport = router.create_plain_transport(comedia=True)
    events = recorded(transport)
    producer = transport.produce(kind="audio", rtp_parameters=opus(77))
    viewer.transport.consume(producer_id=producer.id, rtp_capabilities=router.rtp_capabilities)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        for seq in range(10):
            sender.sendto(Rtp(111, seq, seq, 77, b"sound").pack(), transport.listen_address)
        assert [packet.payload for packet in await viewer.receive(10)] == [b"sound"] * 10
        await until(transport, "tuple", lambda: transport.remote_address is not None)
        assert transport.remote_address == sender.getsockname()
        assert events == [("tuple", sender.getsockname())]
    viewer.close()


@pytest.mark.parametrize("suite", ["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"])
async def test_srtp_between_plain_transports(router: Router, suite: Any) -> None:
    """Two of ours, joined by a loop through the kernel."""
    sender = router.create_plain_transport(srtp_crypto_suite=suite)
    receiver = router.create_plain_transport(srtp_crypto_suite=suite)
    for one, other in ((sender, receiver), (receiver, sender)):
        one.connect(*other.listen_address, srtp_parameters=other.srtp_parameters)
    with pytest.raises(InvalidState):
        sender.connect(*receiver.listen_address, srtp_parameters=receiver.srtp_parameters)
    source = router.create_plain_transport(comedia=True)
    first = source.produce(kind="audio", rtp_parameters=opus(77))
    consumer = sender.consume(producer_id=first.id, rtp_capabilities=router.rtp_capabilities)
    producer = receiver.produce(kind="audio", rtp_parameters=consumer.rtp_parameters)
    viewer = await WebRtcPeer(router.create_web_rtc_transport()).join()
    viewer.transport.consume(producer_id=producer.id, rtp_capabilities=router.rtp_capabilities)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as input_socket:
        for seq in range(10):
            input_socket.sendto(Rtp(111, seq, seq, 77, b"sound").pack(), source.listen_address)
        assert [packet.payload for packet in await viewer.receive(10)] == [b"sound"] * 10
    viewer.close()


async def test_what_plain_transports_refuse(engine: Engine, router: Router) -> None:
    plain, comedia = router.create_plain_transport(), router.create_plain_transport(comedia=True)
    split = router.create_plain_transport(rtcp_mux=False)
    secure = router.create_plain_transport(srtp_crypto_suite="AEAD_AES_128_GCM")
    key = SrtpParameters("AEAD_AES_128_GCM", "A" * 40)
    assert split.rtcp_listen_address != split.listen_address
    assert plain.rtcp_listen_address == plain.listen_address
    wrong: list[tuple[Callable[[], None], str]] = [
        (plain.connect, "ip"),
        (lambda: plain.connect("127.0.0.1"), "ip"),
        (lambda: plain.connect("nowhere", 5000), "ip"),
        (lambda: plain.connect("127.0.0.1", 0), "port"),
        (lambda: plain.connect("127.0.0.1", 70000), "port"),
        (lambda: plain.connect("127.0.0.1", 5000, rtcp_port=5001), "rtcpPort"),
        (lambda: plain.connect("127.0.0.1", 5000, srtp_parameters=key), "srtpParameters"),
        (lambda: comedia.connect("127.0.0.1", 5000), "ip"),
        (lambda: split.connect("127.0.0.1", 5000), "rtcpPort"),
        (lambda: split.connect("127.0.0.1", 5000, rtcp_port=-1), "rtcpPort"),
        (lambda: secure.connect("127.0.0.1", 5000), "srtpParameters"),
        (
            lambda: secure.connect("127.0.0.1", 5000, srtp_parameters=SrtpParameters("AEAD_AES_256_GCM", "")),
            "srtpParameters.cryptoSuite",
        ),
        (
            lambda: secure.connect("127.0.0.1", 5000, srtp_parameters=replace(key, key_base64="AAAA")),
            "srtpParameters.keyBase64",
        ),
        (
            lambda: secure.connect("127.0.0.1", 5000, srtp_parameters=replace(key, key_base64="?" * 40)),
            "srtpParameters.keyBase64",
        ),
    ]
    for connect, field in wrong:
        with pytest.raises(InvalidParameters) as error:
            connect()
        assert error.value.field == field
    secure_key = "A" * 36 + "AA=="  # 28 bytes
    good = replace(key, key_base64=secure_key)
    with pytest.raises(InvalidParameters):
        secure.connect("nowhere", 5000, srtp_parameters=good)
    secure.connect("127.0.0.1", 5000, srtp_parameters=good)  # what was refused has left nothing
    plain.connect("127.0.0.1", 5000)
    with pytest.raises(InvalidState):
        plain.connect("127.0.0.1", 5000)
    with pytest.raises(InvalidParameters) as error:
        router.create_plain_transport(port=70_000)
    assert error.value.field == "port"
    with pytest.raises(OSError, match="assign"):
        router.create_plain_transport(listen_ip="192.0.2.77")
    assert native(engine)["transports"] == 4


# Churn


def resources() -> tuple[int, int]:
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


def resident_kb() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4


async def test_a_thousand_joins_and_leaves(engine: Engine, router: Router) -> None:
    gc.collect()
    stage = router.create_web_rtc_transport()
    shown = stage.produce(kind="video", rtp_parameters=vp8(1))
    before = resources()
    grown = []
    for count in range(1000):
        transport = router.create_web_rtc_transport()
        transport.connect(DtlsParameters(CERTIFICATE.fingerprints, "client"))
        mine = transport.produce(kind="video", rtp_parameters=vp8(1))
        transport.consume(producer_id=shown.id, rtp_capabilities=router.rtp_capabilities)
        stage.consume(producer_id=mine.id, rtp_capabilities=router.rtp_capabilities)
        if count % 10 == 0:
            router.create_plain_transport(rtcp_mux=count % 20 == 0).close()
        transport.close()
        if count % 250 == 249:
            await asyncio.sleep(0)
            gc.collect()
            grown.append(resident_kb())
    assert native(engine) == {"transports": 1, "producers": 1, "consumers": 0}
    assert list(router.transports.values()) == [stage]
    assert list(router.producers.values()) == [shown]
    assert list(engine.workers[0].transports.values()) == [stage]
    assert not shown.consumers
    assert not stage.consumers
    assert resources() == before
    assert grown[-1] - grown[1] < 4000, grown  # kB, in 500 joins


async def test_two_hundred_joins_cut_off_anywhere(engine: Engine, router: Router) -> None:
    """The peer or the app gives up at a random point; nothing may remember it."""
    seed = int(os.environ.get("VPAAS_SEED", zlib.crc32(b"cut off")))
    print(f"seed {seed}")
    chance = random.Random(seed)
    gc.collect()
    before = resources(), len(asyncio.all_tasks())
    timers = pending_timers()

    async def join() -> None:
        peer = WebRtcPeer(router.create_web_rtc_transport())
        transport = peer.transport
        steps: list[Callable[[], Any]] = [
            peer.open,
            peer.check,
            peer.start_dtls,
            peer.connect,
            lambda: asyncio.wait_for(peer.connected.wait(), 5),
            lambda: transport.produce(kind="video", rtp_parameters=vp8(1)),
            lambda: transport.consume(
                producer_id=next(iter(transport.producers)), rtp_capabilities=router.rtp_capabilities
            ),
            lambda: peer.send_rtp(96, 1, 3),
            transport.restart_ice,
        ]
        for step in steps[: chance.randrange(len(steps) + 1)]:
            result = step()
            if asyncio.iscoroutine(result):
                await result
        if chance.random() < 0.5:
            peer.close()  # without a word
            await asyncio.sleep(0)
            transport.close()
        else:
            transport.close()
            peer.close()

    for _ in range(20):
        await asyncio.gather(*(join() for _ in range(10)))
    await asyncio.sleep(0)
    gc.collect()
    assert native(engine) == NOTHING
    assert not router.transports
    assert not router.producers
    assert not engine.workers[0].transports
    assert (resources(), len(asyncio.all_tasks())) == before
    assert pending_timers() == timers


def pending_timers() -> int:
    loop = asyncio.get_running_loop()
    scheduled = getattr(loop, "_scheduled", [])
    return sum(not handle.cancelled() for handle in scheduled)


async def test_an_engine_leaves_nothing() -> None:
    gc.collect()
    before = resources()
    for _ in range(5):
        async with Engine(Config(workers=2)) as engine:
            peer = await WebRtcPeer(engine.create_router().create_web_rtc_transport()).join()
            peer.close()
    await asyncio.sleep(0)
    assert resources() == before  # at once, not when memory is collected


async def test_hostile_datagrams_leave_a_running_engine_running(engine: Engine, router: Router) -> None:
    chance = random.Random(8)
    publisher = await WebRtcPeer(router.create_web_rtc_transport()).join()
    viewer = await WebRtcPeer(router.create_web_rtc_transport()).join()
    producer = publisher.transport.produce(kind="audio", rtp_parameters=opus(1))
    viewer.transport.consume(producer_id=producer.id, rtp_capabilities=router.rtp_capabilities)
    hostile = await WebRtcPeer(router.create_web_rtc_transport()).join()
    for _ in range(300):
        hostile.send(
            bytes([chance.choice([0, 1, 22, 23, 128, 144, 255])]) + chance.randbytes(chance.randrange(200))
        )
        hostile.send(struct.pack("!BBHHIH", 22, 254, 253, 0, chance.randrange(9), 5) + chance.randbytes(20))
    publisher.send_rtp(111, 1, 50)
    await viewer.receive(50)
    assert hostile.transport.dtls_state == "connected"
    assert native(engine)["transports"] == 3
    for peer in (publisher, viewer, hostile):
        peer.close()
