import { backoffDelay, pause } from "./backoff.ts";
import { CallError, deviceError, isFinal } from "./errors.ts";
import { Emitter } from "./events.ts";
import { LocalTrack, openScreen, openTrack } from "./media.ts";
import { Roster, RosterStream } from "./roster.ts";
import { Session } from "./session.ts";
import type {
  CallEvents,
  CallOptions,
  CallStats,
  ConnectionState,
  Device,
  LocalStream,
  MediaInput,
  MediaOptions,
  Participant,
  Permissions,
  RemoteStream,
  Room,
  Source,
} from "./types.ts";
import { Viewer } from "./viewer.ts";

const RECONNECT_ATTEMPTS = 10;
/** A session that held this long was a good one, and its loss starts counting anew. One whose media never got
 *  through takes half a minute to say so, which must not pass for stable. */
const STABLE_MS_MIN = 10_000;
const STABLE_MEDIA_MS_MIN = 60_000;

/** A call in one room. Made once, joined once with `create`, ended by `destroy`, the server, or too long an outage. */
export class WebRTC {
  readonly #options: CallOptions;
  readonly #events = new Emitter<CallEvents>();
  readonly #roster = new Roster(this.#events);
  readonly #local = new Map<Source, LocalTrack>();
  /** Changes of one source follow each other. */
  readonly #lanes = new Map<Source, Promise<unknown>>();
  readonly #ended = new AbortController();
  #accessToken = "";
  #session: Session | undefined;
  #sessionBegan = 0;
  #attempt = 0;
  /** Transports whose path is broken just now. */
  #broken = 0;
  #connection: ConnectionState = "new";
  #speaker: string | undefined;
  #viewer: Viewer | undefined;

  constructor(options: CallOptions = {}) {
    this.#options = options;
  }

  get connection(): ConnectionState {
    return this.#connection;
  }

  /** The others, by id. */
  get participants(): ReadonlyMap<string, Participant> {
    return this.#roster.participants;
  }

  /** What this participant sends, by source. */
  get local(): ReadonlyMap<Source, LocalStream> {
    return this.#local;
  }

  get participantId(): string | undefined {
    return this.#session?.joined.participantId;
  }

  /** Who speaks, by id; that may be this participant. */
  get speaker(): string | undefined {
    return this.#speaker;
  }

  get room(): Room | undefined {
    return this.#session?.joined.room;
  }

  get permissions(): Permissions | undefined {
    return this.#session?.joined.permissions;
  }

