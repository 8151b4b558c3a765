// A client of VPaaS made of nothing but mediasoup-client and protoo-client, written after their documentation:
// join a room, send camera and microphone, receive everybody else. Open it as /examples/plain.html?accessToken=…
import { Device } from "mediasoup-client";
import { Peer, WebSocketTransport } from "protoo-client";

const status = document.getElementById("status");
const media = document.getElementById("media");

/** For the console and for browser tests. */
const plain = (window.plain = { state: "connecting", producers: new Map(), consumers: new Map() });

/** Two sizes of 640x360, from which each viewer gets the one that fits. */
const SIMULCAST = [
  { scaleResolutionDownBy: 2, maxBitrate: 150_000 },
  { scaleResolutionDownBy: 1, maxBitrate: 500_000 },
];

const accessToken = new URLSearchParams(location.search).get("accessToken") ?? "";
const origin = location.origin.replace(/^http/, "ws");
const peer = new Peer(
  new WebSocketTransport(`${origin}/vpaas/signaling?accessToken=${encodeURIComponent(accessToken)}`),
);
plain.peer = peer;

peer.on("open", () => join().catch((error) => setState("failed", error.message)));
peer.on("disconnected", () => {
  setState("disconnected");
  peer.close(); // protoo-client would come back at once, for ever, even where the token was refused
});
peer.on("failed", () => setState("failed", "the server cannot be reached"));

peer.on("notification", ({ method, data }) => {
  if (method === "producerAdded") consume(data.id);
  if (method === "consumerClosed") removeConsumer(data.consumerId);
  if (method === "wantedLayers") sendOnly(data.producerId, data.layers);
});

async function join() {
  const device = (plain.device = await Device.factory());
  const routerRtpCapabilities = await peer.request("getRouterRtpCapabilities");
  await device.load({ routerRtpCapabilities });

  plain.sendTransport = await createTransport("send");
  plain.recvTransport = await createTransport("recv");

  const { peers } = await peer.request("join", {
    displayName: "Plain client",
    rtpCapabilities: device.recvRtpCapabilities,
  });
  setState("joined");

  await publish();
  for (const { producers } of peers) {
    for (const { id } of producers) consume(id);
  }
}

async function createTransport(direction) {
  const parameters = await peer.request("createWebRtcTransport", { direction });
  const transport =
    direction === "send"
      ? plain.device.createSendTransport(parameters)
      : plain.device.createRecvTransport(parameters);

  transport.on("connect", ({ dtlsParameters }, callback, errback) => {
    peer.request("connectWebRtcTransport", { transportId: transport.id, dtlsParameters }).then(callback, errback);
  });
  transport.on("produce", ({ kind, rtpParameters, appData }, callback, errback) => {
    const { source } = appData;
    peer.request("produce", { transportId: transport.id, kind, rtpParameters, source }).then(callback, errback);
  });
  return transport;
}

async function publish() {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
  show("self", stream, true);
  for (const track of stream.getTracks()) {
    const source = track.kind === "audio" ? "microphone" : "camera";
    const encodings = source === "camera" ? { encodings: SIMULCAST } : {};
    plain.producers.set(source, await plain.sendTransport.produce({ track, ...encodings, appData: { source } }));
  }
}

/** What nobody watches need not be encoded. */
async function sendOnly(producerId, layers) {
  const producer = [...plain.producers.values()].find(({ id }) => id === producerId);
  if (!producer?.rtpSender) return;
  const parameters = producer.rtpSender.getParameters();
  for (const [index, encoding] of parameters.encodings.entries()) encoding.active = layers.includes(index);
  await producer.rtpSender.setParameters(parameters);
}

async function consume(producerId) {
  const transport = plain.recvTransport;
  const parameters = await peer.request("consume", { transportId: transport.id, producerId, paused: true });
  const consumer = await transport.consume(parameters);
  plain.consumers.set(consumer.id, consumer);
  show(consumer.id, new MediaStream([consumer.track]), false);
  await peer.request("resumeConsumer", { consumerId: consumer.id });
}

function removeConsumer(consumerId) {
  plain.consumers.get(consumerId)?.close();
  plain.consumers.delete(consumerId);
  document.getElementById(consumerId)?.remove();
}

function show(id, stream, muted) {
  const video = document.createElement("video");
  Object.assign(video, { id, srcObject: stream, muted, autoplay: true, playsInline: true, width: 320 });
  media.append(video);
}

function setState(state, detail = "") {
  plain.state = state;
  status.textContent = detail ? `${state}: ${detail}` : state;
}
