import { h } from "./dom.ts";

const SHOWN_MS = 4000;
const TOASTS_MAX = 4;

/** Short notices that go away by themselves; screen readers read them out. */
export class Toasts {
  readonly element = h("div", { className: "toasts", role: "status", aria: { live: "polite" } });

  show(text: string, tone: "plain" | "bad" = "plain", ms = SHOWN_MS): void {
    const toast = h("div", { className: `toast ${tone}` }, text);
    this.element.append(toast);
    while (this.element.childElementCount > TOASTS_MAX) this.element.firstElementChild?.remove();
    setTimeout(() => toast.remove(), ms);
  }
}
