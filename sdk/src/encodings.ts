import type { types } from "mediasoup-client";
import type { Codec } from "./types.ts";

export interface PictureSize {
  width: number;
  height: number;
}

/** How many sizes of one camera are worth their cost: each halves the one above, and none is below 180 lines. Browsers
 *  leave out the largest encodings of what has more of them than its size allows, so this may not be generous. */
const SIZES: readonly { long: number; short: number; layers: number }[] = [
  { long: 960, short: 540, layers: 3 },
  { long: 640, short: 360, layers: 2 },
];

/** Spatial layers for codecs that have them within one stream, best first; the others get simulcast. */
const SVC_MODES: Partial<Record<Codec, (layers: number) => string[]>> = {
  // K-SVC: only key frames look at the layer below, so who watches the largest is sent that one alone.
  vp9: (layers) => [`L${layers}T3_KEY`, `L${layers}T3`],
  av1: (layers) => [`L${layers}T3`],
};

const TEMPORAL_ONLY = "L1T3";
/** A sharp 1280x720 with VP8; others take their share of it. */
const REFERENCE = { pixels: 1280 * 720, bps: 1_700_000 };
const CAMERA_BPS = { min: 150_000, max: 4_000_000 };
const SCREEN_BPS_MAX = 3_000_000;
const EFFICIENCY: Record<Codec, number> = { vp8: 1, h264: 1, vp9: 0.8, av1: 0.7 };

/** How a camera is encoded: in as many sizes as it is good for, each at three frame rates. `supports` says whether this
 *  browser encodes `codec` in a scalability mode. */
export function cameraEncodings(
  codec: Codec,
  size: PictureSize,
  supports: (mode: string) => boolean,
): types.RtpEncodingParameters[] {
  const layers = layerCount(size);
  const bps = Array.from({ length: layers }, (_, index) => bitrate(size, 2 ** (layers - 1 - index), codec));
  const temporal = supports(TEMPORAL_ONLY) ? { scalabilityMode: TEMPORAL_ONLY } : {};
  const svc = SVC_MODES[codec];
  if (layers === 1) return [{ maxBitrate: bps[0]!, ...temporal }];
  if (!svc) {
    return bps.map((maxBitrate, index) => ({
      scaleResolutionDownBy: 2 ** (layers - 1 - index),
      maxBitrate,
      ...temporal,
    }));
  }
  const mode = svc(layers).find(supports);
  if (!mode) return [{ maxBitrate: bps.at(-1)!, ...temporal }];
  return [{ maxBitrate: bps.reduce((sum, each) => sum + each), scalabilityMode: mode }];
}

/** A shared screen is read: one size, its own. */
export function screenEncodings(codec: Codec, supports: (mode: string) => boolean): types.RtpEncodingParameters[] {
  const layered = codec in SVC_MODES && supports(TEMPORAL_ONLY);
  return [{ maxBitrate: SCREEN_BPS_MAX, ...(layered ? { scalabilityMode: TEMPORAL_ONLY } : {}) }];
}

export function layerCount({ width, height }: PictureSize): number {
  const [long, short] = [Math.max(width, height), Math.min(width, height)];
  return SIZES.find((size) => long >= size.long && short >= size.short)?.layers ?? 1;
}

/** What to ask a browser about before encoding a camera of this size. */
export function modesToTry(codec: Codec, size: PictureSize): string[] {
  const layers = layerCount(size);
  return [...(layers > 1 ? (SVC_MODES[codec]?.(layers) ?? []) : []), TEMPORAL_ONLY];
}

/** A quarter of the pixels needs a bit more than a quarter of the bits. */
function bitrate({ width, height }: PictureSize, down: number, codec: Codec): number {
  const pixels = (width * height) / down ** 2;
  const bps = REFERENCE.bps * EFFICIENCY[codec] * (pixels / REFERENCE.pixels) ** 0.88;
  return Math.min(CAMERA_BPS.max, Math.max(CAMERA_BPS.min, Math.round(bps / 10_000) * 10_000));
}
