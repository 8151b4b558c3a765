import type { Transport } from "protoo-client";
import Message from "protoo-client/lib/Message.js";
import { Emitter } from "./events.ts";

type SocketEvents = {
  open: [];
  close: [];
  message: [message: object];
};

/** The transport under a protoo peer. protoo-client's own hides the WebSocket's close code, which says why the
 *  server ended the connection, and reconnects by itself, where a call has to join again. */
export class Socket implements Transport {
  readonly #events = new Emitter<SocketEvents>();
  readonly #socket: WebSocket;
  closed = false;
  closeCode = 1006;
  closeReason = "";

  constructor(url: string) {
    this.#socket = new WebSocket(url, "protoo");
    this.#socket.onopen = () => this.#events.emit("open");
    this.#socket.onmessage = ({ data }) => {
      const message = typeof data === "string" ? Message.parse(data) : undefined;
      if (message) this.#events.emit("message", message);
    };
    this.#socket.onclose = ({ code, reason }) => {
      this.closeCode = code;
      this.closeReason = reason;
      this.#finish();
    };
  }

  on(event: string, listener: (...args: never[]) => void): this {
    this.#events.on(event as keyof SocketEvents, listener as () => void);
    return this;
  }

  async send(message: object): Promise<void> {
    if (this.#socket.readyState !== WebSocket.OPEN) throw new Error("socket closed");
    this.#socket.send(JSON.stringify(message));
  }

  close(): void {
    if (this.closed) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close(1000);
    this.#finish();
  }

  #finish(): void {
    this.closed = true;
    this.#events.emit("close");
    this.#events.clear();
  }
}
