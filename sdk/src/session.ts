import { Device, type types } from "mediasoup-client";
import { type CallError, requestError, roomClosedError } from "./errors.ts";
import { type PathEvents, PathGuard } from "./ice.ts";
import type { LocalTrack } from "./media.ts";
import type { ConsumerParameters, Joined, RemoteProducer, TransportParameters } from "./protocol.ts";
import { layersOf, producerOptions } from "./publish.ts";
import type { Roster } from "./roster.ts";
import { Signaling } from "./signaling.ts";
import type { CallOptions, CallStats, Source } from "./types.ts";

type Direction = "send" | "recv";

type PreparedTransports = Record<Direction, Promise<TransportParameters>>;

/** Asked for before joining, so that the first picture does not wait for another round trip. Of a direction that the
 *  token does not permit, the refusal stays unread. */
function prepareTransports(signaling: Signaling): PreparedTransports {
  const prepare = (direction: Direction) => {
    const parameters = signaling.request("createWebRtcTransport", { direction });
    parameters.catch(() => {});
    return parameters;
  };
  return { recv: prepare("recv"), send: prepare("send") };
}

interface Offered {
  peerId: string;
  source: Source;
  parameters: ConsumerParameters;
  /** Until it is resumed. */
  paused: boolean;
}

interface Received {
  peerId: string;
  consumer: types.Consumer;
}

export interface SessionEvents extends PathEvents {
  /** One stream failed; the session goes on. */
  failed(error: CallError): void;
}

/** One stay in the room over one connection, from join to loss. A call that reconnects begins another one. */
export class Session {
  readonly joined: Joined;
  readonly #signaling: Signaling;
  readonly #prepared: PreparedTransports;
  readonly #device: Device;
  readonly #roster: Roster;
  readonly #options: CallOptions;
  readonly #events: SessionEvents;
  readonly #transports = new Map<Direction, Promise<types.Transport>>();
  readonly #producers = new Map<Source, types.Producer>();
  /** By producer id. */
  readonly #received = new Map<string, Received>();
  /** Producers that are, or are about to be, received. */
  readonly #wanted = new Set<string>();
  /** Resolves when those who were there first are received: who joins wants to see before being seen. */
  #watching = Promise.resolve();
  #closed = false;

  private constructor(
    signaling: Signaling,
    device: Device,
    joined: Joined,
    prepared: PreparedTransports,
    roster: Roster,
    options: CallOptions,
    events: SessionEvents,
  ) {
    this.#signaling = signaling;
    this.#device = device;
    this.joined = joined;
    this.#prepared = prepared;
    this.#roster = roster;
    this.#options = options;
    this.#events = events;
  }

