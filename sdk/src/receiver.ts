import type { types } from "mediasoup-client";
import { type CallError, requestError } from "./errors.ts";
import { waitForRepairs } from "./patience.ts";
import type { ConsumerParameters, RemotePeer, RemoteProducer, SlotParameters, Turn } from "./protocol.ts";
import { Reception } from "./reception.ts";
import type { Roster } from "./roster.ts";
import type { Signaling } from "./signaling.ts";
import type { Source } from "./types.ts";

/** Of more others than this, only the most active are received, taking turns in a few slots. */
const DIRECT_OTHERS_MAX = 9;
/** Three who speak at once are enough for any ear, nine faces for any eye. */
const SLOTS = { audio: 3, video: 9 };

export interface ReceiverContext {
  signaling: Signaling;
  roster: Roster;
  canSubscribe: boolean;
  /** Known before there is a transport. */
  transportId(): Promise<string>;
  transport(): Promise<types.Transport>;
  /** One stream failed; the others go on. */
  failed(error: CallError): void;
}

interface Offered {
  peerId: string;
  source: Source;
  parameters: ConsumerParameters;
  /** Until it is resumed. */
  paused: boolean;
}

interface Received {
  consumer: types.Consumer;
  /** Of video. */
  reception: Reception | undefined;
  slot: boolean;
  /** Whose stream it is; of a slot, whose turn it is. */
  peerId: string | null;
  producerId: string | null;
  source: Source | null;
}

const takesTurns = (source: Source | null) => source === "microphone" || source === "camera";

/** Receives what the others send: each stream by itself, or in a crowded room those of the most active by turns. */
export class Receiver {
  readonly #context: ReceiverContext;
  /** By consumer id. */
  readonly #received = new Map<string, Received>();
  /** Producers that are, or are about to be, received directly. */
  readonly #wanted = new Set<string>();
  readonly #turns = new Map<string, Turn>();
  #slots: "closed" | "open" | "refused" = "closed";
  #closed = false;

  constructor(context: ReceiverContext) {
    this.#context = context;
    this.#listen(context.signaling);
  }

