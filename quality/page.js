// What quality/browser.py calls in a page: peer connections by name, and what they have measured.
"use strict";

const SAMPLE_MS = 200;
const PATCH = 8; // pixels, either way, that are read of each picture where it is wanted
const BURST_FRAMES = 60; // that may leave the decoder at once, after a loss was repaired
const DEPENDENCY_DESCRIPTOR =
  "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
const peers = new Map();

// Seconds since the epoch: the same clock as the node's, for both are on one machine.
const now = () => (performance.timeOrigin + performance.now()) / 1000;

function openPeer(name) {
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const peer = { pc, samples: [], frames: [], events: [] };
  peers.set(name, peer);
  pc.onconnectionstatechange = () => peer.events.push([now(), pc.connectionState]);
  peer.timer = setInterval(() => sample(peer), SAMPLE_MS);
  return peer;
}

async function sample(peer) {
  const at = now();
  const stats = await peer.pc.getStats();
  for (const entry of stats.values()) {
    if (entry.kind === "video" && (entry.type === "inbound-rtp" || entry.type === "outbound-rtp")) {
      const numbers = Object.entries(entry).filter(([, value]) => typeof value === "number");
      peer.samples.push({ at, rid: entry.rid ?? "", decoder: entry.decoderImplementation ?? "",
        limited: entry.qualityLimitationReason ?? "", ...Object.fromEntries(numbers) });
    }
  }
}

// The codec wanted, and its RTX.
function preferred(mimeType, fmtp) {
  const all = RTCRtpSender.getCapabilities("video").codecs;
  const wanted = all.filter((c) => c.mimeType === mimeType && (c.sdpFmtpLine ?? "").includes(fmtp));
  if (!wanted.length) throw new Error(`this browser does not send ${mimeType} ${fmtp}`);
  return [wanted[0], ...all.filter((c) => c.mimeType === "video/rtx")];
}

async function publish(name, { mimeType, fmtp, encodings, width, height, fps }) {
  const size = { width: { exact: width }, height: { exact: height }, frameRate: { ideal: fps } };
  const stream = await navigator.mediaDevices.getUserMedia({ video: size });
  const peer = openPeer(name);
  const track = stream.getVideoTracks()[0];
  track.contentHint = "motion";
  const transceiver = peer.pc.addTransceiver(track, { direction: "sendonly", sendEncodings: encodings });
  transceiver.setCodecPreferences(preferred(mimeType, fmtp));
  const parameters = transceiver.sender.getParameters();
  parameters.degradationPreference = "maintain-resolution";
  await transceiver.sender.setParameters(parameters);
  await peer.pc.setLocalDescription();
  return peer.pc.localDescription.sdp;
}

async function view(name, watchPicture, describeLayers) {
  const peer = openPeer(name);
  peer.pc.ontrack = ({ track }) => watch(peer, track, watchPicture);
  const transceiver = peer.pc.addTransceiver("video", { direction: "recvonly" });
  if (describeLayers) {
    // By itself Chromium does not offer to receive what AV1's layers cannot be told without.
    const extensions = transceiver.getHeaderExtensionsToNegotiate();
    for (const each of extensions) if (each.uri === DEPENDENCY_DESCRIPTOR) each.direction = "sendrecv";
    transceiver.setHeaderExtensionsToNegotiate(extensions);
  }
  await peer.pc.setLocalDescription();
  return peer.pc.localDescription.sdp;
}

async function accept(name, sdp) {
  await peers.get(name).pc.setRemoteDescription({ type: "answer", sdp });
}

// Every decoded picture, as it leaves the decoder: no compositor between, which skips what a hidden tab would show.
async function watch(peer, track, watchPicture) {
  const reader = new MediaStreamTrackProcessor({ track, maxBufferSize: BURST_FRAMES }).readable.getReader();
  for (;;) {
    const { done, value: frame } = await reader.read();
    if (done) return;
    const shown = { at: now(), width: frame.codedWidth, height: frame.codedHeight };
    peer.frames.push(shown);
    if (watchPicture) shown.colour = await colour(frame);
    frame.close();
  }
}

// Y, U and V in the middle of a picture.
async function colour(frame) {
  const rect = { x: (frame.codedWidth - PATCH) / 2 & ~1, y: (frame.codedHeight - PATCH) / 2 & ~1, width: PATCH, height: PATCH };
  const pixels = new Uint8Array(frame.allocationSize({ rect }));
  const [y, u, v] = await frame.copyTo(pixels, { rect });
  return frame.format === "NV12"
    ? [pixels[y.offset], pixels[u.offset], pixels[u.offset + 1]]
    : [pixels[y.offset], pixels[u.offset], pixels[v.offset]];
}

// What has been measured since this was last asked.
async function take(name) {
  const peer = peers.get(name);
  await sample(peer);
  const taken = { samples: peer.samples, frames: peer.frames, events: peer.events };
  peer.samples = [];
  peer.frames = [];
  peer.events = [];
  return taken;
}

function leave(name) {
  const peer = peers.get(name);
  clearInterval(peer.timer);
  for (const { track } of peer.pc.getSenders()) track?.stop();
  peer.pc.close();
  peers.delete(name);
}

window.quality = { publish, view, accept, take, leave };
