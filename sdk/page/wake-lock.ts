/** Keeps the screen of a phone from going dark during a call. Returns the function that lets it. */
export function keepAwake(): () => void {
  let lock: WakeLockSentinel | undefined;
  let ended = false;
  const acquire = async () => {
    // Not every browser has it; each drops the lock while the page is hidden.
    if (ended || document.visibilityState !== "visible") return;
    lock = await navigator.wakeLock?.request("screen").catch(() => undefined);
    if (ended) void lock?.release();
  };
  const listener = () => void acquire();
  document.addEventListener("visibilitychange", listener);
  listener();
  return () => {
    ended = true;
    document.removeEventListener("visibilitychange", listener);
    void lock?.release();
  };
}
