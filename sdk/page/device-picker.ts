import { type Devices, devices } from "../src/devices.ts";
import { h } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";
import { remember, remembered } from "./memory.ts";

export type Pick = "microphone" | "camera" | "speaker";

const ROWS: [pick: Pick, list: keyof Devices, label: string, image: IconName][] = [
  ["microphone", "microphones", "Microphone", "mic"],
  ["camera", "cameras", "Camera", "camera"],
  ["speaker", "speakers", "Speaker", "speaker"],
];

/** Menus for microphone, camera and speaker, kept up to date while devices come and go. */
export class DevicePicker {
  readonly element = h("div", { className: "devices" });
  readonly #onPick: (pick: Pick, deviceId: string) => void;
  readonly #refresh = () => void this.refresh();

  constructor(onPick: (pick: Pick, deviceId: string) => void) {
    this.#onPick = onPick;
    navigator.mediaDevices?.addEventListener("devicechange", this.#refresh);
    this.#refresh();
  }

  async refresh(): Promise<void> {
    const found = await devices();
    const rows = ROWS.filter(([pick]) => pick !== "speaker" || "setSinkId" in HTMLMediaElement.prototype);
    this.element.replaceChildren(
      ...rows.map(([pick, list, label, image]) => this.#row(pick, found[list], label, image)),
    );
  }

  close(): void {
    navigator.mediaDevices?.removeEventListener("devicechange", this.#refresh);
  }

  #row(pick: Pick, found: MediaDeviceInfo[], label: string, image: IconName): HTMLElement {
    const options = found.map(({ deviceId, label: name }, index) =>
      h("option", { value: deviceId }, name || `${label} ${index + 1}`),
    );
    const select = h("select", { disabled: options.length === 0, aria: { label } }, ...options);
    if (options.length === 0) select.append(h("option", {}, `${label}: none found`));
    const chosen = remembered()[pick];
    if (found.some(({ deviceId }) => deviceId === chosen)) select.value = chosen;
    select.addEventListener("change", () => {
      remember({ [pick]: select.value });
      this.#onPick(pick, select.value);
    });
    return h("label", { className: "device" }, icon(image), select);
  }
}
