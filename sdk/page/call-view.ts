import type { WebRTC } from "../src/call.ts";
import type { CallError } from "../src/errors.ts";
import type { ConnectionState, MediaStatus, Participant, RemoteStream } from "../src/types.ts";
import { Attendance } from "./attendance.ts";
import { Controls } from "./controls.ts";
import { h } from "./dom.ts";
import { Gallery } from "./gallery.ts";
import { icon, mark } from "./icons.ts";
import { shortcuts } from "./keyboard.ts";
import { openSettings } from "./settings.ts";
import { watchSpeaking } from "./speaking.ts";
import { Speakers } from "./speakers.ts";
import type { Tile, TileOptions } from "./tile.ts";
import { Toasts } from "./toasts.ts";
import { keepAwake } from "./wake-lock.ts";

export interface CallViewOptions {
  title: string;
  name: string;
  /** What to give to others; absent when the visitor came with a personal token. */
  inviteLink: string | undefined;
  camera: MediaTrackConstraints;
}

const OWN = "self";
const personKey = (id: string) => `person ${id}`;
const screenKey = (id: string) => `screen ${id}`;

/** The page during a call: it only shows what the call says, and passes clicks on. */
export class CallView {
  readonly element: HTMLElement;
  readonly #call: WebRTC;
  readonly #options: CallViewOptions;
  readonly #gallery = new Gallery();
  readonly #speakers = new Speakers();
  readonly #toasts = new Toasts();
  readonly #attendance = new Attendance((text) => this.#toasts.show(text));
  readonly #controls: Controls;
  readonly #title = h("h1", { className: "title" });
  readonly #state = h("span", { className: "state", role: "status" });
  readonly #count = h("span", { className: "count" });
  readonly #sharing = h("div", { className: "sharing", hidden: true });
  readonly #alone = h("div", { className: "alone", hidden: true });
  readonly #cleanups: (() => void)[] = [];

  constructor(call: WebRTC, options: CallViewOptions) {
    this.#call = call;
    this.#options = options;
    this.#controls = new Controls(call, {
      invite: options.inviteLink ? () => void this.#copyInvite() : undefined,
      settings: () => openSettings((pick, id) => this.#useDevice(pick, id)),
      leave: () => call.destroy(),
      camera: options.camera,
      failed: (error) => this.#onError(error),
    });
    this.#fillNotices();
    this.element = h(
      "main",
      { className: "call" },
      h("header", {}, mark(), this.#title, this.#state, this.#count),
      this.#sharing,
      this.#gallery.element,
      this.#alone,
      this.#speakers.element,
      this.#controls.element,
      this.#toasts.element,
    );
    const { name } = options;
    this.#addTile(personKey(OWN), { participantId: OWN, name, kind: "person", own: true }).setMuted(true);
    this.#listen();
    this.#onConnection(call.connection);
  }

