const RETRY_MS = 500;

/** Sends of one video only what somebody watches. The server has waited a while before it says that nobody does. */
export class Dynacast {
  readonly #sender: RTCRtpSender;
  /** Of the one encoding that holds several layers: how it began. */
  readonly #svc: Svc | undefined;
  #wanted: ReadonlySet<number> | undefined;
  #applied: ReadonlySet<number> | undefined;
  #setting = false;
  #closed = false;

  constructor(sender: RTCRtpSender) {
    this.#sender = sender;
    this.#svc = svcOf(sender.getParameters().encodings);
  }

  /** Somebody wants these layers: encodings of simulcast, or layers within the one encoding of SVC. */
  want(layers: readonly number[]): void {
    this.#wanted = new Set(layers);
    void this.#apply();
  }

  close(): void {
    this.#closed = true;
  }

  /** Browsers refuse parameters that are older than the last change, so they are set one after the other. */
  async #apply(): Promise<void> {
    if (this.#setting) return;
    this.#setting = true;
    try {
      while (this.#wanted && this.#wanted !== this.#applied && !this.#closed) {
        const wanted = this.#wanted;
        const parameters = this.#changed(wanted);
        if (parameters) await this.#sender.setParameters(parameters);
        this.#applied = wanted;
      }
    } catch {
      // A negotiation came in between; or the sender is gone, and so shall this be.
      if (!this.#closed) setTimeout(() => void this.#apply(), RETRY_MS);
    } finally {
      this.#setting = false;
    }
  }

  /** The parameters to set, or undefined when they are right. */
  #changed(sent: ReadonlySet<number>): RTCRtpSendParameters | undefined {
    const parameters = this.#sender.getParameters();
    const { encodings } = parameters;
    let changed = false;
    for (const [index, encoding] of encodings.entries()) {
      const wished = encodings.length > 1 ? { active: sent.has(index) } : this.#whole(sent);
      changed ||= Object.entries(wished).some(([name, value]) => encoding[name as keyof typeof encoding] !== value);
      Object.assign(encoding, wished);
    }
    return changed ? parameters : undefined;
  }

  /** Layers within one stream stand on each other: only the largest can be left out, and then the next. */
  #whole(sent: ReadonlySet<number>): Partial<RTCRtpEncodingParameters> & { scalabilityMode?: string } {
    if (!this.#svc || sent.size === 0) return { active: sent.size > 0 };
    const { layers, temporal, key } = this.#svc;
    const kept = Math.min(layers, Math.max(...sent) + 1);
    return {
      active: true,
      scalabilityMode: `L${kept}T${temporal}${kept > 1 ? key : ""}`,
      scaleResolutionDownBy: 2 ** (layers - kept),
    };
  }
}

interface Svc {
  layers: number;
  temporal: string;
  key: string;
}

function svcOf(encodings: (RTCRtpEncodingParameters & { scalabilityMode?: string })[]): Svc | undefined {
  const found = /^L([2-9])T(\d)(_KEY)?$/.exec(encodings.length === 1 ? (encodings[0]!.scalabilityMode ?? "") : "");
  return found ? { layers: Number(found[1]), temporal: found[2]!, key: found[3] ?? "" } : undefined;
}
