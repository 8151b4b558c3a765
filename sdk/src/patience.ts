/** What has come of a stream so far, and how far away its sender is. */
export interface Progress {
  lost: number;
  received: number;
  roundTripMs: number;
}

/** Share of packets lost between two looks. */
const LOSSY = 0.02;
/** How long a loss is remembered. */
const LOSSY_MS = 10_000;
/** A third request has been answered by then, were it the last. */
const ROUND_TRIPS = 8;
const HOLD_MS_MAX = 500;
const LOOK_MS = 2000;

/** How long to wait for what comes again. A browser that is told which frames others refer to shows the next one rather
 *  than wait for a frame that nothing refers to: on a lossy link a fifth of them is never seen. */
export class Patience {
  #before: Progress | undefined;
  #lossyUntilMs = 0;

  /** Milliseconds that a frame may wait; 0: as the browser likes. */
  look(now: Progress, nowMs: number): number {
    const before = this.#before;
    this.#before = now;
    const lost = before ? now.lost - before.lost : 0;
    const came = before ? now.received - before.received : 0;
    if (lost > LOSSY * (lost + came)) this.#lossyUntilMs = nowMs + LOSSY_MS;
    return nowMs < this.#lossyUntilMs ? Math.min(HOLD_MS_MAX, ROUND_TRIPS * now.roundTripMs) : 0;
  }
}

interface Entry {
  type: string;
  packetsLost?: number;
  packetsReceived?: number;
  nominated?: boolean;
  currentRoundTripTime?: number;
}

/** Lets a receiver of video wait while packets get lost. Returns the function that stops it. */
export function holdForRepairs(receiver: RTCRtpReceiver): () => void {
  const patience = new Patience();
  const look = async () => {
    const entries = [...((await receiver.getStats()) as unknown as Map<string, Entry>).values()];
    const inbound = entries.find(({ type }) => type === "inbound-rtp");
    const pair = entries.find(({ type, nominated }) => type === "candidate-pair" && nominated);
    if (!inbound) return;
    const target = patience.look(
      {
        lost: inbound.packetsLost ?? 0,
        received: inbound.packetsReceived ?? 0,
        roundTripMs: 1000 * (pair?.currentRoundTripTime ?? 0),
      },
      performance.now(),
    );
    const current = receiver.jitterBufferTarget ?? 0;
    if (Math.abs(target - current) > 20) receiver.jitterBufferTarget = target || null;
  };
  const timer = setInterval(() => void look().catch(() => {}), LOOK_MS);
  return () => clearInterval(timer);
}