  close(): void {
    for (const cleanup of this.#cleanups) cleanup();
    this.#attendance.close();
    this.#gallery.close();
    this.#speakers.close();
    this.element.remove();
  }

  #listen(): void {
    const call = this.#call;
    this.#cleanups.push(
      call.on("participant:joined", (participant) => this.#onJoined(participant)),
      call.on("participant:left", (participant) => this.#onLeft(participant)),
      call.on("participant:updated", ({ id, sends }) => {
        this.#gallery.get(personKey(id))?.setMuted(!sends.has("microphone"));
      }),
      call.on("stream:added", (stream) => this.#onStream(stream)),
      call.on("stream:updated", (stream) => this.#onStream(stream)),
      call.on("stream:removed", (stream) => this.#onStreamRemoved(stream)),
      call.on("speaker", (id) => this.#onSpeaker(id)),
      call.on("media-status", (status) => this.#onMediaStatus(status)),
      call.on("connection", (state) => this.#onConnection(state)),
      call.on("error", (error) => this.#onError(error)),
      watchSpeaking(
        () => call.audioLevels(),
        (id, speaking) => this.#gallery.get(personKey(id))?.setSpeaking(speaking),
      ),
      shortcuts({
        m: () => void this.#controls.toggle("microphone"),
        v: () => void this.#controls.toggle("camera"),
        s: () => void this.#controls.toggle("screen"),
      }),
      keepAwake(),
    );
  }

  #onJoined({ id, displayName }: Participant): void {
    const tile = this.#addTile(personKey(id), { participantId: id, name: displayName, kind: "person" });
    tile.setMuted(true); // until a microphone is heard of
    this.#attendance.joined(id, displayName);
    this.#showCount();
  }

  #onLeft({ id, displayName }: Participant): void {
    this.#gallery.remove(personKey(id));
    this.#gallery.remove(screenKey(id));
    this.#attendance.left(id, displayName);
    this.#showCount();
  }

  #onStream(remote: RemoteStream): void {
    const { participantId, source, stream, paused } = remote;
    const person = this.#gallery.get(personKey(participantId));
    if (source === "camera") {
      person?.setVideo(paused ? undefined : remote);
    } else if (source === "screen") {
      const name = this.#call.participants.get(participantId)?.displayName ?? "Guest";
      const key = screenKey(participantId);
      const screen = this.#gallery.get(key) ?? this.#addTile(key, { participantId, name, kind: "screen" });
      screen.setVideo(remote);
    } else {
      this.#speakers.add(stream);
    }
  }

  #onStreamRemoved({ participantId, source, stream }: RemoteStream): void {
    const person = this.#gallery.get(personKey(participantId));
    if (source === "camera") person?.setVideo(undefined);
    else if (source === "screen") this.#gallery.remove(screenKey(participantId));
    else this.#speakers.remove(stream);
    if (source === "microphone") person?.setSpeaking(false);
  }

  #onSpeaker(id: string | undefined): void {
    const key = id && personKey(id === this.#call.participantId ? OWN : id);
    this.#gallery.setDominant(key);
  }

  #addTile(key: string, options: Omit<TileOptions, "show" | "changed">): Tile {
    return this.#gallery.add(key, {
      ...options,
      show: (stream, element) => this.#call.show(stream, element),
      changed: () => this.#gallery.arrange(),
    });
  }

  #onMediaStatus({ source, state, local }: MediaStatus): void {
    const own = this.#gallery.get(personKey(OWN));
    if (source === "microphone") own?.setMuted(state !== "live");
    else if (source === "camera") own?.setVideo(state === "live" ? local : undefined);
    else if (source === "screen") this.#sharing.hidden = state === "off";
    this.#controls.show();
  }

  #onConnection(state: ConnectionState): void {
    this.element.dataset["connection"] = state;
    this.#state.textContent = { connecting: "Joining…", reconnecting: "Reconnecting…" }[state as string] ?? "";
    if (state === "reconnecting") this.#hideEnded();
    if (state !== "connected") return;
    this.#attendance.settle();
    this.#title.textContent = this.#options.title || (this.#call.room?.name ?? "");
    if (this.#call.permissions?.canPublish === false) this.#controls.forbidPublishing();
    this.#showCount();
  }

  /** What came over a lost connection would stand there as black rectangles until it comes again. */
  #hideEnded(): void {
    for (const { id, streams } of this.#call.participants.values()) {
      for (const { source, track } of streams) {
        if (track.readyState !== "ended") continue;
        if (source === "camera") this.#gallery.get(personKey(id))?.setVideo(undefined);
        else if (source === "screen") this.#gallery.get(screenKey(id))?.setVideo(undefined);
      }
    }
  }

  #onError(error: Error | CallError): void {
    // Closing the browser's "choose what to share" is not a failure.
    if (error.name === "NotAllowedError" && error.message.startsWith("Screen")) return;
    if (error.name === "Destroyed") return;
    this.#toasts.show(error.message, "bad", 8000);
  }

  #showCount(): void {
    const people = this.#call.participants.size + 1;
    this.#count.replaceChildren(icon("people"), String(people));
    this.#count.setAttribute("aria-label", people === 1 ? "Only you" : `${people} people`);
    this.#alone.hidden = people > 1 || this.#call.connection !== "connected";
  }

  #useDevice(pick: "microphone" | "camera" | "speaker", deviceId: string): void {
    if (pick === "speaker") this.#speakers.use(deviceId);
    // A device that is off is only remembered for when it is switched on.
    else if (this.#call.local.has(pick)) {
      this.#call.useDevice(pick, deviceId).catch((error: Error) => this.#onError(error));
    }
  }

  async #copyInvite(): Promise<void> {
    const link = this.#options.inviteLink!;
    try {
      await navigator.clipboard.writeText(link);
      this.#toasts.show("Invite link copied");
    } catch {
      this.#toasts.show(link, "plain", 15_000);
    }
  }

  #fillNotices(): void {
    const stop = h("button", { type: "button" }, "Stop sharing");
    stop.addEventListener("click", () => void this.#call.disable("screen"));
    this.#sharing.append(icon("screen"), "You are sharing your screen", stop);
    this.#alone.append(h("span", {}, "Nobody else is here yet."));
    if (!this.#options.inviteLink) return;
    const copy = h("button", { type: "button" }, icon("link"), "Copy invite link");
    copy.addEventListener("click", () => void this.#copyInvite());
    this.#alone.append(copy);
  }
}
