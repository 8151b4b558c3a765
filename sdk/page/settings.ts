import { DevicePicker, type Pick } from "./device-picker.ts";
import { h } from "./dom.ts";
import { icon } from "./icons.ts";

/** Device choice during a call. */
export function openSettings(onPick: (pick: Pick, deviceId: string) => void): void {
  const picker = new DevicePicker(onPick);
  const close = h(
    "button",
    { type: "button", className: "plain", title: "Close", aria: { label: "Close" } },
    icon("close"),
  );
  const dialog = h(
    "dialog",
    { className: "settings", aria: { label: "Settings" } },
    h("header", {}, h("h2", {}, "Devices"), close),
    picker.element,
    h("p", { className: "hint" }, "Keys: M microphone, V camera, S share screen. Double-click a tile for full screen."),
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // the backdrop
  });
  dialog.addEventListener("close", () => {
    picker.close();
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
}
