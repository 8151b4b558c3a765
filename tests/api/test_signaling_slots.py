"""Slots over signalling: consumers in which sources take turns, as the app says or as people speak."""

import asyncio
from typing import Any

import pytest

from tests.support.live import LiveNode
from tests.support.protoo import ProtooClient, RefusedError
from tests.support.talker import Talker, talk

NOBODY = {"producerId": None, "peerId": None, "source": None, "scalabilityMode": None}


async def opened(client: ProtooClient, **wanted: Any) -> list[dict[str, Any]]:
    data = {"audio": 0, "video": 1, "follow": False} | wanted
    if "transportId" not in data:
        data["transportId"] = await client.transport("recv")
    slots: list[dict[str, Any]] = (await client.request("openSlots", data))["slots"]
    return slots


async def test_slots_are_switched_as_the_app_says(live: LiveNode) -> None:
    room = await live.room()
    ada, bob = await live.participant(room, "Ada"), await live.participant(room, "Bob")
    send = await ada.transport("send")
    first = await ada.produce(send, "camera", ssrc=1)
    second = await ada.produce(send, "screen", ssrc=2)
    ada_id = (await bob.notification("producerAdded"))["peerId"]
    (slot,) = await opened(bob)
    assert slot == slot | NOBODY | {"kind": "video", "type": "slot"}
    names = {codec["mimeType"] for codec in slot["rtpParameters"]["codecs"]}
    assert {"video/VP8", "video/VP9", "video/H264", "video/AV1"} <= names
    consumer = {"consumerId": slot["id"]}
    assert await bob.request("resumeConsumer", consumer) == {}
    for producer, source in ((first, "camera"), (second, "screen")):
        assert await bob.request("switchConsumer", consumer | {"producerId": producer}) == {}
        assert await bob.notification("slotChanged") == consumer | {
            "producerId": producer, "peerId": ada_id, "source": source, "scalabilityMode": None,
        }  # fmt: skip
    await bob.request("switchConsumer", consumer | {"producerId": None})
    assert await bob.notification("slotChanged") == consumer | NOBODY
    # A source that ends leaves its slot empty, and open.
    await bob.request("switchConsumer", consumer | {"producerId": first})
    await bob.notification("slotChanged")
    await ada.request("closeProducer", {"producerId": first})
    assert await bob.notification("slotChanged") == consumer | NOBODY
    await bob.request("switchConsumer", consumer | {"producerId": second})
    assert (await bob.notification("slotChanged"))["producerId"] == second
    assert "consumerClosed" not in bob.waiting


async def test_wrong_switches_are_refused(live: LiveNode) -> None:
    room = await live.room()
    ada, bob = await live.participant(room), await live.participant(room)
    send = await ada.transport("send")
    camera = await ada.produce(send, "camera", ssrc=1)
    microphone = await ada.produce(send, "microphone", ssrc=2)
    (slot,) = await opened(bob)
    consumed = await bob.request(
        "consume", {"transportId": await bob.transport("recv"), "producerId": camera}
    )
    (follows,) = await opened(bob, follow=True)
    for consumer, producer, code, reason in (
        (slot["id"], "x", 404, "no producer 'x'"),
        ("x", camera, 404, "no consumer 'x'"),
        (slot["id"], microphone, 400, "is not video"),
        (consumed["id"], camera, 409, "is no slot"),
        (follows["id"], camera, 409, "follows the speakers"),
    ):
        with pytest.raises(RefusedError, match=reason) as refused:
            await bob.request("switchConsumer", {"consumerId": consumer, "producerId": producer})
        assert refused.value.code == code


