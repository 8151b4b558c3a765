import type { LocalStream, RemoteStream } from "../src/types.ts";
import { h } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";
import type { Rect } from "./layout.ts";
import { hue, initials } from "./names.ts";

type Shown = RemoteStream | LocalStream;

export interface TileOptions {
  participantId: string;
  name: string;
  kind: "person" | "screen";
  own?: boolean;
  /** Shows a stream in an element; returns the function that takes it out again. */
  show: (stream: Shown, element: HTMLVideoElement) => () => void;
  /** It has a picture to show, or has none any more. */
  changed: () => void;
}

export function placeAt({ style }: HTMLElement, { x, y, width, height }: Rect): void {
  style.transform = `translate(${x}px, ${y}px)`;
  style.width = `${width}px`;
  style.height = `${height}px`;
  style.setProperty("--short", `${Math.min(width, height)}px`);
}

/** One rectangle of the gallery: a person, or a screen that someone shares. */
export class Tile {
  readonly participantId: string;
  readonly kind: TileOptions["kind"];
  readonly name: string;
  readonly own: boolean;
  readonly element: HTMLElement;
  readonly pin = h("button", { type: "button", className: "pin" });
  pinned = false;
  readonly #video = h("video", { autoplay: true, muted: true, playsInline: true });
  readonly #badge = h("span", { className: "badge" }, icon("micOff"));
  readonly #show: TileOptions["show"];
  readonly #changed: TileOptions["changed"];
  #hide: (() => void) | undefined;
  #muted = false;
  live = false;
  dominant = false;
  /** When this was last the one who speaks. */
  spokeAt = 0;

  constructor({ participantId, name, kind, own = false, show, changed }: TileOptions) {
    this.#show = show;
    this.#changed = changed;
    this.participantId = participantId;
    this.kind = kind;
    this.name = name;
    this.own = own;
    const label = kind === "screen" ? `${name} shares a screen` : own ? `${name} (you)` : name;
    const avatar = h("div", { className: "avatar", aria: { hidden: "true" } }, initials(name));
    avatar.style.setProperty("--hue", String(hue(name)));
    this.element = h(
      "div",
      {
        className: `tile ${kind}`,
        role: "group",
        data: { participant: participantId, kind, live: "false", picture: "false" },
      },
      kind === "person" && avatar,
      this.#video,
      h("div", { className: "nameplate" }, this.#badge, h("span", { className: "name" }, label)),
      this.pin,
    );
    if (own) this.element.dataset["own"] = "true";
    // Until the first picture has come, the avatar is better than a black rectangle.
    this.#video.addEventListener("playing", () => {
      this.element.dataset["picture"] = String(this.live);
    });
    this.#video.addEventListener("resize", () => {
      this.element.dataset["upright"] = String(this.#video.videoHeight > this.#video.videoWidth);
    });
    this.setPinned(false);
    this.#describe();
  }

  get shown(): boolean {
    return !this.element.hidden;
  }

  /** Shows a picture, or the avatar when there is none. */
  setVideo(source: Shown | undefined): void {
    const changed = this.live !== (source !== undefined);
    this.live = source !== undefined;
    this.element.dataset["live"] = String(this.live);
    if (source?.stream !== this.#video.srcObject) {
      this.element.dataset["picture"] = "false";
      this.#hide?.();
      this.#hide = source && this.#show(source, this.#video);
      if (source) this.#video.play().catch(() => {}); // replaced by the next one before it began
    }
    this.#describe();
    if (changed) this.#changed();
  }

  setShown(shown: boolean): void {
    if (this.shown === shown) return;
    this.element.hidden = !shown;
    // It comes back where there is room now, not from where it was.
    this.element.classList.remove("placed");
  }

  setDominant(dominant: boolean): void {
    this.dominant = dominant;
    if (dominant) this.spokeAt = performance.now();
    this.element.dataset["dominant"] = String(dominant);
  }

  setMuted(muted: boolean): void {
    this.#muted = muted;
    this.element.dataset["muted"] = String(muted);
    this.#describe();
  }

  setSpeaking(speaking: boolean): void {
    if (this.element.dataset["speaking"] !== String(speaking)) this.element.dataset["speaking"] = String(speaking);
  }

  setPinned(pinned: boolean): void {
    this.pinned = pinned;
    const [image, label]: [IconName, string] = pinned
      ? ["unpin", `Put ${this.name} back`]
      : ["pin", `Enlarge ${this.name}`];
    this.pin.replaceChildren(icon(image));
    this.pin.title = label;
    this.pin.setAttribute("aria-label", label);
    this.pin.setAttribute("aria-pressed", String(pinned));
  }

  place(rect: Rect): void {
    placeAt(this.element, rect);
    this.element.classList.toggle("small", rect.width < 200);
    // Only tiles that have a place already glide to the next one.
    if (!this.element.classList.contains("placed")) {
      requestAnimationFrame(() => this.element.classList.add("placed"));
    }
  }

  toggleFullscreen(): void {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void this.element.requestFullscreen?.();
  }

  close(): void {
    this.#hide?.();
    this.element.remove();
  }

  #describe(): void {
    const facts = [this.own ? `${this.name} (you)` : this.name];
    if (this.kind === "screen") facts.push("shared screen");
    else if (!this.live) facts.push("camera off");
    if (this.#muted) facts.push("muted");
    this.element.setAttribute("aria-label", facts.join(", "));
  }
}
