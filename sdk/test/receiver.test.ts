import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { types } from "mediasoup-client";
import { Emitter } from "../src/events.ts";
import type { Notifications, RemotePeer, RemoteProducer, Turn } from "../src/protocol.ts";
import { Receiver } from "../src/receiver.ts";
import { Roster } from "../src/roster.ts";
import type { Signaling } from "../src/signaling.ts";
import type { CallEvents, Source } from "../src/types.ts";

before(() => {
  globalThis.MediaStream = class {} as unknown as typeof MediaStream;
});

/** A server that answers everything at once, and a room as its notifications make it. */
class World {
  readonly notifications = new Emitter<Notifications>();
  readonly events = new Emitter<CallEvents>();
  readonly roster = new Roster(this.events);
  readonly asked: string[] = [];
  readonly open = new Map<string, types.Consumer>();
  slotsOffered = true;
  /** Who has which camera slot when they are opened. */
  turns: Turn[] = [];
  /** Before the browser is done with its part. */
  beforeTaking = () => {};
  readonly failures: string[] = [];
  readonly receiver: Receiver;

  constructor() {
    const signaling = {
      on: this.notifications.on.bind(this.notifications),
      request: async (method: string, data: Record<string, string>) => this.#answer(method, data),
    };
    this.receiver = new Receiver({
      signaling: signaling as unknown as Signaling,
      roster: this.roster,
      canSubscribe: true,
      transportId: async () => "t",
      transport: async () =>
        ({ consume: async (options: types.ConsumerOptions) => this.#consume(options) }) as unknown as types.Transport,
      failed: ({ message }) => this.failures.push(message),
    });
  }

  join(...peers: RemotePeer[]): Promise<void> {
    this.roster.reconcile(peers);
    return this.receiver.start(peers);
  }

  /** Who is seen and heard: "a camera", … */
  get received(): string[] {
    return [...this.roster.participants.values()]
      .flatMap(({ id, streams }) => streams.map(({ source }) => `${id} ${source}`))
      .sort();
  }

  #answer(method: string, data: Record<string, string>): unknown {
    this.asked.push(`${method} ${data["producerId"] ?? data["consumerId"] ?? ""}`.trim());
    const rtpParameters = { codecs: [], encodings: [{ ssrc: 1 }] };
    if (method === "consume") {
      const { producerId } = data;
      const kind = producerId!.endsWith("microphone") ? "audio" : "video";
      return { id: `c-${producerId}`, producerId, kind, rtpParameters, producerPaused: false };
    }
    if (method !== "openSlots") return {};
    if (!this.slotsOffered) throw new Error("not here");
    const nobody = { producerId: null, peerId: null, source: null, scalabilityMode: null };
    const slots = [0, 1].map((i) => ({ id: `s${i}`, kind: "video", rtpParameters, ...(this.turns[i] ?? nobody) }));
    return { slots: [...slots, { id: "s2", kind: "audio", rtpParameters, ...nobody }] };
  }

  #consume({ id, kind, rtpParameters }: types.ConsumerOptions): types.Consumer {
    this.beforeTaking();
    const consumer = { id, kind, rtpParameters, track: { of: id }, close: () => this.open.delete(id!) };
    this.open.set(id!, consumer as unknown as types.Consumer);
    return consumer as unknown as types.Consumer;
  }
}

const producer = (peer: string, source: Source): RemoteProducer => ({
  id: `${peer}-${source}`,
  kind: source === "microphone" || source === "screenAudio" ? "audio" : "video",
  source,
  paused: false,
});
const peer = (id: string, ...sources: Source[]): RemotePeer => ({
  id,
  producers: sources.map((source) => producer(id, source)),
});
const crowd = (count: number): RemotePeer[] =>
  Array.from({ length: count }, (_, index) => peer(`p${index}`, "camera", "microphone"));
const turn = (id: string, source: Source): Turn => ({
  peerId: id,
  producerId: `${id}-${source}`,
  source,
  scalabilityMode: "S3T3",
});
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("nine others are received directly", async () => {
  const world = new World();
  await world.join(...crowd(9));
  assert.equal(world.received.length, 18);
  assert.ok(!world.asked.includes("openSlots"));
});

