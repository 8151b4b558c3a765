import type { WebRTC } from "../src/call.ts";
import type { Device, MediaInput } from "../src/types.ts";
import { h } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";
import { remembered } from "./memory.ts";

export interface ControlActions {
  /** Absent where there is no link to give away. */
  invite: (() => void) | undefined;
  settings(): void;
  leave(): void;
  /** How the camera is opened: the page's address may say. */
  camera: MediaTrackConstraints;
  failed(error: Error): void;
}

const LOOKS: Record<Device, { label: string; on: IconName; off: IconName; key: string }> = {
  microphone: { label: "Microphone", on: "mic", off: "micOff", key: "M" },
  camera: { label: "Camera", on: "camera", off: "cameraOff", key: "V" },
  screen: { label: "Share screen", on: "screenOff", off: "screen", key: "S" },
};

/** The bar under the gallery. */
export class Controls {
  readonly element: HTMLElement;
  readonly #call: WebRTC;
  readonly #actions: ControlActions;
  readonly #buttons = new Map<Device, HTMLButtonElement>();

  constructor(call: WebRTC, actions: ControlActions) {
    this.#call = call;
    this.#actions = actions;
    const canShare = "getDisplayMedia" in (navigator.mediaDevices ?? {});
    for (const device of ["microphone", "camera", ...(canShare ? (["screen"] as const) : [])] as const) {
      this.#buttons.set(device, button(LOOKS[device].label, () => void this.toggle(device), device));
    }
    const { invite } = actions;
    this.element = h(
      "div",
      { className: "controls", role: "toolbar", aria: { label: "Call controls" } },
      ...this.#buttons.values(),
      invite && fill(button("Copy invite link", invite, "invite"), "link", "Copy invite link"),
      fill(button("Settings", actions.settings, "settings"), "settings", "Settings"),
      fill(button("Leave", actions.leave, "leave"), "leave", "Leave the call"),
    );
    this.show();
  }

  async toggle(device: Device): Promise<void> {
    const call = this.#call;
    const local = call.local.get(device);
    try {
      if (!local) await this.#enable(device);
      else if (device !== "microphone") await call.disable(device);
      else if (local.muted) call.unmute(device);
      else call.mute(device);
    } catch (error) {
      this.#actions.failed(error as Error);
    }
  }

  show(): void {
    for (const [device, element] of this.#buttons) {
      const { label, on, off, key } = LOOKS[device];
      const local = this.#call.local.get(device);
      const active = local !== undefined && !local.muted;
      const title = device === "screen" ? (active ? "Stop sharing" : label) : `Turn ${device} ${active ? "off" : "on"}`;
      fill(element, active ? on : off, `${title} (${key})`);
      element.setAttribute("aria-pressed", String(active));
      element.classList.toggle("off", device !== "screen" && !active);
      element.classList.toggle("active", device === "screen" && active);
    }
  }

  forbidPublishing(): void {
    for (const element of this.#buttons.values()) element.hidden = true;
  }

  #enable(device: Device): Promise<void> {
    if (device === "screen") return this.#call.enable("screen");
    const deviceId = remembered()[device];
    const input: MediaInput = {
      ...(device === "camera" ? this.#actions.camera : {}),
      ...(deviceId ? { deviceId: { ideal: deviceId } } : {}),
    };
    return this.#call.enable(device, input);
  }
}

function button(label: string, act: () => void, control: string): HTMLButtonElement {
  const element = h("button", { type: "button", className: "round", aria: { label }, data: { control } });
  element.addEventListener("click", act);
  return element;
}

function fill(element: HTMLButtonElement, image: IconName, title: string): HTMLButtonElement {
  element.replaceChildren(icon(image));
  element.title = title;
  return element;
}
