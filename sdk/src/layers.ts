export interface LayerCounts {
  spatial: number;
  temporal: number;
}

interface Size {
  width: number;
  height: number;
}

/** A picture this much smaller than its place still looks sharp, and half of one costs a quarter. */
const UPSCALED_MAX = 1.1;
/** Nobody sees the difference beyond. */
const PIXEL_RATIO_MAX = 2;
/** The height of a smallest layer, for streams of which nothing has been seen yet. */
const HEIGHT_MIN = 180;

/** "S3T3" (simulcast), "L3T3_KEY" (layers within the stream), …: how many there are to choose from. */
export function layersOfMode(mode: string | null | undefined): LayerCounts {
  const found = /^[SL](\d)T(\d)/.exec(mode ?? "");
  return { spatial: Number(found?.[1] ?? 1), temporal: Number(found?.[2] ?? 1) };
}

/** The smallest layer that fills `neededPx` lines. The largest of `layers` has `fullHeight` lines, each other one half
 *  of the next; `fullHeight` 0: not known yet. */
export function chooseLayer(neededPx: number, layers: number, fullHeight: number): number {
  const full = fullHeight || HEIGHT_MIN * 2 ** (layers - 1);
  for (let layer = 0; layer < layers - 1; layer++) {
    if (layerHeight(layer, layers, full) * UPSCALED_MAX >= neededPx) return layer;
  }
  return layers - 1;
}

function layerHeight(layer: number, layers: number, fullHeight: number): number {
  return fullHeight / 2 ** (layers - 1 - layer);
}

/** Lines of the whole source, when `height` lines of its layer `layer` are seen. */
export function fullHeight(height: number, layer: number, layers: number): number {
  return height * 2 ** (layers - 1 - layer);
}

/** How many lines of a picture are shown in a box, in pixels of the screen: `cover` crops it, else it is fitted in. */
export function shownHeight(box: Size, picture: Size, cover: boolean, pixelRatio: number): number {
  const ratio = Math.min(pixelRatio, PIXEL_RATIO_MAX);
  if (!picture.width || !picture.height) return box.height * ratio;
  const scales = [box.width / picture.width, box.height / picture.height];
  return (cover ? Math.max(...scales) : Math.min(...scales)) * picture.height * ratio;
}
