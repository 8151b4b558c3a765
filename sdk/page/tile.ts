import { h } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";
import type { Rect } from "./layout.ts";
import { hue, initials } from "./names.ts";

export interface TileOptions {
  participantId: string;
  name: string;
  kind: "person" | "screen";
  own?: boolean;
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
  #muted = false;
  #live = false;

  constructor({ participantId, name, kind, own = false }: TileOptions) {
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
      this.element.dataset["picture"] = String(this.#live);
    });
    this.#video.addEventListener("resize", () => {
      this.element.dataset["upright"] = String(this.#video.videoHeight > this.#video.videoWidth);
    });
    this.setPinned(false);
    this.#describe();
  }

  /** Shows a picture, or the avatar when there is none. */
  setVideo(stream: MediaStream | undefined): void {
    this.#live = stream !== undefined;
    this.element.dataset["live"] = String(this.#live);
    if (stream && this.#video.srcObject !== stream) {
      this.element.dataset["picture"] = "false";
      this.#video.srcObject = stream;
      this.#video.play().catch(() => {}); // replaced by the next one before it began
    } else if (!stream) {
      this.element.dataset["picture"] = "false";
      this.#video.srcObject = null;
    }
    this.#describe();
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

  place({ x, y, width, height }: Rect): void {
    const { style } = this.element;
    style.transform = `translate(${x}px, ${y}px)`;
    style.width = `${width}px`;
    style.height = `${height}px`;
    style.setProperty("--short", `${Math.min(width, height)}px`);
    this.element.classList.toggle("small", width < 200);
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
    this.#video.srcObject = null;
    this.element.remove();
  }

  #describe(): void {
    const facts = [this.own ? `${this.name} (you)` : this.name];
    if (this.kind === "screen") facts.push("shared screen");
    else if (!this.#live) facts.push("camera off");
    if (this.#muted) facts.push("muted");
    this.element.setAttribute("aria-label", facts.join(", "));
  }
}
