/** Someone whose connection drops leaves and comes back within moments; that is no news to the others. */
const RETURN_MS_MAX = 3000;

export class Attendance {
  readonly #leaving = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #say: (text: string) => void;
  /** Whoever was there first is not announced. */
  #settled = false;

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  settle(): void {
    this.#settled = true;
  }

  joined(id: string, name: string): void {
    const leaving = this.#leaving.get(id);
    clearTimeout(leaving);
    this.#leaving.delete(id);
    if (this.#settled && leaving === undefined) this.#say(`${name} joined`);
  }

  left(id: string, name: string): void {
    const timer = setTimeout(() => {
      this.#leaving.delete(id);
      this.#say(`${name} left`);
    }, RETURN_MS_MAX);
    this.#leaving.set(id, timer);
  }

  close(): void {
    for (const timer of this.#leaving.values()) clearTimeout(timer);
  }
}