  /** Calls `listener` at each event `name`; returns the function that stops it. */
  on<Name extends keyof CallEvents>(name: Name, listener: (...args: CallEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  once<Name extends keyof CallEvents>(name: Name, listener: (...args: CallEvents[Name]) => void): () => void {
    return this.#events.once(name, listener);
  }

  off<Name extends keyof CallEvents>(name: Name, listener: (...args: CallEvents[Name]) => void): void {
    this.#events.off(name, listener);
  }

  /** Joins the room of the token and sends what `media` asks for (default: microphone and camera). Rejects with a
   *  `CallError` when the room cannot be joined. A device that cannot be opened is an `error` event, not a failure. */
  async create(accessToken: string, media: MediaOptions = { audio: true, video: true }): Promise<void> {
    if (this.#connection !== "new") throw new CallError(0, "InvalidState", "A call can be created only once.");
    this.#accessToken = accessToken;
    this.#setConnection("connecting");
    const devices = Promise.all([
      this.#enableQuietly("microphone", media.audio),
      this.#enableQuietly("camera", media.video),
    ]);
    try {
      await this.#join();
    } catch (error) {
      this.#finish(error as CallError);
      throw error;
    }
    await devices;
  }

  /** Opens a device and sends it. For "screen" the browser asks what to share, unless `input` is a stream. */
  enable(device: "screen", input?: DisplayMediaStreamOptions | MediaStream): Promise<void>;
  enable(device: "microphone" | "camera", input?: MediaInput): Promise<void>;
  async enable(device: Device, input?: MediaInput | DisplayMediaStreamOptions | MediaStream): Promise<void> {
    await this.#inLane(device, async () => {
      const tracks = await (device === "screen"
        ? input instanceof MediaStream
          ? input.getTracks()
          : openScreen(input as DisplayMediaStreamOptions | undefined)
        : [await openTrack(device, (input as MediaInput | undefined) ?? true)]);
      if (this.#ended.signal.aborted) {
        for (const track of tracks) track.stop();
        throw this.#ended.signal.reason;
      }
      for (const track of tracks) {
        const source = device === "screen" && track.kind === "audio" ? "screenAudio" : device;
        await this.#send(source, track);
      }
    });
  }

  /** Stops sending and releases the device. */
  async disable(device: Device): Promise<void> {
    await this.#inLane(device, async () => {
      for (const source of sourcesOf(device)) this.#remove(source);
    });
  }

  /** Sends nothing for now, but keeps the device. */
  mute(device: Device): void {
    this.#setMuted(device, true);
  }

  unmute(device: Device): void {
    this.#setMuted(device, false);
  }

  /** Changes to another camera or microphone, given a `deviceId` of `devices()`. */
  async useDevice(device: "microphone" | "camera", deviceId: string): Promise<void> {
    const local = this.#local.get(device);
    const constraints = { deviceId: { exact: deviceId } };
    if (!local) return this.enable(device, constraints);
    await this.#inLane(device, async () => {
      const track = await openTrack(device, constraints);
      if (this.#local.get(device) !== local) return track.stop();
      local.replace(track);
      await this.#session?.replaceTrack(local);
      this.#tellStatus(local.source);
    });
  }

  /** Ends the call. `stopTracks: false` leaves the local tracks running for the app. */
  destroy(stopTracks = true): void {
    if (this.#connection === "disconnected") return;
    this.#session?.leave();
    this.#finish(undefined, stopTracks);
  }

  /** Shows a stream in an element. Of a video the server then sends what the element has the size for, and nothing while
   *  it cannot be seen. Returns the function that takes it out again. */
  show(stream: RemoteStream | LocalStream, element: HTMLMediaElement): () => void {
    if (element.srcObject !== stream.stream) element.srcObject = stream.stream;
    const video = element instanceof HTMLVideoElement && stream instanceof RosterStream && stream.reception;
    if (video) {
      this.#viewer ??= new Viewer();
      this.#viewer.add(element, video);
    }
    return () => {
      if (element.srcObject !== stream.stream) return;
      element.srcObject = null;
      if (video) this.#viewer?.remove(element);
    };
  }

  /** WebRTC statistics of the sending and the receiving transport. */
  async getStats(): Promise<CallStats> {
    return (await this.#session?.getStats()) ?? { send: [], recv: [] };
  }

  /** Loudness 0…1 by participant id, of those whose microphone is heard. Cheap enough for several reads a second. */
  audioLevels(): Map<string, number> {
    return this.#session?.audioLevels() ?? new Map<string, number>();
  }

  async #join(): Promise<void> {
    const session = await Session.join(
      this.#options.url ?? defaultUrl(),
      this.#accessToken,
      this.#options,
      this.#roster,
      {
        interrupted: () => this.#onPath(1),
        restored: () => this.#onPath(-1),
        lost: (error) => this.#onLost(error),
        failed: (error) => this.#events.emit("error", error),
        speaker: (participantId) => this.#onSpeaker(participantId),
      },
    );
    if (this.#ended.signal.aborted) {
      session.leave();
      throw this.#ended.signal.reason;
    }
    this.#session = session;
    this.#sessionBegan = Date.now();
    this.#broken = 0;
    this.#setConnection("connected");
    for (const source of this.#local.keys()) {
      void this.#inLane(source, () => this.#publish(source)).catch(() => {});
    }
  }

  #onSpeaker(participantId: string | undefined): void {
    this.#speaker = participantId;
    this.#events.emit("speaker", participantId);
  }

  #onPath(change: number): void {
    this.#broken += change;
    if (this.#session) this.#setConnection(this.#broken > 0 ? "reconnecting" : "connected");
  }

  #onLost(error: CallError): void {
    const session = this.#session;
    if (!session) return;
    this.#session = undefined;
    session.close();
    if (this.#speaker) this.#onSpeaker(undefined);
    if (isFinal(error)) return this.#finish(error);
    const stable = error.name === "MediaPathLost" ? STABLE_MEDIA_MS_MIN : STABLE_MS_MIN;
    if (Date.now() - this.#sessionBegan > stable) this.#attempt = 0;
    this.#setConnection("reconnecting");
    void this.#reconnect(error);
  }

  async #reconnect(cause: CallError): Promise<void> {
    const { signal } = this.#ended;
    let error = cause;
    const attempts = this.#options.reconnectAttempts ?? RECONNECT_ATTEMPTS;
    try {
      while (this.#attempt < attempts) {
        await pause(backoffDelay(this.#attempt++), signal);
        try {
          return await this.#join();
        } catch (failure) {
          signal.throwIfAborted();
          error = failure as CallError;
          if (isFinal(error)) break;
        }
      }
    } catch {
      return; // destroyed meanwhile
    }
    this.#finish(error);
  }

  #finish(error?: CallError, stopTracks = true): void {
    if (this.#connection === "disconnected") return;
    this.#ended.abort(new CallError(0, "Destroyed", "The call has ended."));
    this.#session?.close();
    this.#session = undefined;
    for (const local of this.#local.values()) local.release(stopTracks);
    this.#local.clear();
    this.#roster.clear();
    this.#viewer?.close();
    if (error) this.#events.emit("error", error);
    this.#setConnection("disconnected");
    this.#events.emit("disconnected", error ? { reason: error.message, error } : { reason: "left" });
    this.#events.clear();
  }

  async #enableQuietly(device: "microphone" | "camera", input: MediaInput | undefined): Promise<void> {
    if (!input) return;
    await this.enable(device, input).catch((error: unknown) => {
      this.#events.emit("error", deviceError(device, error));
    });
  }

  async #send(source: Source, track: MediaStreamTrack): Promise<void> {
    const existing = this.#local.get(source);
    if (existing) {
      existing.replace(track);
      await this.#session?.replaceTrack(existing);
    } else {
      this.#local.set(source, new LocalTrack(source, track, () => this.#onTrackEnded(source)));
    }
    this.#tellStatus(source);
    await this.#publish(source);
  }

  async #publish(source: Source): Promise<void> {
    const session = this.#session;
    const local = this.#local.get(source);
    if (!session || !local) return;
    try {
      await session.publish(local);
    } catch (error) {
      // Lost sessions are followed by one that publishes again.
      if (!session.closed) this.#events.emit("error", deviceError(source, error));
    }
  }

  #remove(source: Source): void {
    const local = this.#local.get(source);
    if (!local) return;
    this.#local.delete(source);
    local.release(true);
    this.#session?.unpublish(source);
    this.#tellStatus(source);
  }

  #setMuted(device: Device, muted: boolean): void {
    for (const source of sourcesOf(device)) {
      const local = this.#local.get(source);
      if (!local || local.muted === muted) continue;
      local.setMuted(muted);
      this.#session?.setMuted(source, muted);
      this.#tellStatus(source);
    }
  }

  /** The device was unplugged, or the browser's own "Stop sharing" was pressed. */
  #onTrackEnded(source: Source): void {
    if (source === "screenAudio") return this.#remove(source);
    void this.disable(source);
    if (source === "screen") return;
    this.#events.emit("error", new CallError(0, "DeviceLost", `The ${source} has stopped working.`));
  }

  #tellStatus(source: Source): void {
    const local = this.#local.get(source);
    this.#events.emit("media-status", { source, state: local ? (local.muted ? "muted" : "live") : "off", local });
  }

  #setConnection(state: ConnectionState): void {
    if (this.#connection === state || this.#connection === "disconnected") return;
    this.#connection = state;
    this.#events.emit("connection", state);
  }

  #inLane<T>(source: Source, work: () => Promise<T>): Promise<T> {
    // A screen and its sound are changed together.
    const lane = source === "screenAudio" ? "screen" : source;
    const turn = (this.#lanes.get(lane) ?? Promise.resolve()).then(work);
    this.#lanes.set(
      lane,
      turn.catch(() => {}),
    );
    return turn;
  }
}

function sourcesOf(device: Device): Source[] {
  return device === "screen" ? ["screen", "screenAudio"] : [device];
}

function defaultUrl(): string {
  return `${location.protocol === "http:" ? "ws" : "wss"}://${location.host}/vpaas/signaling`;
}
