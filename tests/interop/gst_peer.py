"""GStreamer's webrtcbin in a process of its own: publish or play, url, token, codec.

Run by the system's Python, which has GStreamer's bindings. Sends a ball that moves and a tone, or counts what
it receives and says so in JSON, until its standard input ends; then DELETEs its session. With --check it only
says what is missing here.
"""

import json
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
SEND = {
    "VP8": "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=2000 ! rtpvp8pay picture-id-mode=15-bit pt=96",
    "H264": "openh264enc gop-size=2000 ! h264parse "
    "! rtph264pay config-interval=-1 aggregate-mode=zero-latency pt=96",
}
RECEIVE = {
    "VP8": "rtpvp8depay ! vp8dec",
    "H264": "rtph264depay ! h264parse ! openh264dec",
    "OPUS": "rtpopusdepay ! opusdec",
}
CAPS = {
    "VP8": "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000",
    "H264": "application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000",
    "OPUS": "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000",
}
H264_ASKED = "packetization-mode=(string)1,profile-level-id=(string)42001f"  # as aiortc sends it
ELEMENTS = (
    "webrtcbin", "nicesink", "dtlsenc", "srtpenc", "rtpvp8pay", "vp8enc", "vp8dec", "opusenc", "opusdec",
    "h264parse", "openh264enc", "openh264dec",
)  # fmt: skip
WAIT_S = 15
BRIGHT = 0x84


class Peer:
    def __init__(self, url: str, token: str, elements: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._session = ""
        self._gathered = threading.Event()
        self.pipeline = Gst.Pipeline.new(None)
        self.elements = Gst.parse_bin_from_description(
            f"webrtcbin name=peer bundle-policy=max-bundle {elements}", False
        )
        self.pipeline.add(self.elements)
        self.webrtc = self.elements.get_by_name("peer")
        # By itself libnice never uses a loopback interface. Kept: reading it does not count the reference.
        self._agent = self.webrtc.get_property("ice-agent")
        self._agent.emit("add-local-ip-address", "127.0.0.1")
        self.webrtc.connect("on-negotiation-needed", self._make_offer)
        self.webrtc.connect("notify::ice-gathering-state", self._on_gathering)

    def run(self) -> None:
        self.pipeline.set_state(Gst.State.PLAYING)
        if not self._gathered.wait(WAIT_S):
            sys.exit("no offer")
        offer = self.webrtc.get_property("local-description").sdp.as_text()
        with self._request("POST", self._url, offer) as response:
            self._session = urljoin(self._url, response.headers["Location"])
            self._set_answer(response.read().decode())
        while os.read(sys.stdin.fileno(), 1):
            pass
        self._request("DELETE", self._session).close()
        self.pipeline.set_state(Gst.State.NULL)

    def _request(self, method: str, url: str, body: str = ""):
        headers = self._headers | ({"Content-Type": "application/sdp"} if body else {})
        return urllib.request.urlopen(
            urllib.request.Request(url, body.encode() or None, headers, method=method), timeout=WAIT_S
        )

    def _make_offer(self, webrtc: Gst.Element) -> None:
        def made(promise: Gst.Promise) -> None:
            reply = promise.get_reply()  # kept: it owns the description
            webrtc.emit("set-local-description", reply.get_value("offer"), None)

        webrtc.emit("create-offer", None, Gst.Promise.new_with_change_func(made))

    def _on_gathering(self, webrtc: Gst.Element, _property: object) -> None:
        if webrtc.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            self._gathered.set()

    def _set_answer(self, text: str) -> None:
        _, message = GstSdp.SDPMessage.new_from_text(text)
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        promise = Gst.Promise.new()
        self.webrtc.emit("set-remote-description", answer, promise)
        promise.wait()


class Publisher(Peer):
    def __init__(self, url: str, token: str, codec: str) -> None:
        super().__init__(
            url,
            token,
            "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=20/1 "
            f"! {SEND[codec]} ! {CAPS[codec]} ! peer. "
            "audiotestsrc is-live=true freq=440 volume=0.3 ! audio/x-raw,rate=48000,channels=2 ! opusenc "
            "! rtpopuspay pt=97 ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! peer.",
        )


class Player(Peer):
    """Says once a second how many pictures and samples came, and in how many places the bar was."""

    def __init__(self, url: str, token: str, codec: str) -> None:
        super().__init__(url, token, "")
        self._codec = codec
        self._pictures = self._samples = 0
        self._places: set[int] = set()
        self.webrtc.connect("pad-added", self._on_pad)
        for name in ("OPUS", codec):
            caps = CAPS[name] + (f",{H264_ASKED}" if name == "H264" else "")
            self.webrtc.emit(
                "add-transceiver",
                GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY,
                Gst.Caps.from_string(caps),
            )

    def _on_pad(self, _webrtc: Gst.Element, pad: Gst.Pad) -> None:
        video = pad.get_current_caps().get_structure(0).get_string("media") == "video"
        decoder = (
            f"{RECEIVE[self._codec]} ! videoconvert ! video/x-raw,format=GRAY8"
            if video
            else f"{RECEIVE['OPUS']} ! audioconvert ! audio/x-raw,format=S16LE,channels=1"
        )
        reader = Gst.parse_bin_from_description(
            f"queue ! {decoder} ! fakesink name=sink signal-handoffs=true sync=false", True
        )
        reader.get_by_name("sink").connect("handoff", self._on_picture if video else self._on_sound)
        self.elements.add(reader)
        pad.link(reader.get_static_pad("sink"))
        reader.sync_state_with_parent()

    def _on_picture(self, _sink: Gst.Element, picture: Gst.Buffer, pad: Gst.Pad) -> None:
        width = pad.get_current_caps().get_structure(0).get_int("width").value
        row = picture.extract_dup(0, width)
        self._places.add(next((x for x, level in enumerate(row) if level > BRIGHT), -1))
        self._pictures += 1
        if self._pictures % 20 == 0:
            counted = {"pictures": self._pictures, "places": len(self._places), "samples": self._samples}
            print(json.dumps({"width": width, **counted}), flush=True)

    def _on_sound(self, _sink: Gst.Element, sound: Gst.Buffer, _pad: Gst.Pad) -> None:
        self._samples += sound.get_size() // 2


if __name__ == "__main__":
    Gst.init(None)
    if sys.argv[1:] == ["--check"]:
        missing = [name for name in ELEMENTS if Gst.ElementFactory.find(name) is None]
        sys.exit(f"GStreamer has no {', '.join(missing)} here" if missing else 0)
    {"publish": Publisher, "play": Player}[sys.argv[1]](*sys.argv[2:5]).run()
