import type { MediaOptions } from "../src/types.ts";
import { h } from "./dom.ts";
import { brand, icon } from "./icons.ts";
import { shortcuts } from "./keyboard.ts";
import { remember, remembered } from "./memory.ts";
import { randomRoom } from "./names.ts";
import { type PageOptions, roomName } from "./options.ts";
import { Preview } from "./preview.ts";

export interface Entry {
  room: string;
  name: string;
  media: MediaOptions;
}

export interface Landing {
  element: HTMLElement;
  /** Shows why joining failed and lets the visitor try again. */
  fail(message: Node | string): void;
  close(): void;
}

/** The page before a call. `onJoin` is called with what the visitor chose. */
export function landing(options: PageOptions, onJoin: (entry: Entry) => Promise<void>): Landing {
  const invited = options.room !== "" || options.accessToken !== "";
  const preview = new Preview(options);
  const name = h("input", {
    id: "name",
    name: "name",
    placeholder: "How others see you",
    autocomplete: "name",
    maxLength: 60,
    required: true,
    value: options.name || remembered().name,
  });
  const room = h("input", {
    id: "room",
    name: "room",
    autocomplete: "off",
    maxLength: 60,
    required: true,
    spellcheck: false,
    value: options.room || randomRoom(),
  });
  const join = h("button", { type: "submit", className: "primary wide" });
  const error = h("div", { className: "problem", role: "alert", hidden: true });
  const shuffle = h(
    "button",
    { type: "button", className: "inside", title: "Another name", aria: { label: "Another room name" } },
    icon("shuffle"),
  );
  const form = h(
    "form",
    { className: "entry" },
    h("h1", {}, invited ? "Ready to join?" : "Video calls on your own server"),
    h("p", { className: "lead" }, lead(options, invited)),
    h("label", { htmlFor: "name" }, "Your name"),
    name,
    ...(options.accessToken
      ? []
      : [h("label", { htmlFor: "room" }, "Room"), h("div", { className: "field" }, room, !invited && shuffle)]),
    join,
    error,
  );
  const ready = () => {
    join.disabled = false;
    join.textContent = invited ? "Join now" : "Start the call";
  };
  ready();

  name.addEventListener("input", () => preview.setName(name.value));
  preview.setName(name.value);
  shuffle.addEventListener("click", () => {
    room.value = randomRoom();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    room.value = roomName(room.value) || randomRoom();
    error.hidden = true;
    join.disabled = true;
    join.textContent = "Joining…";
    remember({ name: name.value.trim() });
    void onJoin({ room: room.value, name: name.value.trim(), media: preview.takeMedia() });
  });
  const endShortcuts = shortcuts({
    m: () => void preview.toggle("microphone"),
    v: () => void preview.toggle("camera"),
  });

  const element = h(
    "main",
    { className: "landing" },
    h("header", {}, brand()),
    h("div", { className: "columns" }, preview.element, form),
    h("footer", {}, "Audio and video travel encrypted and are not stored. ", h("a", { href: "/openapi.json" }, "API")),
  );
  void preview.open();
  return {
    element,
    fail(message) {
      ready();
      error.replaceChildren(message);
      error.hidden = false;
      void preview.open();
    },
    close() {
      endShortcuts();
      preview.close();
    },
  };
}

function lead(options: PageOptions, invited: boolean): string {
  if (options.accessToken) return "Check how you look and sound, then come in.";
  if (invited) return `You were invited to ${options.room}.`;
  return "Open a room and send its link to the others. No account, nothing to install.";
}
