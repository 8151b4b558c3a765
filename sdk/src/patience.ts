/** What has come of a video so far. */
export interface Progress {
  shown: number;
  /** Frames that had come, and were left out. */
  skipped: number;
  /** Packets that came again. */
  repaired: number;
  framesPerSecond: number;
  roundTripMs: number;
}

const LOOK_MS = 1000;
/** Share of frames skipped between two looks that is worth waiting for. */
const SKIPPED_SHARE = 0.02;
/** A bad link stays bad for a while. */
const HOLD_MS = 30_000;
/** The server asks the sender, too; a viewer asks twice. */
const ROUND_TRIPS = 2;
const SERVER_MS = 60;
const WAIT_MS_MAX = 250;

/** How long a frame waits for what comes again. Where frames have layers a browser shows the next one rather than wait
 *  for a frame that nothing refers to, and its own delay is shorter than a repair takes: of a lossy link's frames one in
 *  ten is never seen. That the end of a frame is missing shows when the next one comes. */
export class Patience {
  #before: Progress | undefined;
  #untilMs = 0;

  /** Milliseconds; 0: as the browser likes. */
  look(now: Progress, nowMs: number): number {
    const before = this.#before;
    this.#before = now;
    if (before && now.repaired > before.repaired) {
      const skipped = now.skipped - before.skipped;
      if (skipped > SKIPPED_SHARE * (skipped + now.shown - before.shown)) this.#untilMs = nowMs + HOLD_MS;
    }
    if (nowMs >= this.#untilMs) return 0;
    const frameMs = 1000 / Math.max(now.framesPerSecond, 10);
    return Math.min(WAIT_MS_MAX, Math.round(frameMs + ROUND_TRIPS * now.roundTripMs + SERVER_MS));
  }
}

type Entry = Record<string, number | undefined> & { type: string; nominated?: boolean };

/** Lets a receiver of video wait as long as is worth it. Returns the function that stops it. */
export function waitForRepairs(receiver: RTCRtpReceiver): () => void {
  const patience = new Patience();
  const look = async () => {
    const entries = [...((await receiver.getStats()) as unknown as Map<string, Entry>).values()];
    const inbound = entries.find(({ type }) => type === "inbound-rtp");
    const pair = entries.find(({ type, nominated }) => type === "candidate-pair" && nominated);
    if (!inbound) return;
    const now = {
      shown: inbound["framesDecoded"] ?? 0,
      skipped: inbound["framesDropped"] ?? 0,
      repaired: inbound["retransmittedPacketsReceived"] ?? 0,
      framesPerSecond: inbound["framesPerSecond"] ?? 0,
      roundTripMs: 1000 * (pair?.["currentRoundTripTime"] ?? 0),
    };
    const wait = patience.look(now, performance.now());
    if (Math.abs(wait - (receiver.jitterBufferTarget ?? 0)) > 20) receiver.jitterBufferTarget = wait || null;
  };
  const timer = setInterval(() => void look().catch(() => {}), LOOK_MS);
  return () => clearInterval(timer);
}
