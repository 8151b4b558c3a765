import type { PictureSize } from "./encodings.ts";
import type { Codec } from "./types.ts";

const CONTENT_TYPES: Record<Codec, string> = {
  vp8: "video/VP8",
  vp9: "video/VP9",
  h264: "video/H264;level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
  av1: "video/AV1",
};

/** Which of these scalability modes this browser can send. One that does not know of them sends a single layer
 *  whatever it is asked for, so it must be asked first. */
export async function supportedModes(codec: Codec, modes: string[], { width, height }: PictureSize): Promise<string[]> {
  const supported = await Promise.all(
    modes.map(async (scalabilityMode) => {
      const video = { contentType: CONTENT_TYPES[codec], width, height, bitrate: 1_000_000, framerate: 30 };
      try {
        const info = await navigator.mediaCapabilities.encodingInfo({
          type: "webrtc",
          video: { ...video, scalabilityMode },
        });
        // Who ignores the question would say yes to any mode.
        return info.supported && (await knowsModes());
      } catch {
        return false;
      }
    }),
  );
  return modes.filter((_, index) => supported[index]);
}

let known: Promise<boolean> | undefined;

/** Whether mediaCapabilities looks at scalability modes at all: then it refuses one that does not exist. */
function knowsModes(): Promise<boolean> {
  known ??= navigator.mediaCapabilities
    .encodingInfo({
      type: "webrtc",
      video: {
        contentType: CONTENT_TYPES.vp8,
        width: 640,
        height: 360,
        bitrate: 500_000,
        framerate: 30,
        scalabilityMode: "L9T9",
      },
    })
    .then(({ supported }) => !supported)
    .catch(() => true);
  return known;
}
