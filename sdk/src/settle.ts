const RISE_MS = 150;
/** What comes into sight is laid out in a few steps. */
const APPEAR_MS = 50;
const FALL_MS = 2000;

/** Passes a level on once it is worth acting upon: a rise almost at once, a fall only when it lasts. So a tile that
 *  grows is sharp soon, and a window that is being dragged about asks for nothing. */
export class Settle {
  readonly #apply: (level: number) => void;
  #applied: number | undefined;
  #latest = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #rising = false;

  constructor(apply: (level: number) => void) {
    this.#apply = apply;
  }

  set(level: number): void {
    this.#latest = level;
    const applied = this.#applied;
    if (level === applied) return this.stop();
    if (applied === undefined) return this.#pass();
    const rising = level > applied;
    if (this.#timer !== undefined && this.#rising === rising) return;
    this.stop();
    this.#rising = rising;
    const wait = rising ? (applied === 0 ? APPEAR_MS : RISE_MS) : FALL_MS;
    this.#timer = setTimeout(() => this.#pass(), wait);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #pass(): void {
    this.stop();
    this.#applied = this.#latest;
    this.#apply(this.#latest);
  }
}
