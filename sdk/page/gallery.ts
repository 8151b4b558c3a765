import { h } from "./dom.ts";
import { arrange } from "./layout.ts";
import { Tile, type TileOptions } from "./tile.ts";

/** Where the tiles live. Screens and pinned people come large, the others around them; nothing ever scrolls. */
export class Gallery {
  readonly element = h("div", { className: "gallery", role: "region", aria: { label: "People in the room" } });
  readonly #tiles = new Map<string, Tile>();
  readonly #resizing = new ResizeObserver(() => this.arrange());

  constructor() {
    this.#resizing.observe(this.element);
  }

  get(key: string): Tile | undefined {
    return this.#tiles.get(key);
  }

  get people(): Tile[] {
    return [...this.#tiles.values()].filter(({ kind }) => kind === "person");
  }

  add(key: string, options: TileOptions): Tile {
    const tile = new Tile(options);
    tile.pin.addEventListener("click", () => this.#pin(tile));
    tile.element.addEventListener("click", (event) => {
      // Fingers cannot hover over the pin: they tap the tile.
      if ((event as PointerEvent).pointerType === "touch" && !tile.pin.contains(event.target as Node)) this.#pin(tile);
    });
    tile.element.addEventListener("dblclick", () => tile.toggleFullscreen());
    this.#tiles.set(key, tile);
    this.element.append(tile.element);
    this.arrange();
    return tile;
  }

  remove(key: string): void {
    this.#tiles.get(key)?.close();
    this.#tiles.delete(key);
    this.arrange();
  }

  arrange(): void {
    const tiles = [...this.#tiles.values()];
    const screens = tiles.filter(({ kind }) => kind === "screen");
    const pinned = tiles.filter((tile) => tile.pinned);
    const featured = pinned.length > 0 ? pinned : screens;
    // Oneself comes last: one looks at the others.
    const others = tiles
      .filter((tile) => !featured.includes(tile))
      .sort((a, b) => Number(a.own) - Number(b.own));
    const { clientWidth: width, clientHeight: height } = this.element;
    const gap = width < 600 ? 8 : 12;
    const places = arrange({ width, height }, featured.length, others.length, gap);
    for (const [index, tile] of featured.entries()) tile.place(places.featured[index]!);
    for (const [index, tile] of others.entries()) tile.place(places.others[index]!);
    for (const tile of tiles) tile.element.classList.toggle("featured", featured.includes(tile));
  }

  close(): void {
    this.#resizing.disconnect();
    for (const tile of this.#tiles.values()) tile.close();
    this.#tiles.clear();
  }

  #pin(tile: Tile): void {
    for (const other of this.#tiles.values()) other.setPinned(other === tile && !tile.pinned);
    this.arrange();
  }
}
