const READ_MS = 150;
const HOLD_MS = 700;
const LEVEL_MIN = 0.015;

/** Marks who is speaking. Words have gaps, so a mark stays a moment. Returns the function that ends it. */
export function watchSpeaking(
  levels: () => Map<string, number>,
  mark: (participantId: string, speaking: boolean) => void,
): () => void {
  const heard = new Map<string, number>();
  const timer = setInterval(() => {
    const now = performance.now();
    for (const [id, level] of levels()) {
      if (level > LEVEL_MIN) heard.set(id, now);
      mark(id, now - (heard.get(id) ?? -Infinity) < HOLD_MS);
    }
  }, READ_MS);
  return () => clearInterval(timer);
}
