import { deviceError } from "../src/errors.ts";
import { openTrack } from "../src/media.ts";
import type { MediaOptions } from "../src/types.ts";
import { DevicePicker, type Pick } from "./device-picker.ts";
import { h } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";
import { remembered } from "./memory.ts";
import { Meter } from "./meter.ts";
import { hue, initials } from "./names.ts";
import type { PageOptions } from "./options.ts";
import { openSettings } from "./settings.ts";

type Own = "microphone" | "camera";

/** The look in the mirror before joining: picture, microphone level, switches and device menus. */
export class Preview {
  readonly element: HTMLElement;
  readonly #tracks: Partial<Record<Own, MediaStreamTrack>> = {};
  readonly #wanted: Record<Own, boolean>;
  readonly #camera: MediaTrackConstraints;
  readonly #video = h("video", { autoplay: true, muted: true, playsInline: true });
  readonly #avatar = h("div", { className: "avatar", aria: { hidden: "true" } });
  readonly #notice = h("p", { className: "notice", role: "status" });
  readonly #meter = new Meter();
  readonly #switches: Record<Own, HTMLButtonElement>;
  readonly #picker = new DevicePicker((pick, deviceId) => void this.#onPick(pick, deviceId));
  #closed = false;

  constructor({ audio, video }: PageOptions) {
    this.#wanted = { microphone: audio, camera: video !== false };
    this.#camera = typeof video === "object" ? video : {};
    this.#switches = { microphone: this.#makeSwitch("microphone"), camera: this.#makeSwitch("camera") };
    const picture = h(
      "div",
      { className: "mirror" },
      this.#avatar,
      this.#video,
      this.#notice,
      h("div", { className: "switches" }, this.#switches.microphone, this.#switches.camera, this.#settingsButton()),
      this.#meter.element,
    );
    this.element = h("section", { className: "preview", aria: { label: "Your camera and microphone" } }, picture);
    this.element.append(this.#picker.element);
    this.setName("");
    this.#show();
  }

  /** Opens what is wanted; called once the page is on screen, since browsers ask for permission. */
  async open(): Promise<void> {
    await Promise.all([this.#open("microphone"), this.#open("camera")]);
    await this.#picker.refresh();
  }

  setName(name: string): void {
    this.#avatar.textContent = initials(name || "You");
    this.#avatar.style.setProperty("--hue", String(hue(name || "You")));
  }

  async toggle(device: Own): Promise<void> {
    this.#wanted[device] = !this.#wanted[device];
    const track = this.#tracks[device];
    if (device === "microphone" && track) track.enabled = this.#wanted.microphone;
    else if (this.#wanted[device]) await this.#open(device);
    else this.#release(device);
    this.#show();
  }

  /** Hands the open tracks over to a call. */
  takeMedia(): MediaOptions {
    const { microphone, camera } = this.#tracks;
    delete this.#tracks.microphone;
    delete this.#tracks.camera;
    return { audio: microphone ?? false, video: camera ?? false };
  }

  close(): void {
    this.#closed = true;
    this.#release("microphone");
    this.#release("camera");
    this.#meter.close();
    this.#picker.close();
    this.#video.srcObject = null;
  }

  async #open(device: Own, deviceId = remembered()[device]): Promise<void> {
    if (!this.#wanted[device]) return;
    const base = device === "camera" ? this.#camera : {};
    try {
      const track = await openTrack(device, deviceId ? { ...base, deviceId: { ideal: deviceId } } : base);
      if (this.#closed || !this.#wanted[device]) return track.stop();
      this.#release(device);
      this.#tracks[device] = track;
      if (device === "microphone") this.#meter.listen(track);
      this.#notice.textContent = "";
    } catch (error) {
      this.#wanted[device] = false;
      this.#notice.textContent = `${deviceError(device, error).message} You can join all the same.`;
    }
    this.#show();
  }

  #release(device: Own): void {
    this.#tracks[device]?.stop();
    delete this.#tracks[device];
  }

  async #onPick(pick: Pick, deviceId: string): Promise<void> {
    if (pick !== "speaker") await this.#open(pick, deviceId);
  }

  #show(): void {
    const { camera } = this.#tracks;
    this.#video.srcObject = camera ? new MediaStream([camera]) : null;
    this.#video.hidden = !camera;
    this.#avatar.hidden = Boolean(camera);
    for (const device of ["microphone", "camera"] as const) {
      const on = this.#wanted[device];
      const button = this.#switches[device];
      const image: IconName = device === "microphone" ? (on ? "mic" : "micOff") : on ? "camera" : "cameraOff";
      button.replaceChildren(icon(image));
      button.classList.toggle("off", !on);
      button.setAttribute("aria-pressed", String(on));
      button.title = `Turn ${device} ${on ? "off" : "on"} (${device === "microphone" ? "M" : "V"})`;
    }
  }

  /** Small screens have no room for the menus under the picture. */
  #settingsButton(): HTMLButtonElement {
    const button = h(
      "button",
      { type: "button", className: "round menus", title: "Choose devices", aria: { label: "Choose devices" } },
      icon("settings"),
    );
    button.addEventListener("click", () => openSettings((pick, deviceId) => void this.#onPick(pick, deviceId)));
    return button;
  }

  #makeSwitch(device: Own): HTMLButtonElement {
    const label = device === "microphone" ? "Microphone" : "Camera";
    const button = h("button", { type: "button", className: "round", aria: { label }, data: { control: device } });
    button.addEventListener("click", () => void this.toggle(device));
    return button;
  }
}
