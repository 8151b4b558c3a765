import { CallError, deviceError } from "./errors.ts";
import type { Kind, LocalStream, MediaInput, Source } from "./types.ts";

const CAMERA: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30 },
};
const MICROPHONE: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
};
/** Text must stay sharp; motion matters less. */
const SCREEN: DisplayMediaStreamOptions = { video: { frameRate: { ideal: 15, max: 30 } }, audio: true };

export const kindOf = (source: Source): Kind =>
  source === "camera" || source === "screen" ? "video" : "audio";

/** Opens the camera or the microphone, or takes the track that the app already has. */
export async function openTrack(source: "camera" | "microphone", input: MediaInput): Promise<MediaStreamTrack> {
  if (input instanceof MediaStreamTrack) return input;
  const defaults = source === "camera" ? CAMERA : MICROPHONE;
  const constraints = typeof input === "object" ? { ...defaults, ...input } : defaults;
  try {
    const stream = await mediaDevices().getUserMedia(
      source === "camera" ? { video: constraints } : { audio: constraints },
    );
    return stream.getTracks()[0]!;
  } catch (error) {
    throw deviceError(source, error);
  }
}

/** Asks for a screen, window or tab; its sound comes along when the browser gives it. */
export async function openScreen(options: DisplayMediaStreamOptions = {}): Promise<MediaStreamTrack[]> {
  try {
    const stream = await mediaDevices().getDisplayMedia({ ...SCREEN, ...options });
    for (const track of stream.getVideoTracks()) track.contentHint = "detail";
    return stream.getTracks();
  } catch (error) {
    throw deviceError("screen", error);
  }
}

/** What this participant sends, kept across reconnections. */
export class LocalTrack implements LocalStream {
  readonly source: Source;
  readonly kind: Kind;
  track: MediaStreamTrack;
  stream: MediaStream;
  muted: boolean;
  readonly #onEnded: () => void;

  constructor(source: Source, track: MediaStreamTrack, onEnded: () => void) {
    this.source = source;
    this.kind = kindOf(source);
    this.muted = !track.enabled;
    this.track = track;
    this.stream = new MediaStream([track]);
    this.#onEnded = onEnded;
    track.addEventListener("ended", onEnded);
  }

  replace(track: MediaStreamTrack): void {
    this.release(true);
    this.track = track;
    this.stream = new MediaStream([track]);
    track.enabled = !this.muted;
    track.addEventListener("ended", this.#onEnded);
  }

  setMuted(muted: boolean): void {
    this.muted = muted;
    this.track.enabled = !muted;
  }

  release(stop: boolean): void {
    this.track.removeEventListener("ended", this.#onEnded);
    if (stop) this.track.stop();
  }
}

function mediaDevices(): MediaDevices {
  // Browsers offer devices to secure pages only.
  if (navigator.mediaDevices) return navigator.mediaDevices;
  throw new CallError(0, "InsecurePage", "Camera and microphone need a page served over HTTPS or from localhost.");
}
