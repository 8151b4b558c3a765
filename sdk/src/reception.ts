import { chooseLayer, fullHeight, type LayerCounts, layersOfMode } from "./layers.ts";
import { Settle } from "./settle.ts";
import type { Layers } from "./types.ts";

/** The server's word about a switch and the first frame of it arrive in either order. */
const SWITCH_MS = 300;

/** How the server is told; a request that fails is not worth a word, for its session is gone or the stream is. */
export interface ReceptionRequests {
  pause(): Promise<unknown>;
  resume(): Promise<unknown>;
  prefer(layers: Layers): Promise<unknown>;
}

interface Wish {
  paused: boolean;
  layers: Layers | undefined;
}

/** What is asked of the server for one received video: the layer that fits its place on the screen, and nothing while
 *  it has none. Until somebody says where it is shown, all of it comes. */
export class Reception {
  /** 0 (nothing gets through) … 10. */
  quality = 10;
  #counts: LayerCounts;
  #heightPx: number | undefined;
  #current: Layers | undefined;
  #frameHeight = 0;
  #fullHeight = 0;
  #measuring: ReturnType<typeof setTimeout> | undefined;
  #override: Layers | undefined;
  #closed = false;
  readonly #requests: ReceptionRequests;
  /** 0: not seen; else one more than the layer that fits. */
  #level: number | undefined;
  readonly #settle = new Settle((level) => {
    this.#level = level;
    this.#ask();
  });
  /** What the server has been told, and what it is to be told. */
  #told: Wish;
  #wish: Wish = { paused: false, layers: undefined };
  #telling = false;
  #begun = false;

  /** `paused`: nothing comes before `begin`. */
  constructor(requests: ReceptionRequests, scalabilityMode: string | null | undefined, paused: boolean) {
    this.#requests = requests;
    this.#told = { paused, layers: undefined };
    this.#counts = layersOfMode(scalabilityMode);
  }

  /** What arrives now, as the server says; undefined: nothing, or not known yet. */
  get current(): Layers | undefined {
    return this.#current;
  }

  begin(): void {
    this.#begun = true;
    this.#tell(this.#wish);
  }

  /** Another source has taken this one's turn. */
  turn(scalabilityMode: string | null | undefined): void {
    this.#counts = layersOfMode(scalabilityMode);
    this.#frameHeight = this.#fullHeight = 0;
    this.#override = this.#current = undefined;
    this.quality = 10;
    this.#update();
  }

  /** So many lines of it are shown; 0: it is not seen. */
  show(heightPx: number): void {
    this.#heightPx = heightPx;
    this.#update();
  }

  /** Frames have this size from now on. */
  onFrameSize(height: number): void {
    this.#frameHeight = height;
    this.#measureSoon();
  }

  onLayers(current: Layers | undefined): void {
    this.#current = current;
    this.#measureSoon();
  }

  /** The app knows better; undefined: it does not any more. */
  prefer(layers: Layers | undefined): void {
    this.#override = layers;
    this.#ask();
  }

  close(): void {
    this.#closed = true;
    this.#settle.stop();
    clearTimeout(this.#measuring);
  }

  #measureSoon(): void {
    clearTimeout(this.#measuring);
    if (!this.#closed) this.#measuring = setTimeout(() => this.#measure(), SWITCH_MS);
  }

  #measure(): void {
    if (!this.#frameHeight) return;
    const { spatial } = this.#counts;
    // Without a word of the server one is sent what one asked for.
    const layer = this.#current?.spatial ?? this.#told.layers?.spatial ?? spatial - 1;
    this.#fullHeight = fullHeight(this.#frameHeight, Math.min(layer, spatial - 1), spatial);
    this.#update();
  }

  #update(): void {
    if (this.#closed || this.#heightPx === undefined) return;
    const { spatial } = this.#counts;
    this.#settle.set(this.#heightPx > 0 ? chooseLayer(this.#heightPx, spatial, this.#fullHeight) + 1 : 0);
  }

  #ask(): void {
    if (this.#level === 0) return this.#tell({ ...this.#wish, paused: true });
    const layer = (this.#level ?? this.#counts.spatial) - 1;
    this.#tell({ paused: false, layers: this.#override ?? { spatial: layer } });
  }

  #tell(wish: Wish): void {
    this.#wish = wish;
    if (this.#begun && !this.#telling) void this.#tellAll();
  }

  /** One request at a time: a later wish never overtakes an earlier one. */
  async #tellAll(): Promise<void> {
    this.#telling = true;
    for (let request = this.#next(); request; request = this.#next()) await request.catch(() => {});
    this.#telling = false;
  }

  /** Layers come first, so that what is resumed begins with the right ones. */
  #next(): Promise<unknown> | undefined {
    const { paused, layers } = this.#wish;
    if (this.#closed) return undefined;
    if (layers && !sameLayers(layers, this.#told.layers) && this.#offers(layers)) {
      this.#told = { ...this.#told, layers };
      return this.#requests.prefer(layers);
    }
    if (paused === this.#told.paused) return undefined;
    this.#told = { ...this.#told, paused };
    return paused ? this.#requests.pause() : this.#requests.resume();
  }

  /** Of a single layer there is nothing to choose. */
  #offers({ temporal }: Layers): boolean {
    return this.#counts.spatial > 1 || (this.#counts.temporal > 1 && temporal !== undefined) || !!this.#told.layers;
  }
}

function sameLayers(one: Layers, other: Layers | undefined): boolean {
  return one.spatial === other?.spatial && one.temporal === other.temporal;
}
