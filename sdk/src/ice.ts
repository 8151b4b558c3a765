import type { types } from "mediasoup-client";
import { CallError } from "./errors.ts";
import type { Signaling } from "./signaling.ts";

/** Browsers may try for ever to reach a server whose media port is blocked. */
const CONNECTING_MS_MAX = 12_000;
/** A short disturbance heals by itself; only a longer one is worth an ICE restart. */
const DISCONNECTED_MS_MAX = 2000;
const RESTART_MS_MAX = 8000;
const RESTARTS_MAX = 2;

export interface PathEvents {
  interrupted(): void;
  restored(): void;
  lost(error: CallError): void;
}

/** Watches the network path of one transport: restarts ICE when it breaks, and says so when that does not help. */
export class PathGuard {
  readonly #transport: types.Transport;
  readonly #signaling: Signaling;
  readonly #events: PathEvents;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #restarts = 0;
  #broken = false;

  constructor(transport: types.Transport, signaling: Signaling, events: PathEvents) {
    this.#transport = transport;
    this.#signaling = signaling;
    this.#events = events;
    transport.on("connect", () => this.#schedule(CONNECTING_MS_MAX));
    transport.on("connectionstatechange", (state) => this.#onState(state));
    transport.observer.once("close", () => clearTimeout(this.#timer));
  }

  #onState(state: types.ConnectionState): void {
    if (state === "connected") {
      clearTimeout(this.#timer);
      this.#restarts = 0;
      if (this.#broken) this.#events.restored();
      this.#broken = false;
    } else if (state === "disconnected" || state === "failed") {
      this.#interrupted();
      this.#schedule(state === "failed" ? 0 : DISCONNECTED_MS_MAX);
    }
  }

  #interrupted(): void {
    if (!this.#broken) this.#events.interrupted();
    this.#broken = true;
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#restart(), ms);
  }

  async #restart(): Promise<void> {
    if (this.#transport.closed) return;
    this.#interrupted();
    if (this.#restarts++ === RESTARTS_MAX) {
      this.#events.lost(new CallError(0, "MediaPathLost", "No media gets through to the server."));
      return;
    }
    try {
      const transportId = this.#transport.id;
      const { iceParameters } = await this.#signaling.request("restartIce", { transportId });
      await this.#transport.restartIce({ iceParameters });
      if (this.#broken && !this.#transport.closed) this.#schedule(RESTART_MS_MAX);
    } catch (cause) {
      if (this.#transport.closed) return;
      this.#events.lost(new CallError(0, "MediaPathLost", "The media path could not be restarted.", { cause }));
    }
  }
}
