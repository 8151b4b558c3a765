/** Delay before reconnection `attempt` (0, 1, …) in ms: the first nearly at once, then doubling up to the limit.
 *  Spread over half its length, so that a room does not come back in one stampede after a server restart. */
export function backoffDelay(attempt: number, random: () => number = Math.random): number {
  const longest = attempt === 0 ? 300 : Math.min(8000, 500 * 2 ** attempt);
  return Math.round(longest * (0.5 + 0.5 * random()));
}

/** Waits `ms`; ends early when the network comes back, and rejects when `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      globalThis.removeEventListener?.("online", done);
      signal.removeEventListener("abort", done);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(done, ms);
    globalThis.addEventListener?.("online", done);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
