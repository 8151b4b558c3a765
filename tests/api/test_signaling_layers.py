"""Layers over signalling: what a viewer asks for, what it gets, and what its publisher hears of it."""

import asyncio
from typing import Any

import pytest

from tests.support.live import LiveNode
from tests.support.protoo import ProtooClient, RefusedError, rtp_parameters
from tests.support.talker import Talker

SSRCS = (3001, 3002, 3003)


def simulcast(capabilities: dict[str, Any]) -> dict[str, Any]:
    parameters = rtp_parameters(capabilities, "video", SSRCS[0])
    parameters["codecs"][0]["rtcpFeedback"] = [{"type": "nack", "parameter": "pli"}]
    encodings = [{"ssrc": ssrc, "scalabilityMode": "L1T3"} for ssrc in SSRCS]
    return parameters | {"encodings": encodings}


async def publish(client: ProtooClient, transport: str) -> str:
    return await client.produce(transport, "camera", rtpParameters=simulcast(client.capabilities))


async def wanted(client: ProtooClient, layers: list[int]) -> None:
    """Waits until the publisher is told this; what was true before may be told first."""
    while (await client.notification("wantedLayers"))["layers"] != layers:
        pass


async def test_what_viewers_want_is_told_to_the_publisher_alone(live: LiveNode) -> None:
    room = await live.room()
    ada, bob = await live.participant(room, "Ada"), await live.participant(room, "Bob")
    camera = await publish(ada, await ada.transport("send"))
    consumed = await bob.request(
        "consume", {"transportId": await bob.transport("recv"), "producerId": camera}
    )
    assert consumed["type"] == "simulcast"
    assert consumed["rtpParameters"]["encodings"][0]["scalabilityMode"] == "S3T3"
    consumer = {"consumerId": consumed["id"]}
    await bob.request("setConsumerPreferredLayers", consumer | {"spatialLayer": 2})
    await bob.request("resumeConsumer", consumer)
    await wanted(ada, [2])
    await bob.request("setConsumerPreferredLayers", consumer | {"spatialLayer": 0, "temporalLayer": 1})
    await wanted(ada, [0, 2])
    await bob.request("pauseConsumer", consumer)
    await wanted(ada, [])
    await bob.request("resumeConsumer", consumer)
    await wanted(ada, [0])
    assert "wantedLayers" not in bob.waiting


async def test_a_wrong_wish_is_refused(live: LiveNode) -> None:
    room = await live.room()
    ada, bob = await live.participant(room), await live.participant(room)
    camera = await publish(ada, await ada.transport("send"))
    consumed = await bob.request(
        "consume", {"transportId": await bob.transport("recv"), "producerId": camera}
    )
    good = {"consumerId": consumed["id"], "spatialLayer": 1}
    for wrong, code, reason in (
        ({"spatialLayer": -1}, 400, "spatialLayer"),
        ({"spatialLayer": 8}, 400, "spatialLayer"),
        ({"spatialLayer": "1"}, 400, "spatialLayer"),
        ({"spatialLayer": 1.5}, 400, "spatialLayer"),
        ({"temporalLayer": 8}, 400, "temporalLayer"),
        ({"consumerId": "x"}, 404, "no consumer 'x'"),
    ):
        with pytest.raises(RefusedError, match=reason) as refused:
            await bob.request("setConsumerPreferredLayers", good | wrong)
        assert refused.value.code == code
    # More than there is means the most there is.
    assert await bob.request("setConsumerPreferredLayers", good | {"spatialLayer": 7}) == {}


async def test_the_layers_that_arrive_are_told(live: LiveNode) -> None:
    room = await live.room()
    ada, bob = await Talker.join(live, room, "Ada"), await Talker.join(live, room, "Bob")
    send, publisher = await ada.connect("send")
    camera = await publish(ada.client, send)
    receive, _ = await bob.connect("recv")
    consumed = await bob.client.request(
        "consume", {"transportId": receive, "producerId": camera, "paused": False}
    )
    payload_type = simulcast(ada.client.capabilities)["codecs"][0]["payloadType"]

    async def stream() -> None:
        while True:
            for ssrc in SSRCS:
                publisher.send_rtp(payload_type, ssrc)
            await asyncio.sleep(0.02)

    streaming = asyncio.create_task(stream())
    try:
        for spatial in (2, 0, 1):
            await bob.client.request(
                "setConsumerPreferredLayers", {"consumerId": consumed["id"], "spatialLayer": spatial}
            )
            told = await bob.client.notification("layersChanged")
            while told["spatialLayer"] != spatial:
                told = await bob.client.notification("layersChanged")
            assert told["consumerId"] == consumed["id"]
        await bob.client.request("pauseConsumer", {"consumerId": consumed["id"]})
    finally:
        streaming.cancel()
        ada.close()
        bob.close()
