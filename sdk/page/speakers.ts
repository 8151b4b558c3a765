import { h } from "./dom.ts";
import { icon } from "./icons.ts";
import { remembered } from "./memory.ts";

/** Plays what is heard. Browsers may refuse sound before the first click: then a button asks for one. */
export class Speakers {
  readonly element = h("div", { className: "speakers", hidden: true });
  readonly #players = new Map<MediaStream, HTMLAudioElement>();

  constructor() {
    const allow = h("button", { type: "button", className: "primary" }, icon("speaker"), "Click to hear the others");
    allow.addEventListener("click", () => this.#playAll());
    this.element.append(allow);
  }

  add(stream: MediaStream): void {
    if (this.#players.has(stream)) return;
    const player = h("audio", { autoplay: true });
    player.srcObject = stream;
    this.#players.set(stream, player);
    void route(player, remembered().speaker);
    this.#play(player);
  }

  remove(stream: MediaStream): void {
    const player = this.#players.get(stream);
    if (!player) return;
    player.srcObject = null;
    this.#players.delete(stream);
  }

  use(deviceId: string): void {
    for (const player of this.#players.values()) void route(player, deviceId);
  }

  close(): void {
    for (const stream of [...this.#players.keys()]) this.remove(stream);
  }

  #playAll(): void {
    this.element.hidden = true;
    for (const player of this.#players.values()) this.#play(player);
  }

  #play(player: HTMLAudioElement): void {
    player.play().catch((error: DOMException) => {
      if (error.name === "NotAllowedError") this.element.hidden = false;
    });
  }
}

async function route(player: HTMLAudioElement, deviceId: string): Promise<void> {
  // Not every browser lets a page choose the speaker, and a remembered one may be unplugged.
  if (deviceId && "setSinkId" in player) await player.setSinkId(deviceId).catch(() => {});
}