  static async join(
    url: string,
    accessToken: string,
    options: CallOptions,
    roster: Roster,
    events: SessionEvents,
  ): Promise<Session> {
    const signaling = await Signaling.connect(url, accessToken);
    try {
      const prepared = prepareTransports(signaling);
      const routerRtpCapabilities = await signaling.request("getRouterRtpCapabilities", {});
      const device = await Device.factory();
      await device.load({ routerRtpCapabilities });
      const joined = await signaling.request("join", {
        rtpCapabilities: device.recvRtpCapabilities,
        ...(options.displayName ? { displayName: options.displayName } : {}),
      });
      const session = new Session(signaling, device, joined, prepared, roster, options, events);
      session.#begin();
      return session;
    } catch (error) {
      signaling.close();
      throw requestError("join", error);
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Sends a local track, or does nothing when it is sent already or may not be. */
  async publish(local: LocalTrack): Promise<void> {
    if (this.#closed || !this.joined.permissions.canPublish || this.#producers.has(local.source)) return;
    await this.#watching;
    if (this.#closed) return;
    const transport = await this.#transport("send");
    const options = await producerOptions(local, this.#device, this.#options.codec);
    const producer = await transport.produce(options);
    this.#producers.set(local.source, producer);
    if (local.muted !== options.appData?.["paused"]) this.setMuted(local.source, local.muted);
  }

  unpublish(source: Source): void {
    const producer = this.#producers.get(source);
    if (!producer) return;
    this.#producers.delete(source);
    producer.close();
    this.#tell("closeProducer", { producerId: producer.id });
  }

  setMuted(source: Source, muted: boolean): void {
    const producer = this.#producers.get(source);
    if (!producer) return;
    if (muted) producer.pause();
    else producer.resume();
    this.#tell(muted ? "pauseProducer" : "resumeProducer", { producerId: producer.id });
  }

  async replaceTrack(local: LocalTrack): Promise<void> {
    const producer = this.#producers.get(local.source);
    if (!producer) return;
    if (producer.appData["layers"] === layersOf(local)) return producer.replaceTrack({ track: local.track });
    this.unpublish(local.source);
    await this.publish(local);
  }

  async getStats(): Promise<CallStats> {
    const read = async (direction: Direction): Promise<RTCStats[]> => {
      const report = await (await this.#transports.get(direction))?.getStats();
      return report ? [...(report as unknown as Map<string, RTCStats>).values()] : [];
    };
    const [send, recv] = await Promise.all([read("send"), read("recv")]);
    return { send, recv };
  }

  /** Loudness 0…1 of each participant whose microphone was heard lately. */
  audioLevels(): Map<string, number> {
    const levels = new Map<string, number>();
    for (const { peerId, consumer } of this.#received.values()) {
      if (consumer.kind !== "audio") continue;
      const level = consumer.rtpReceiver?.getSynchronizationSources()[0]?.audioLevel ?? 0;
      levels.set(peerId, Math.max(level, levels.get(peerId) ?? 0));
    }
    return levels;
  }

  /** Leaves the room for good. */
  leave(): void {
    this.#tell("leave", {});
    this.close();
  }

  /** Frees everything; local tracks and the roster stay with the call. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#signaling.close();
    for (const transport of this.#transports.values()) transport.then((it) => it.close()).catch(() => {});
    this.#producers.clear();
    this.#received.clear();
  }

  #begin(): void {
    this.#listen();
    this.#roster.reconcile(this.joined.peers);
    const there = this.joined.peers.flatMap(({ id, producers }) =>
      (producers ?? []).map((producer): [string, RemoteProducer] => [id, producer]),
    );
    const asked = there.map(([peerId, producer]) => this.#ask(peerId, producer, false));
    // Taken together they are one negotiation, and nothing flows before it is done: so they need not start paused.
    this.#watching = Promise.all(asked).then(async (offered) => {
      await Promise.all(offered.map((each) => each && this.#take(each)));
    });
  }

  #listen(): void {
    const roster = this.#roster;
    const signaling = this.#signaling;
    signaling.on("close", (error) => this.#events.lost(error));
    signaling.on("roomClosed", ({ reason }) => this.#events.lost(roomClosedError(reason)));
    signaling.on("peerJoined", (peer) => {
      roster.join(peer);
      for (const producer of peer.producers ?? []) void this.#consume(peer.id, producer);
    });
    signaling.on("peerLeft", ({ id }) => {
      for (const producerId of roster.producersOf(id)) this.#drop(producerId);
      roster.leave(id);
    });
    signaling.on("producerAdded", ({ peerId, ...producer }) => {
      roster.announce(peerId, producer);
      void this.#consume(peerId, producer);
    });
    signaling.on("producerPaused", ({ peerId, id }) => roster.setPaused(peerId, id, true));
    signaling.on("producerResumed", ({ peerId, id }) => roster.setPaused(peerId, id, false));
    signaling.on("producerClosed", ({ peerId, id }) => {
      this.#drop(id);
      roster.unannounce(peerId, id);
    });
    signaling.on("consumerClosed", ({ consumerId }) => {
      for (const [producerId, { peerId, consumer }] of this.#received) {
        if (consumer.id !== consumerId) continue;
        this.#drop(producerId);
        roster.removeStream(peerId, producerId);
      }
    });
  }

  async #consume(peerId: string, producer: RemoteProducer): Promise<void> {
    const offered = await this.#ask(peerId, producer, true);
    if (offered) await this.#take(offered);
  }

  /** Asks the server for a stream; undefined when it is not to be had, or wanted already. */
  async #ask(peerId: string, { id: producerId, source }: RemoteProducer, paused: boolean): Promise<Offered | undefined> {
    if (!this.joined.permissions.canSubscribe || this.#wanted.has(producerId)) return undefined;
    this.#wanted.add(producerId);
    try {
      const { id: transportId } = await this.#prepared.recv;
      const parameters = await this.#signaling.request("consume", { transportId, producerId, paused });
      this.#roster.setPaused(peerId, producerId, parameters.producerPaused);
      return { peerId, source, parameters, paused };
    } catch (error) {
      this.#missed(producerId, error);
      return undefined;
    }
  }

  async #take({ peerId, source, parameters, paused }: Offered): Promise<void> {
    const { id, producerId, kind, rtpParameters } = parameters;
    try {
      const transport = await this.#transport("recv");
      // Tracks of one stream id are played in step: lips with voice, a screen with its sound.
      const streamId = `${peerId}-${source.startsWith("screen") ? "screen" : "person"}`;
      const consumer = await transport.consume({ id, producerId, kind, rtpParameters, streamId });
      if (this.#closed || !this.#wanted.has(producerId)) return consumer.close();
      this.#received.set(producerId, { peerId, consumer });
      this.#roster.addStream(peerId, producerId, consumer.track);
      if (paused) await this.#signaling.request("resumeConsumer", { consumerId: id });
    } catch (error) {
      this.#missed(producerId, error);
    }
  }

  /** What has gone meanwhile is not missed. */
  #missed(producerId: string, error: unknown): void {
    if (!this.#closed && this.#wanted.has(producerId)) this.#events.failed(requestError("consume", error));
  }

  #drop(producerId: string): void {
    this.#wanted.delete(producerId);
    this.#received.get(producerId)?.consumer.close();
    this.#received.delete(producerId);
  }

  #transport(direction: Direction): Promise<types.Transport> {
    let transport = this.#transports.get(direction);
    if (!transport) this.#transports.set(direction, (transport = this.#createTransport(direction)));
    return transport;
  }

  async #createTransport(direction: Direction): Promise<types.Transport> {
    const signaling = this.#signaling;
    const parameters = await this.#prepared[direction];
    const options = { ...parameters, iceServers: this.#options.iceServers ?? [] };
    const transport =
      direction === "send" ? this.#device.createSendTransport(options) : this.#device.createRecvTransport(options);
    const transportId = transport.id;
    transport.on("connect", ({ dtlsParameters }, done, failed) => {
      signaling.request("connectWebRtcTransport", { transportId, dtlsParameters }).then(done, failed);
    });
    transport.on("produce", ({ kind, rtpParameters, appData }, done, failed) => {
      const source = appData["source"] as Source;
      const paused = appData["paused"] === true;
      signaling.request("produce", { transportId, kind, rtpParameters, source, paused }).then(done, failed);
    });
    new PathGuard(transport, signaling, this.#events);
    if (this.#closed) transport.close();
    return transport;
  }

  /** For what needs no answer: when it gets lost, so does the session, and the next one tells anew. */
  #tell(method: "closeProducer" | "pauseProducer" | "resumeProducer", data: { producerId: string }): void;
  #tell(method: "leave", data: Record<string, never>): void;
  #tell(method: "closeProducer" | "pauseProducer" | "resumeProducer" | "leave", data: never): void {
    this.#signaling.request(method, data).catch(() => {});
  }
}