test("in a room that is full already only the slots are taken, and the screens", async () => {
  const world = new World();
  world.turns = [turn("p3", "camera"), turn("p5", "camera")];
  await world.join(...crowd(10), peer("q", "screen"));
  assert.deepEqual(world.received, ["p3 camera", "p5 camera", "q screen"]);
  assert.deepEqual(world.asked.filter((each) => each.startsWith("consume")), ["consume q-screen"]);
});

test("the tenth makes it slots: what came directly ends", async () => {
  const world = new World();
  world.turns = [turn("p3", "camera")];
  await world.join(...crowd(9));
  world.notifications.emit("peerJoined", { id: "late" });
  await settled();
  assert.deepEqual(world.received, ["p3 camera"]);
  assert.equal(world.asked.filter((each) => each.startsWith("closeConsumer")).length, 18);
  assert.deepEqual([...world.open.keys()].sort(), ["s0", "s1", "s2"]);
  world.notifications.emit("producerAdded", { peerId: "late", ...producer("late", "camera") });
  world.notifications.emit("producerAdded", { peerId: "late", ...producer("late", "screen") });
  await settled();
  assert.deepEqual(world.received, ["late screen", "p3 camera"]);
});

test("the track stays when it is another one's turn", async () => {
  const world = new World();
  world.turns = [turn("p3", "camera")];
  await world.join(...crowd(12));
  const [before] = world.roster.participants.get("p3")!.streams;
  world.notifications.emit("slotChanged", { consumerId: "s0", ...turn("p7", "camera") });
  const [after] = world.roster.participants.get("p7")!.streams;
  assert.deepEqual(world.received, ["p7 camera"]);
  assert.equal(after!.track, before!.track);
  world.notifications.emit("slotChanged", {
    consumerId: "s0",
    peerId: null,
    producerId: null,
    source: null,
    scalabilityMode: null,
  });
  assert.deepEqual(world.received, []);
});

test("two who change slots both stay", async () => {
  const world = new World();
  world.turns = [turn("p1", "camera"), turn("p2", "camera")];
  await world.join(...crowd(12));
  world.notifications.emit("slotChanged", { consumerId: "s0", ...turn("p2", "camera") });
  world.notifications.emit("slotChanged", { consumerId: "s1", ...turn("p1", "camera") });
  assert.deepEqual(world.received, ["p1 camera", "p2 camera"]);
});

test("a turn that comes before the slot is ready counts", async () => {
  const world = new World();
  world.turns = [turn("p1", "camera")];
  world.beforeTaking = () => {
    world.beforeTaking = () => {};
    world.notifications.emit("slotChanged", { consumerId: "s0", ...turn("p4", "camera") });
  };
  await world.join(...crowd(12));
  assert.deepEqual(world.received, ["p4 camera"]);
});

test("a server without slots is asked for everything, once", async () => {
  const world = new World();
  world.slotsOffered = false;
  await world.join(...crowd(10));
  await settled();
  assert.equal(world.received.length, 20);
  world.notifications.emit("peerJoined", { id: "late" });
  await settled();
  assert.equal(world.asked.filter((each) => each === "openSlots").length, 1);
  assert.equal(world.failures.length, 1);
});

test("what the server says of a stream reaches it", async () => {
  const world = new World();
  const log: string[] = [];
  world.events.on("stream:layers", ({ layers }) => log.push(`layers ${layers?.spatial} ${layers?.temporal}`));
  world.events.on("stream:quality", ({ quality }) => log.push(`quality ${quality}`));
  await world.join(peer("a", "camera"));
  world.notifications.emit("layersChanged", { consumerId: "c-a-camera", spatialLayer: 1, temporalLayer: 2 });
  world.notifications.emit("layersChanged", { consumerId: "c-a-camera", spatialLayer: null, temporalLayer: null });
  world.notifications.emit("consumerScore", { consumerId: "c-a-camera", score: 7 });
  world.notifications.emit("consumerScore", { consumerId: "unknown", score: 7 });
  assert.deepEqual(log, ["layers 1 2", "layers undefined undefined", "quality 7"]);
  world.receiver.close();
});
