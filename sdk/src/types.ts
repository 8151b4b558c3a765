import type { CallError } from "./errors.ts";

export type Kind = "audio" | "video";
export type Source = "microphone" | "camera" | "screen" | "screenAudio";
/** What a caller switches on and off; a shared screen brings its sound along. */
export type Device = "microphone" | "camera" | "screen";
export type Codec = "vp8" | "vp9" | "h264" | "av1";

export type ConnectionState = "new" | "connecting" | "connected" | "reconnecting" | "disconnected";

/** Of a video that is sent in several sizes and frame rates: 0 is the smallest, or the slowest. */
export interface Layers {
  spatial: number;
  /** Default: all frames. */
  temporal?: number;
}

/** One thing a participant sends. */
export interface RemoteStream {
  readonly participantId: string;
  readonly source: Source;
  readonly kind: Kind;
  readonly track: MediaStreamTrack;
  /** Holds just `track`, ready for `element.srcObject`. */
  readonly stream: MediaStream;
  /** The sender has muted it: nothing arrives until it resumes. */
  readonly paused: boolean;
  /** What of a video arrives now; undefined: nothing, or not known yet. */
  readonly layers: Layers | undefined;
  /** How well it gets here: 0 (not at all) … 10. */
  readonly quality: number;
  /** Asks for these layers whatever the size it is shown in; without an argument, the size decides again. */
  prefer(layers?: Layers): void;
}

export interface Participant {
  readonly id: string;
  readonly displayName: string;
  readonly streams: readonly RemoteStream[];
  /** What they send and have not muted, whether or not it is received here. */
  readonly sends: ReadonlySet<Source>;
}

/** One thing this participant sends. */
export interface LocalStream {
  readonly source: Source;
  readonly kind: Kind;
  readonly track: MediaStreamTrack;
  readonly stream: MediaStream;
  readonly muted: boolean;
}

export interface MediaStatus {
  source: Source;
  /** "muted" keeps the device and sends nothing; "off" has released it. */
  state: "live" | "muted" | "off";
  local: LocalStream | undefined;
}

/** true: with the default settings; constraints; or a track that the app opened itself. */
export type MediaInput = boolean | MediaTrackConstraints | MediaStreamTrack;

export interface MediaOptions {
  audio?: MediaInput;
  video?: MediaInput;
}

export interface CallOptions {
  /** WebSocket address of the signalling. Default: /vpaas/signaling of the page's origin. */
  url?: string;
  displayName?: string;
  /** Preferred video codec; another one is used where the browser or the server lacks it. */
  codec?: Codec;
  iceServers?: RTCIceServer[];
  /** How many times in a row to try to come back before giving up. Default 10, about a minute. */
  reconnectAttempts?: number;
}

export interface Permissions {
  canPublish: boolean;
  canSubscribe: boolean;
}

export interface Room {
  id: string;
  name: string;
}

/** Why a call ended; `error` is absent after `destroy()`. */
export interface Disconnection {
  reason: string;
  error?: CallError;
}

export interface CallStats {
  send: RTCStats[];
  recv: RTCStats[];
}

// Type aliases, not an interface: Emitter wants an index over all names.
export type CallEvents = {
  "participant:joined": [participant: Participant];
  "participant:left": [participant: Participant];
  /** They send something else now than before. */
  "participant:updated": [participant: Participant];
  "stream:added": [stream: RemoteStream];
  "stream:updated": [stream: RemoteStream];
  "stream:removed": [stream: RemoteStream];
  /** Another size or frame rate of it arrives. */
  "stream:layers": [stream: RemoteStream];
  "stream:quality": [stream: RemoteStream];
  /** Who speaks, by id; that may be this participant. */
  speaker: [participantId: string | undefined];
  "media-status": [status: MediaStatus];
  connection: [state: ConnectionState];
  disconnected: [disconnection: Disconnection];
  error: [error: CallError];
};
