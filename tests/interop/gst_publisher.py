"""GStreamer's webrtcbin publishes over WHIP, in a process of its own: url, token, codec.

Run by the system's Python, which has GStreamer's bindings. Sends a ball that moves and a tone until its
standard input ends; then DELETEs its session. With --check it only says what is missing here.
"""

import os
import sys
import threading
import urllib.request
from urllib.parse import urljoin

try:
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstSdp", "1.0")
    gi.require_version("GstWebRTC", "1.0")
    from gi.repository import Gst, GstSdp, GstWebRTC
except (ImportError, ValueError) as error:
    sys.exit(f"no GStreamer for the system's Python: {error}")

# Key frames only when asked for.
VIDEO = {
    "VP8": "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=2000 ! rtpvp8pay picture-id-mode=15-bit pt=96",
    "H264": "openh264enc gop-size=2000 ! h264parse "
    "! rtph264pay config-interval=-1 aggregate-mode=zero-latency pt=96",
}
ELEMENTS = ("webrtcbin", "nicesink", "dtlsenc", "srtpenc", "vp8enc", "openh264enc", "opusenc", "rtpvp8pay")
WAIT_S = 15


class Publisher:
    def __init__(self, url: str, token: str, codec: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._session = ""
        self._gathered = threading.Event()
        self._pipeline = Gst.parse_launch(
            "webrtcbin name=peer bundle-policy=max-bundle "
            "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=20/1 "
            f"! {VIDEO[codec]} ! application/x-rtp,media=video,encoding-name={codec},payload=96 ! peer. "
            "audiotestsrc is-live=true freq=440 volume=0.3 ! audio/x-raw,rate=48000,channels=2 ! opusenc "
            "! rtpopuspay pt=97 ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! peer."
        )
        self._peer = self._pipeline.get_by_name("peer")
        # By itself libnice never uses a loopback interface. Kept: reading it does not count the reference.
        self._agent = self._peer.get_property("ice-agent")
        self._agent.emit("add-local-ip-address", "127.0.0.1")
        self._peer.connect("on-negotiation-needed", self._make_offer)
        self._peer.connect("notify::ice-gathering-state", self._on_gathering)

    def run(self) -> None:
        self._pipeline.set_state(Gst.State.PLAYING)
        if not self._gathered.wait(WAIT_S):
            sys.exit("no offer")
        offer = self._peer.get_property("local-description").sdp.as_text()
        with self._request("POST", self._url, offer) as response:
            self._session = urljoin(self._url, response.headers["Location"])
            self._set_answer(response.read().decode())
        while os.read(sys.stdin.fileno(), 1):
            pass
        self._request("DELETE", self._session).close()
        self._pipeline.set_state(Gst.State.NULL)

    def _request(self, method: str, url: str, body: str = ""):
        headers = self._headers | ({"Content-Type": "application/sdp"} if body else {})
        return urllib.request.urlopen(
            urllib.request.Request(url, body.encode() or None, headers, method=method), timeout=WAIT_S
        )

    def _make_offer(self, peer: Gst.Element) -> None:
        def made(promise: Gst.Promise) -> None:
            reply = promise.get_reply()  # kept: it owns the description
            peer.emit("set-local-description", reply.get_value("offer"), None)

        peer.emit("create-offer", None, Gst.Promise.new_with_change_func(made))

    def _on_gathering(self, peer: Gst.Element, _property: object) -> None:
        if peer.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            self._gathered.set()

    def _set_answer(self, text: str) -> None:
        _, message = GstSdp.SDPMessage.new_from_text(text)
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        promise = Gst.Promise.new()
        self._peer.emit("set-remote-description", answer, promise)
        promise.wait()


if __name__ == "__main__":
    Gst.init(None)
    if sys.argv[1:] == ["--check"]:
        missing = [name for name in ELEMENTS if Gst.ElementFactory.find(name) is None]
        sys.exit(f"GStreamer has no {', '.join(missing)} here" if missing else 0)
    Publisher(*sys.argv[1:4]).run()