async def test_slots_are_limited(live: LiveNode) -> None:
    ada = await live.participant(await live.room())
    receive = {"transportId": await ada.transport("recv")}
    for wrong, code, reason in (
        ({"audio": 9}, 400, "audio"),
        ({"video": 26}, 400, "video"),
        ({"audio": -1}, 400, "audio"),
        ({"follow": "yes"}, 400, "follow"),
        ({"transportId": "x"}, 404, "no transport"),
        ({"transportId": await ada.transport("send")}, 409, "was not made to recv"),
    ):
        with pytest.raises(RefusedError, match=reason) as refused:
            await opened(ada, **(receive | wrong))
        assert refused.value.code == code
    assert len(await opened(ada, follow=True, audio=8, video=25, **receive)) == 33
    with pytest.raises(RefusedError, match="open already") as refused:
        await opened(ada, follow=True, **receive)
    assert refused.value.code == 409
    await ada.request("closeWebRtcTransport", receive)
    assert len(await opened(ada, follow=True)) == 1


async def test_who_leaves_gives_his_slots_back(live: LiveNode) -> None:
    room = await live.room()
    ada, bob = await live.participant(room, "Ada"), await live.participant(room, "Bob")
    await ada.produce(await ada.transport("send"), "camera")
    await opened(bob, follow=True, audio=3, video=9)
    await bob.cut()
    await ada.notification("peerLeft")
    await ada.produce(await ada.transport("send"), "microphone")
    again = await live.participant(room, "Bob")
    slots = await opened(again, follow=True, audio=3, video=9)
    assert len(slots) == 12
    await again.request("closeConsumer", {"consumerId": slots[0]["id"]})
    await ada.request("leave")
    await again.notification("peerLeft")
    await again.request("leave")
    await again.closed()
    (gone,) = live.node.rooms._live.values()
    assert gone.speakers._slots is not None
    assert gone.speakers._slots.viewers == set()


async def test_slots_follow_those_who_speak(live: LiveNode) -> None:
    room = await live.room()
    talkers = [await Talker.join(live, room, name) for name in ("Ada", "Bob", "Cyd")]
    try:
        for ssrc, talker in enumerate(talkers, 100):
            await talker.open_microphone(ssrc)
        viewer = await live.participant(room, "Viewer")
        (slot,) = await opened(viewer, audio=1, video=0, follow=True)
        for speaker in (talkers[1], talkers[2]):
            silent = [talker for talker in talkers if talker is not speaker]
            turned = asyncio.create_task(turn_of(viewer, slot, speaker))
            told = await talk(speaker, *silent, until=turned)
            assert (told["producerId"], told["source"]) == (speaker.microphone, "microphone")
    finally:
        for talker in talkers:
            talker.close()


async def turn_of(viewer: ProtooClient, slot: dict[str, Any], speaker: Talker) -> dict[str, Any]:
    if slot["peerId"] == speaker.id:
        return slot
    while True:
        told = await viewer.notification("slotChanged")
        assert told["consumerId"] == slot["id"]
        if told["peerId"] == speaker.id:
            slot |= told
            return told


async def test_a_camera_that_is_off_takes_no_turn(live: LiveNode) -> None:
    room = await live.room()
    ada, bob = await live.participant(room, "Ada"), await live.participant(room, "Bob")
    camera = await ada.produce(await ada.transport("send"), "camera")
    (slot,) = await opened(bob, follow=True)
    consumer = {"consumerId": slot["id"]}
    if slot["producerId"] is None:
        assert (await bob.notification("slotChanged"))["producerId"] == camera
    await ada.request("pauseProducer", {"producerId": camera})
    assert await bob.notification("slotChanged") == consumer | NOBODY
    await ada.request("resumeProducer", {"producerId": camera})
    assert (await bob.notification("slotChanged"))["producerId"] == camera


async def test_nobody_gets_oneself(live: LiveNode) -> None:
    room = await live.room()
    ada, bob = await live.participant(room, "Ada"), await live.participant(room, "Bob")
    slots = await opened(ada, follow=True, video=2)
    await ada.produce(await ada.transport("send"), "camera", ssrc=1)
    camera = await bob.produce(await bob.transport("send"), "camera", ssrc=2)
    told = await ada.notification("slotChanged")
    assert told["producerId"] == camera
    assert told["consumerId"] in {slot["id"] for slot in slots}
    await ada.request("getRouterRtpCapabilities")
    assert "slotChanged" not in ada.waiting
