import type { types } from "mediasoup-client";
import { cameraEncodings, layerCount, modesToTry, type PictureSize, screenEncodings } from "./encodings.ts";
import type { LocalTrack } from "./media.ts";
import { supportedModes } from "./scalability.ts";
import type { Codec, Source } from "./types.ts";

const AUDIO_BPS_MAX: Partial<Record<Source, number>> = { microphone: 64_000, screenAudio: 128_000 };
/** Without it a browser takes half a minute to climb to a sharp picture. */
const START_KBPS_MAX = 1500;
/** For tracks that do not tell: what the camera was asked for. */
const SIZE_DEFAULT: PictureSize = { width: 1280, height: 720 };

/** How a local track is encoded and announced. */
export async function producerOptions(
  local: LocalTrack,
  device: types.Device,
  preferred: Codec | undefined,
): Promise<types.ProducerOptions> {
  const appData = { source: local.source, paused: local.muted, layers: layersOf(local) };
  const common = { track: local.track, stopTracks: false, appData };
  return { ...common, ...(local.kind === "audio" ? audioOptions(local) : await videoOptions(local, device, preferred)) };
}

/** In how many sizes a track is sent. It is fixed while it is sent: a producer of fewer or more must be made anew. */
export function layersOf({ source, track }: LocalTrack): number {
  return source === "camera" ? layerCount(sizeOf(track)) : 1;
}

function audioOptions({ source }: LocalTrack): types.ProducerOptions {
  return {
    encodings: [{ maxBitrate: AUDIO_BPS_MAX[source]! }],
    codecOptions: { opusStereo: source === "screenAudio", opusDtx: source === "microphone", opusFec: true },
  };
}

async function videoOptions(
  { source, track }: LocalTrack,
  device: types.Device,
  preferred: Codec | undefined,
): Promise<types.ProducerOptions> {
  const chosen = chooseCodec(device, preferred);
  const size = sizeOf(track);
  const modes = await supportedModes(chosen.name, modesToTry(chosen.name, size), size);
  const supports = (mode: string) => modes.includes(mode);
  const encodings =
    source === "screen" ? screenEncodings(chosen.name, supports) : cameraEncodings(chosen.name, size, supports);
  const bps = encodings.reduce((sum, { maxBitrate = 0 }) => sum + maxBitrate, 0);
  return {
    encodings,
    // A paused picture would otherwise be sent as black frames.
    zeroRtpOnPause: true,
    codecOptions: { videoGoogleStartBitrate: Math.min(START_KBPS_MAX, Math.round(bps / 1000)) },
    ...(chosen.codec ? { codec: chosen.codec } : {}),
  };
}

/** The preferred codec where browser and server have it; else the server's first one that the browser has. */
function chooseCodec(
  device: types.Device,
  preferred: Codec | undefined,
): { name: Codec; codec?: types.RtpCodecCapability } {
  const codecs = device.sendRtpCapabilities.codecs?.filter(({ kind }) => kind === "video") ?? [];
  const codec = codecs.find((each) => nameOf(each) === preferred) ?? codecs[0];
  return codec ? { name: nameOf(codec), codec } : { name: "vp8" };
}

const nameOf = ({ mimeType }: types.RtpCodecCapability): Codec => mimeType.slice("video/".length).toLowerCase() as Codec;

function sizeOf(track: MediaStreamTrack): PictureSize {
  const { width, height } = track.getSettings();
  return width && height ? { width, height } : SIZE_DEFAULT;
}