  /** Asks for all that is there. Taken together it is one negotiation, and nothing flows before it is done: so it need
   *  not start paused. */
  async start(peers: RemotePeer[]): Promise<void> {
    const slots = this.#crowded() ? this.#useSlots(false) : undefined;
    const there = peers.flatMap(({ id, producers }) =>
      (producers ?? []).map((producer): [string, RemoteProducer] => [id, producer]),
    );
    const offered = await Promise.all(there.map(([peerId, producer]) => this.#ask(peerId, producer, false)));
    await Promise.all([slots, ...offered.map((each) => each && this.#take(each))]);
  }

  /** Loudness 0…1 of each participant whose microphone was heard lately. */
  audioLevels(): Map<string, number> {
    const levels = new Map<string, number>();
    for (const { peerId, consumer } of this.#received.values()) {
      if (consumer.kind !== "audio" || !peerId) continue;
      const level = consumer.rtpReceiver?.getSynchronizationSources()[0]?.audioLevel ?? 0;
      levels.set(peerId, Math.max(level, levels.get(peerId) ?? 0));
    }
    return levels;
  }

  close(): void {
    this.#closed = true;
    for (const { reception } of this.#received.values()) reception?.close();
    this.#received.clear();
  }

  #listen(signaling: Signaling): void {
    const { roster } = this.#context;
    signaling.on("peerJoined", (peer) => {
      roster.join(peer);
      if (this.#crowded()) void this.#useSlots(true);
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
      const received = this.#received.get(consumerId);
      if (received) this.#end(received);
    });
    signaling.on("layersChanged", ({ consumerId, spatialLayer, temporalLayer }) => {
      const received = this.#received.get(consumerId);
      const temporal = temporalLayer === null ? {} : { temporal: temporalLayer };
      received?.reception?.onLayers(spatialLayer === null ? undefined : { spatial: spatialLayer, ...temporal });
      this.#tellStream("stream:layers", received);
    });
    signaling.on("consumerScore", ({ consumerId, score }) => {
      const received = this.#received.get(consumerId);
      if (received?.reception) received.reception.quality = score;
      this.#tellStream("stream:quality", received);
    });
    signaling.on("slotChanged", ({ consumerId, ...turn }) => {
      this.#turns.set(consumerId, turn);
      const received = this.#received.get(consumerId);
      if (received) this.#give(received, turn);
    });
  }

  async #consume(peerId: string, producer: RemoteProducer): Promise<void> {
    const offered = await this.#ask(peerId, producer, true);
    if (offered) await this.#take(offered);
  }

  /** Asks the server for a stream; undefined when it is not to be had, wanted already, or takes turns in slots. */
  async #ask(peerId: string, { id: producerId, source }: RemoteProducer, paused: boolean): Promise<Offered | undefined> {
    const { signaling, roster, canSubscribe, transportId } = this.#context;
    if (!canSubscribe || this.#wanted.has(producerId) || (this.#slots === "open" && takesTurns(source))) return undefined;
    this.#wanted.add(producerId);
    try {
      const parameters = await signaling.request("consume", { transportId: await transportId(), producerId, paused });
      roster.setPaused(peerId, producerId, parameters.producerPaused);
      return { peerId, source, parameters, paused };
    } catch (error) {
      this.#missed(producerId, error);
      return undefined;
    }
  }

  async #take({ peerId, source, parameters, paused }: Offered): Promise<void> {
    const { id, producerId, kind, rtpParameters } = parameters;
    try {
      const transport = await this.#context.transport();
      // Tracks of one stream id are played in step: lips with voice, a screen with its sound.
      const streamId = `${peerId}-${source.startsWith("screen") ? "screen" : "person"}`;
      const consumer = await transport.consume({ id, producerId, kind, rtpParameters, streamId });
      if (this.#closed || !this.#wanted.has(producerId)) return this.#refuse(consumer);
      const reception = this.#reception(consumer, paused);
      this.#received.set(id, { consumer, reception, slot: false, peerId, producerId, source });
      this.#context.roster.addStream(peerId, producerId, consumer.track, reception);
      this.#begin(consumer, reception, paused);
    } catch (error) {
      this.#missed(producerId, error);
    }
  }

  /** What has gone meanwhile is not missed. */
  #missed(producerId: string, error: unknown): void {
    if (!this.#closed && this.#wanted.has(producerId)) this.#context.failed(requestError("consume", error));
  }

  /** Slots are needed, and have not been asked for. */
  #crowded(): boolean {
    const { canSubscribe, roster } = this.#context;
    return canSubscribe && this.#slots === "closed" && roster.participants.size > DIRECT_OTHERS_MAX;
  }

  /** From now on microphones and cameras come by turns: what came of them directly ends. */
  async #useSlots(paused: boolean): Promise<void> {
    const { signaling, roster, transportId } = this.#context;
    this.#slots = "open";
    try {
      const request = { transportId: await transportId(), ...SLOTS, follow: true, paused };
      const { slots } = await signaling.request("openSlots", request);
      await Promise.all(slots.map((slot) => this.#takeSlot(slot, paused)));
    } catch (error) {
      this.#slots = "refused";
      if (!this.#closed) this.#context.failed(requestError("openSlots", error));
      for (const { id, producers } of roster.participants.values()) {
        for (const producer of producers.values()) void this.#consume(id, producer);
      }
      return;
    }
    for (const received of [...this.#received.values()]) {
      const { slot, source, producerId, consumer } = received;
      if (slot || !takesTurns(source) || !producerId) continue;
      this.#wanted.delete(producerId);
      this.#end(received);
      this.#refuse(consumer);
    }
    // Those still being asked for are refused when they come.
    for (const { producers } of roster.participants.values()) {
      for (const { id, source } of producers.values()) if (takesTurns(source)) this.#wanted.delete(id);
    }
  }

  async #takeSlot(slot: SlotParameters, paused: boolean): Promise<void> {
    const { id, kind, rtpParameters } = slot;
    const transport = await this.#context.transport();
    const consumer = await transport.consume({ id, producerId: id, kind, rtpParameters, streamId: `slot-${id}` });
    if (this.#closed) return consumer.close();
    const reception = this.#reception(consumer, paused);
    const received: Received = { consumer, reception, slot: true, peerId: null, producerId: null, source: null };
    this.#received.set(id, received);
    this.#give(received, this.#turns.get(id) ?? slot);
    this.#begin(consumer, reception, paused);
  }

  /** Another one's turn: the track stays, and is now theirs. */
  #give(received: Received, { peerId, producerId, source, scalabilityMode }: Turn): void {
    if (received.producerId === producerId) return;
    const { roster } = this.#context;
    const { track } = received.consumer;
    received.reception?.turn(scalabilityMode);
    if (received.peerId && received.producerId) roster.removeStream(received.peerId, received.producerId, track);
    Object.assign(received, { peerId, producerId, source });
    if (peerId && producerId) roster.addStream(peerId, producerId, track, received.reception);
  }

  #reception({ id: consumerId, kind, rtpParameters }: types.Consumer, paused: boolean): Reception | undefined {
    if (kind !== "video") return undefined;
    const { signaling } = this.#context;
    const requests = {
      pause: () => signaling.request("pauseConsumer", { consumerId }),
      resume: () => signaling.request("resumeConsumer", { consumerId }),
      prefer: ({ spatial, temporal }: { spatial: number; temporal?: number }) =>
        signaling.request("setConsumerPreferredLayers", {
          consumerId,
          spatialLayer: spatial,
          ...(temporal === undefined ? {} : { temporalLayer: temporal }),
        }),
    };
    return new Reception(requests, rtpParameters.encodings?.[0]?.scalabilityMode, paused);
  }

  #begin(consumer: types.Consumer, reception: Reception | undefined, paused: boolean): void {
    const { id: consumerId, kind, rtpReceiver } = consumer;
    if (kind === "video" && rtpReceiver) consumer.observer.once("close", waitForRepairs(rtpReceiver));
    if (reception) reception.begin();
    else if (paused) this.#context.signaling.request("resumeConsumer", { consumerId }).catch(() => {});
  }

  #tellStream(event: "stream:layers" | "stream:quality", received: Received | undefined): void {
    if (received?.peerId && received.producerId) {
      this.#context.roster.tell(event, received.peerId, received.producerId);
    }
  }

  /** Its producer is gone, and on the server its consumers with it. */
  #drop(producerId: string): void {
    this.#wanted.delete(producerId);
    for (const received of [...this.#received.values()]) {
      if (received.producerId === producerId && !received.slot) this.#end(received);
    }
  }

  #end({ consumer, reception, peerId, producerId }: Received): void {
    this.#received.delete(consumer.id);
    reception?.close();
    const { track } = consumer;
    consumer.close();
    if (peerId && producerId) this.#context.roster.removeStream(peerId, producerId, track);
  }

  #refuse(consumer: types.Consumer): void {
    consumer.close();
    if (!this.#closed) this.#context.signaling.request("closeConsumer", { consumerId: consumer.id }).catch(() => {});
  }
}
