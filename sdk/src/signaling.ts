import { Peer } from "protoo-client";
import { CallError, closeError, requestError } from "./errors.ts";
import { Emitter } from "./events.ts";
import type { Notifications, Requests } from "./protocol.ts";
import { Socket } from "./socket.ts";

/** How long the server may take to accept the WebSocket, or to answer a request. */
const ANSWER_MS_MAX = 10_000;
const ATTEMPTS_MAX = 6;
const TOO_MANY_PAUSE_MS = 1000;

type SignalingEvents = Notifications & { close: [error: CallError] };

/** One WebSocket connection: requests, notifications, and the reason it closed. It never reconnects. */
export class Signaling {
  readonly #events = new Emitter<SignalingEvents>();
  readonly #socket: Socket;
  readonly #peer: Peer;
  /** Rejects each request under way: protoo's peer forgets them when it is the other side that closes. */
  readonly #pending = new Set<(error: CallError) => void>();

  private constructor(url: string) {
    this.#socket = new Socket(url);
    this.#peer = new Peer(this.#socket);
    this.#peer.on("notification", ({ method, data }) => {
      this.#events.emit(method as keyof Notifications, data as never);
    });
    this.#peer.on("close", () => {
      for (const fail of this.#pending) fail(this.#closeError());
      this.#events.emit("close", this.#closeError());
      this.#events.clear();
    });
  }

  static async connect(url: string, accessToken: string): Promise<Signaling> {
    const address = new URL(url, location.href);
    address.searchParams.set("accessToken", accessToken);
    const signaling = new Signaling(address.href);
    const opened = new Promise<void>((resolve) => signaling.#peer.on("open", resolve));
    try {
      await signaling.#answered("connect", opened);
      return signaling;
    } catch (error) {
      signaling.close();
      throw error;
    }
  }

  get closed(): boolean {
    return this.#peer.closed;
  }

  on<Name extends keyof SignalingEvents>(name: Name, listener: (...args: SignalingEvents[Name]) => void): void {
    this.#events.on(name, listener);
  }

  async request<Method extends keyof Requests>(
    method: Method,
    data: Requests[Method][0],
  ): Promise<Requests[Method][1]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#answered(method, this.#peer.request(method, data));
      } catch (cause) {
        // A request dies with its connection, and the reason of that says more than "peer closed".
        if (this.#socket.closed) throw this.#closeError();
        const error = requestError(method, cause);
        // Entering a large room takes more requests at once than the server allows.
        if (error.code !== 429 || attempt === ATTEMPTS_MAX) throw error;
        await new Promise((resolve) => setTimeout(resolve, attempt * TOO_MANY_PAUSE_MS * (0.5 + Math.random())));
      }
    }
  }

  /** Ends the connection; requests under way reject. */
  close(): void {
    this.#events.clear();
    this.#peer.close();
    this.#peer.removeAllListeners();
  }

  #answered<T>(what: string, answer: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const late = () => reject(new CallError(0, "Timeout", `${what}: no answer from the server.`));
      const timer = setTimeout(late, ANSWER_MS_MAX);
      this.#pending.add(reject);
      answer.then(resolve, reject).finally(() => {
        clearTimeout(timer);
        this.#pending.delete(reject);
      });
    });
  }

  #closeError(): CallError {
    return closeError(this.#socket.closeCode, this.#socket.closeReason);
  }
}
