import { Device, type types } from "mediasoup-client";
import { Dynacast } from "./dynacast.ts";
import { type CallError, requestError, roomClosedError } from "./errors.ts";
import { type PathEvents, PathGuard } from "./ice.ts";
import type { LocalTrack } from "./media.ts";
import type { Joined, TransportParameters } from "./protocol.ts";
import { layersOf, producerOptions } from "./publish.ts";
import { Receiver } from "./receiver.ts";
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

export interface SessionEvents extends PathEvents {
  /** One stream failed; the session goes on. */
  failed(error: CallError): void;
  speaker(participantId: string | undefined): void;
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
  readonly #dynacast = new Map<Source, Dynacast>();
  /** By producer id; the server may speak of one before it has answered that there is one. */
  readonly #wantedLayers = new Map<string, number[]>();
  readonly #receiver: Receiver;
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
    this.#receiver = new Receiver({
      signaling,
      roster,
      canSubscribe: joined.permissions.canSubscribe,
      transportId: async () => (await prepared.recv).id,
      transport: () => this.#transport("recv"),
      failed: (error) => events.failed(error),
    });
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
    if (local.kind === "video" && producer.rtpSender) this.#dynacast.set(local.source, new Dynacast(producer.rtpSender));
    this.#sendWanted(local.source);
    if (local.muted !== options.appData?.["paused"]) this.setMuted(local.source, local.muted);
  }

  unpublish(source: Source): void {
    const producer = this.#producers.get(source);
    if (!producer) return;
    this.#producers.delete(source);
    this.#dynacast.get(source)?.close();
    this.#dynacast.delete(source);
    this.#wantedLayers.delete(producer.id);
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
    return this.#receiver.audioLevels();
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
    for (const dynacast of this.#dynacast.values()) dynacast.close();
    this.#producers.clear();
    this.#receiver.close();
  }

  #begin(): void {
    this.#listen();
    this.#roster.reconcile(this.joined.peers);
    this.#watching = this.#receiver.start(this.joined.peers);
  }

  #listen(): void {
    const signaling = this.#signaling;
    signaling.on("close", (error) => this.#events.lost(error));
    signaling.on("roomClosed", ({ reason }) => this.#events.lost(roomClosedError(reason)));
    signaling.on("activeSpeaker", ({ peerId }) => this.#events.speaker(peerId ?? undefined));
    signaling.on("wantedLayers", ({ producerId, layers }) => {
      this.#wantedLayers.set(producerId, layers);
      for (const source of this.#producers.keys()) this.#sendWanted(source);
    });
  }

  #sendWanted(source: Source): void {
    const layers = this.#wantedLayers.get(this.#producers.get(source)?.id ?? "");
    if (layers) this.#dynacast.get(source)?.want(layers);
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
