import { h } from "./dom.ts";

const PATHS = {
  mic: '<rect x="9" y="3" width="6" height="11" rx="3"/><path d="M5 11a7 7 0 0 0 14 0M12 18v3"/>',
  micOff:
    '<path d="M9 9v2a3 3 0 0 0 4.5 2.6M15 10.5V6a3 3 0 0 0-5.8-1M5 11a7 7 0 0 0 10.6 6M19 11a7 7 0 0 1-.6 2.8M12 18v3M4 3l16 18"/>',
  camera: '<rect x="3" y="6" width="12" height="12" rx="3"/><path d="m15 11 6-3.5v9L15 13"/>',
  cameraOff: '<path d="M6 6a3 3 0 0 0-3 3v6a3 3 0 0 0 3 3h6a3 3 0 0 0 2.6-1.5M10 6h2a3 3 0 0 1 3 3v2l6-3.5v9l-3-1.7M4 3l16 18"/>',
  screen: '<rect x="3" y="4" width="18" height="13" rx="2.5"/><path d="M12 13.5V8m-2.5 2.2L12 7.7l2.5 2.5M8 21h8"/>',
  screenOff: '<rect x="3" y="4" width="18" height="13" rx="2.5"/><path d="m9.5 8 5 5m0-5-5 5M8 21h8"/>',
  link: '<path d="M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1"/>',
  settings:
    '<path d="M4 7h9m5 0h2M4 17h2m5 0h9"/><circle cx="15.5" cy="7" r="2.5"/><circle cx="8.5" cy="17" r="2.5"/>',
  leave: '<path d="M12 8.4c-3.6 0-6.9 1.1-9.1 3.1-1 .9-1.2 2.3-.5 3.5l.9 1.5c.5.8 1.5 1.1 2.3.7l2.6-1.2c.7-.3 1.1-1 1.1-1.7v-1.5c1.8-.5 3.6-.5 5.4 0v1.5c0 .7.4 1.4 1.1 1.7l2.6 1.2c.8.4 1.8.1 2.3-.7l.9-1.5c.7-1.2.5-2.6-.5-3.5-2.2-2-5.5-3.1-9.1-3.1Z"/>',
  people: '<circle cx="9" cy="8" r="3.5"/><path d="M2.5 19.5a6.5 6.5 0 0 1 13 0M16 5a3.5 3.5 0 0 1 0 6.5M18.5 15a6.5 6.5 0 0 1 3 4.5"/>',
  pin: '<path d="M9 4h6l-.7 6 3.2 3.5h-11L9.7 10 9 4ZM12 13.5V20"/>',
  unpin: '<path d="M9 4h6l-.7 6 3.2 3.5h-11L9.7 10 9 4ZM12 13.5V20M4 3l16 18"/>',
  speaker: '<path d="M4 9.5v5h3.5L12 18.5v-13L7.5 9.5H4ZM15.5 9a4 4 0 0 1 0 6M18 6.5a7.5 7.5 0 0 1 0 11"/>',
  shuffle: '<path d="M4 7h3l9 10h4m-2.5-2.5L20 17l-2.5 2.5M4 17h3l2.5-2.8M13.5 9.8 16 7h4m-2.5-2.5L20 7l-2.5 2.5"/>',
  expand: '<path d="M4 9V5.5A1.5 1.5 0 0 1 5.5 4H9m6 0h3.5A1.5 1.5 0 0 1 20 5.5V9m0 6v3.5a1.5 1.5 0 0 1-1.5 1.5H15m-6 0H5.5A1.5 1.5 0 0 1 4 18.5V15"/>',
  close: '<path d="m6 6 12 12M18 6 6 18"/>',
} as const;

export type IconName = keyof typeof PATHS;

/** A line icon in the colour of the text; hidden from screen readers, since its button has a label. */
export function icon(name: IconName): HTMLElement {
  const holder = h("span", { className: "icon", aria: { hidden: "true" } });
  holder.innerHTML = `<svg viewBox="0 0 24 24">${PATHS[name]}</svg>`;
  return holder;
}

/** The logo without the name. */
export function mark(): HTMLElement {
  const mark = h("span", { className: "mark", aria: { hidden: "true" } });
  mark.innerHTML =
    '<svg viewBox="0 0 32 32"><path class="mark-back" d="M11 4h13a5 5 0 0 1 5 5v13"/><rect class="mark-front" x="3" y="9" width="20" height="19" rx="5"/><path class="mark-play" d="m10.5 14.3 7 4.2-7 4.2Z"/></svg>';
  return mark;
}

export function brand(): HTMLElement {
  return h("span", { className: "brand" }, mark(), "VPaaS");
}
