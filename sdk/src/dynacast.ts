/** A layer that nobody wants is still sent for a moment: windows are resized, people come back. */
const HOLD_MS = 2000;
const RETRY_MS = 500;

/** Sends of one video only what somebody watches. */
export class Dynacast {
  readonly #sender: RTCRtpSender;
  #wanted = new Set<number>();
  /** What is to be sent: what is wanted, and what was until a moment ago. */
  #sent: Set<number> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #setting = false;
  #closed = false;

  constructor(sender: RTCRtpSender) {
    this.#sender = sender;
  }

  /** Somebody wants these layers: encodings of simulcast, or layers within the one encoding of SVC. */
  want(layers: readonly number[]): void {
    if (this.#closed) return;
    this.#wanted = new Set(layers);
    if (this.#sent) this.#sent = new Set([...this.#sent, ...layers]);
    void this.#apply();
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#sent = new Set(this.#wanted);
      void this.#apply();
    }, HOLD_MS);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Browsers refuse parameters that are older than the last change, so they are set one after the other. */
  async #apply(): Promise<void> {
    if (this.#setting) return;
    this.#setting = true;
    try {
      for (let parameters = this.#changed(); parameters; parameters = this.#changed()) {
        await this.#sender.setParameters(parameters);
      }
    } catch {
      // A negotiation came in between; or the sender is gone, and so shall this be.
      if (!this.#closed) setTimeout(() => void this.#apply(), RETRY_MS);
    } finally {
      this.#setting = false;
    }
  }

  /** The parameters to set, or undefined when they are right. */
  #changed(): RTCRtpSendParameters | undefined {
    const sent = this.#sent;
    if (this.#closed || !sent) return undefined;
    const parameters = this.#sender.getParameters();
    const { encodings } = parameters;
    let changed = false;
    for (const [index, encoding] of encodings.entries()) {
      // Layers within one stream depend on each other: it is sent whole, or not at all.
      const active = encodings.length > 1 ? sent.has(index) : sent.size > 0;
      changed ||= encoding.active !== active;
      encoding.active = active;
    }
    return changed ? parameters : undefined;
  }
}
