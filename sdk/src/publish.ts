import type { types } from "mediasoup-client";
import type { LocalTrack } from "./media.ts";
import type { Codec, Source } from "./types.ts";

const BITRATE_BPS_MAX: Record<Source, number> = {
  microphone: 64_000,
  camera: 2_000_000,
  screen: 3_000_000,
  screenAudio: 128_000,
};

/** How a local track is encoded and announced. */
export function producerOptions(
  local: LocalTrack,
  device: types.Device,
  preferred: Codec | undefined,
): types.ProducerOptions {
  const { source, kind, track } = local;
  const options: types.ProducerOptions = {
    track,
    stopTracks: false,
    // A paused picture would otherwise be sent as black frames.
    zeroRtpOnPause: kind === "video",
    encodings: [{ maxBitrate: BITRATE_BPS_MAX[source] }],
    codecOptions:
      kind === "audio"
        ? { opusStereo: source === "screenAudio", opusDtx: source === "microphone", opusFec: true }
        : // Without this a browser takes half a minute to climb to a sharp picture.
          { videoGoogleStartBitrate: 1000 },
    appData: { source, paused: local.muted },
  };
  const codec = kind === "video" && preferred ? findCodec(device, preferred) : undefined;
  return codec ? { ...options, codec } : options;
}

function findCodec(device: types.Device, codec: Codec): types.RtpCodecCapability | undefined {
  const mimeType = `video/${codec}`;
  return device.sendRtpCapabilities.codecs?.find((each) => each.mimeType.toLowerCase() === mimeType);
}
