import { h } from "./dom.ts";
import { brand } from "./icons.ts";

export interface Goodbye {
  title: string;
  text: Node | string;
  /** What the button says that leads back into the room. */
  again: string;
}

/** Outside the call: after it, or when there was no way in. */
export function goodbye({ title, text, again: label }: Goodbye, rejoin: () => void): HTMLElement {
  const again = h("button", { type: "button", className: "primary" }, label);
  again.addEventListener("click", rejoin);
  return h(
    "main",
    { className: "goodbye" },
    brand(),
    h("h1", {}, title),
    h("p", { className: "lead", role: "status" }, text),
    h("div", { className: "ways" }, again, h("a", { className: "button", href: "/" }, "Back to start")),
  );
}
