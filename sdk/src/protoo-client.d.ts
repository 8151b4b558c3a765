// protoo-client ships no types: this declares the part of it that the SDK uses.
declare module "protoo-client" {
  export interface Transport {
    readonly closed: boolean;
    on(event: string, listener: (...args: never[]) => void): unknown;
    send(message: object): Promise<void>;
    close(): void;
  }

  export class Peer {
    constructor(transport: Transport);
    readonly closed: boolean;
    readonly connected: boolean;
    request(method: string, data?: object): Promise<unknown>;
    on(event: "open" | "close", listener: () => void): this;
    on(
      event: "notification",
      listener: (notification: { method: string; data: unknown }) => void,
    ): this;
    removeAllListeners(): this;
    close(): void;
  }
}

declare module "protoo-client/lib/Message.js" {
  const Message: { parse(raw: string): object | undefined };
  export default Message;
}
