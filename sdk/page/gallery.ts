import { h } from "./dom.ts";
import { arrange, type Rect } from "./layout.ts";
import { chooseShown, roomFor } from "./stage.ts";
import { placeAt, Tile, type TileOptions } from "./tile.ts";

/** Where the tiles live. Screens and pinned people come large, the others around them; nothing ever scrolls. When not all
 *  have a place, the most active have. */
export class Gallery {
  readonly element = h("div", { className: "gallery", role: "region", aria: { label: "People in the room" } });
  readonly #tiles = new Map<string, Tile>();
  readonly #rest = h("div", { className: "tile rest", role: "note", hidden: true });
  readonly #resizing = new ResizeObserver(() => this.arrange());

  constructor() {
    this.element.append(this.#rest);
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
    const { clientWidth: width, clientHeight: height } = this.element;
    const gap = width < 600 ? 8 : 12;
    const people = tiles.filter((tile) => !featured.includes(tile) && !tile.own);
    // Oneself comes last: one looks at the others.
    const own = tiles.filter((tile) => !featured.includes(tile) && tile.own);
    const room = roomFor({ width, height }, featured.length, people.length + own.length, own.length, gap) - own.length;
    const shown = chooseShown(people, room);
    const others = [...people.filter((tile) => shown.has(tile)), ...own];
    const rest = people.length - shown.size;
    const places = arrange({ width, height }, featured.length, others.length + Math.min(rest, 1), gap);
    for (const tile of people) tile.setShown(shown.has(tile));
    for (const [index, tile] of featured.entries()) tile.place(places.featured[index]!);
    for (const [index, tile] of others.entries()) tile.place(places.others[index]!);
    for (const tile of tiles) tile.element.classList.toggle("featured", featured.includes(tile));
    for (const tile of featured) tile.setShown(true);
    this.#showRest(rest, places.others.at(-1));
  }

  /** Who speaks is marked, and brought into view. */
  setDominant(key: string | undefined): void {
    for (const [each, tile] of this.#tiles) tile.setDominant(each === key);
    this.arrange();
  }

  #showRest(count: number, rect: Rect | undefined): void {
    this.#rest.hidden = count <= 0;
    if (count <= 0 || !rect) return;
    placeAt(this.#rest, rect);
    this.#rest.replaceChildren(h("strong", {}, `+${count}`), h("span", {}, count === 1 ? "other" : "others"));
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
