import type { Emitter } from "./events.ts";
import type { RemotePeer, RemoteProducer } from "./protocol.ts";
import type { Reception } from "./reception.ts";
import type { CallEvents, Kind, Layers, Participant, RemoteStream, Source } from "./types.ts";

export class RosterStream implements RemoteStream {
  readonly participantId: string;
  readonly source: Source;
  readonly kind: Kind;
  readonly track: MediaStreamTrack;
  readonly stream: MediaStream;
  paused: boolean;
  /** Of video: how it is received. */
  readonly reception: Reception | undefined;

  constructor(
    participantId: string,
    producer: RemoteProducer,
    track: MediaStreamTrack,
    reception: Reception | undefined,
  ) {
    this.participantId = participantId;
    this.source = producer.source;
    this.kind = producer.kind;
    this.track = track;
    this.stream = new MediaStream([track]);
    this.paused = producer.paused;
    this.reception = reception;
  }

  get layers(): Layers | undefined {
    return this.reception?.current;
  }

  get quality(): number {
    return this.reception?.quality ?? 10;
  }

  prefer(layers?: Layers): void {
    this.reception?.prefer(layers);
  }
}

class RosterParticipant implements Participant {
  readonly id: string;
  readonly displayName: string;
  /** What they announced, whether or not it is received yet. */
  readonly producers = new Map<string, RemoteProducer>();
  readonly received = new Map<string, RosterStream>();

  constructor(peer: RemotePeer) {
    this.id = peer.id;
    this.displayName = peer.displayName || "Guest";
  }

  get streams(): readonly RemoteStream[] {
    return [...this.received.values()];
  }

  get sends(): ReadonlySet<Source> {
    return new Set([...this.producers.values()].filter(({ paused }) => !paused).map(({ source }) => source));
  }
}

/** Who else is in the room and what they send: turns what the server says into the call's events. */
export class Roster {
  readonly participants = new Map<string, RosterParticipant>();
  readonly #events: Emitter<CallEvents>;

  constructor(events: Emitter<CallEvents>) {
    this.#events = events;
  }

  /** Takes over the list of a fresh join. Whoever was here before and still is, keeps their tile. */
  reconcile(peers: RemotePeer[]): void {
    const present = new Set(peers.map(({ id }) => id));
    for (const id of [...this.participants.keys()]) if (!present.has(id)) this.leave(id);
    for (const peer of peers) {
      const participant = this.participants.get(peer.id);
      if (!participant) {
        this.join(peer);
        continue;
      }
      const producers = new Set(peer.producers?.map(({ id }) => id));
      for (const id of [...participant.producers.keys()]) if (!producers.has(id)) this.unannounce(peer.id, id);
      for (const producer of peer.producers ?? []) this.announce(peer.id, producer);
    }
  }

  join(peer: RemotePeer): void {
    let participant = this.participants.get(peer.id);
    if (!participant) {
      participant = new RosterParticipant(peer);
      this.participants.set(peer.id, participant);
      this.#events.emit("participant:joined", participant);
    }
    for (const producer of peer.producers ?? []) this.announce(peer.id, producer);
  }

  leave(id: string): void {
    const participant = this.participants.get(id);
    if (!participant) return;
    for (const producerId of [...participant.received.keys()]) this.removeStream(id, producerId);
    this.participants.delete(id);
    this.#events.emit("participant:left", participant);
  }

  announce(participantId: string, { id, kind, source, paused }: RemoteProducer): void {
    const participant = this.participants.get(participantId);
    if (!participant) return;
    participant.producers.set(id, { id, kind, source, paused });
    this.#events.emit("participant:updated", participant);
  }

  unannounce(participantId: string, producerId: string): void {
    this.removeStream(participantId, producerId);
    const participant = this.participants.get(participantId);
    if (participant?.producers.delete(producerId)) this.#events.emit("participant:updated", participant);
  }

  producersOf(participantId: string): string[] {
    return [...(this.participants.get(participantId)?.producers.keys() ?? [])];
  }

  /** A track arrived for an announced producer; after a reconnection it takes the place of the old one. */
  addStream(participantId: string, producerId: string, track: MediaStreamTrack, reception?: Reception): void {
    const participant = this.participants.get(participantId);
    const producer = participant?.producers.get(producerId);
    if (!participant || !producer) return;
    this.removeStream(participantId, producerId);
    const stream = new RosterStream(participantId, producer, track, reception);
    participant.received.set(producerId, stream);
    this.#events.emit("stream:added", stream);
  }

  /** `track`: unless another one has taken its place. */
  removeStream(participantId: string, producerId: string, track?: MediaStreamTrack): void {
    const participant = this.participants.get(participantId);
    const stream = participant?.received.get(producerId);
    if (!stream || (track && stream.track !== track)) return;
    participant!.received.delete(producerId);
    this.#events.emit("stream:removed", stream);
  }

  /** The server said something of how a stream is received. */
  tell(event: "stream:layers" | "stream:quality", participantId: string, producerId: string): void {
    const stream = this.participants.get(participantId)?.received.get(producerId);
    if (stream) this.#events.emit(event, stream);
  }

  setPaused(participantId: string, producerId: string, paused: boolean): void {
    const participant = this.participants.get(participantId);
    const producer = participant?.producers.get(producerId);
    if (participant && producer && producer.paused !== paused) {
      producer.paused = paused;
      this.#events.emit("participant:updated", participant);
    }
    const stream = participant?.received.get(producerId);
    if (!stream || stream.paused === paused) return;
    stream.paused = paused;
    this.#events.emit("stream:updated", stream);
  }

  clear(): void {
    for (const id of [...this.participants.keys()]) this.leave(id);
  }
}
