"""A WHIP or WHEP client of aiortc: one peer connection whose signalling is one HTTP resource."""

import asyncio
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

import httpx
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.rtcdtlstransport import SRTP_PROFILES

from tests.support.pictures import WITHIN_S, Receiver

FRAGMENT = "application/trickle-ice-sdpfrag"


class HttpPeer:
    """`await peer.open()` exchanges offer and answer; leaving the context ends the session by DELETE."""

    def __init__(self, http: httpx.AsyncClient, endpoint: str, token: str) -> None:
        self.pc = RTCPeerConnection()
        self.receivers: dict[str, Receiver] = {}
        self.opened_s = 0.0
        self.location: str | None = None
        self.etag = ""
        self.answer = ""
        self._http = http
        self._endpoint = endpoint
        self._headers = {"Authorization": f"Bearer {token}"}
        self.pc.on("track", self._on_track)

    def _on_track(self, track: MediaStreamTrack) -> None:
        self.receivers[track.kind] = Receiver(track)

    def offer_only(self, profile: bytes) -> None:
        """An SRTP profile by OpenSSL's name."""
        for transceiver in self.pc.getTransceivers():
            transceiver.sender.transport._srtp_profiles = [
                each for each in SRTP_PROFILES if each.openssl_profile == profile
            ]

    @property
    def srtp_profile(self) -> bytes:
        name: bytes = self.pc.getTransceivers()[0].sender.transport._ssl.get_selected_srtp_profile()
        return name

    async def open(self, edit: Callable[[str], str] = str) -> None:
        """`edit` changes the offer on its way out."""
        await self.pc.setLocalDescription(await self.pc.createOffer())
        self.opened_s = time.monotonic()
        response = await self.request(
            "POST", self._endpoint, edit(self.pc.localDescription.sdp), {"Content-Type": "application/sdp"}
        )
        assert response.status_code == 201, response.text
        self.location, self.etag = response.headers["location"], response.headers["etag"]
        self.answer = response.text
        await self.pc.setRemoteDescription(RTCSessionDescription(response.text, "answer"))

    async def connected(self, within_s: float = WITHIN_S) -> None:
        await self.state("connected", within_s)

    async def state(self, wanted: str, within_s: float = WITHIN_S) -> None:
        changed = asyncio.Event()
        self.pc.on("connectionstatechange", changed.set)
        async with asyncio.timeout(within_s):
            while self.pc.connectionState != wanted:
                changed.clear()
                await changed.wait()

    async def request(
        self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return await self._http.request(
            method, path, content=body, headers={**self._headers, **(headers or {})}
        )

    async def patch(self, fragment: str, if_match: str) -> httpx.Response:
        assert self.location is not None
        return await self.request(
            "PATCH", self.location, fragment, {"Content-Type": FRAGMENT, "If-Match": if_match}
        )

    async def delete(self) -> httpx.Response:
        assert self.location is not None
        location, self.location = self.location, None
        return await self.request("DELETE", location)

    def first_picture_s(self) -> float:
        """Seconds from the POST to the first decoded picture."""
        first_at_s = self.receivers["video"].first_at_s
        assert first_at_s is not None
        return first_at_s - self.opened_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.location is not None:
            await self.delete()
        await self.pc.close()
        for receiver in self.receivers.values():
            await receiver.end()


def publisher(
    http: httpx.AsyncClient, token: str, tracks: Iterable[MediaStreamTrack], codec: str = "VP8"
) -> HttpPeer:
    peer = HttpPeer(http, "/vpaas/whip", token)
    for track in tracks:
        transceiver = peer.pc.addTransceiver(track, direction="sendonly")
        if track.kind == "video":
            transceiver.setCodecPreferences(
                [each for each in RTCRtpSender.getCapabilities("video").codecs if each.name in (codec, "rtx")]
            )
    return peer


def player(http: httpx.AsyncClient, token: str, *kinds: str, of: str | None = None) -> HttpPeer:
    peer = HttpPeer(http, "/vpaas/whep" + (f"?participantId={of}" if of else ""), token)
    for kind in kinds or ("audio", "video"):
        peer.pc.addTransceiver(kind, direction="recvonly")
    return peer
