import "./style/base.css";
import "./style/landing.css";
import "./style/call.css";

import { WebRTC } from "../src/index.ts";
import { AccessError, type Access, demoAccess } from "./access.ts";
import { CallView } from "./call-view.ts";
import { h } from "./dom.ts";
import { type Goodbye, goodbye } from "./goodbye.ts";
import { type Entry, landing } from "./landing.ts";
import { remembered } from "./memory.ts";
import { mediaOptions, readOptions } from "./options.ts";

declare global {
  interface Window {
    /** For the console and for browser tests. */
    vpaas: { WebRTC: typeof WebRTC; call?: WebRTC };
  }
}

window.vpaas = { WebRTC };
const app = document.getElementById("app")!;
const options = readOptions(new URL(location.href));

function showLanding(): void {
  delete window.vpaas.call;
  const view = landing(options, async (entry) => {
    try {
      await enter(entry);
      view.close();
    } catch (error) {
      if (!view.element.isConnected) app.replaceChildren(view.element);
      view.fail(explain(error as Error));
    }
  });
  app.replaceChildren(view.element);
}

/** Joins and shows the call; rejects when that fails. */
async function enter({ room, name, media }: Entry): Promise<void> {
  const access: Access = options.accessToken
    ? { accessToken: options.accessToken }
    : await demoAccess(room, name).catch((error: unknown) => {
        stopTracks(media);
        throw error;
      });
  const call = new WebRTC({
    displayName: name,
    ...(access.iceServers ? { iceServers: access.iceServers } : {}),
    ...(options.codec ? { codec: options.codec } : {}),
  });
  window.vpaas.call = call;
  options.room = room;
  if (!options.accessToken) history.replaceState(null, "", roomAddress(room, new URL(location.href)));
  const view = new CallView(call, {
    title: options.accessToken ? "" : room,
    name,
    inviteLink: options.accessToken ? undefined : roomAddress(room, new URL("/", location.href)),
    camera: typeof options.video === "object" ? options.video : {},
  });
  const hangUp = () => call.destroy();
  window.addEventListener("pagehide", hangUp);
  let joined = false;
  call.on("connection", (state) => {
    joined ||= state === "connected";
  });
  call.on("disconnected", ({ error }) => {
    window.removeEventListener("pagehide", hangUp);
    view.close();
    if (joined) app.replaceChildren(goodbye(farewell(error), showLanding));
  });
  app.replaceChildren(view.element);
  await call.create(access.accessToken, media);
}

function roomAddress(room: string, address: URL): string {
  address.hash = "";
  address.searchParams.set("room", room);
  return address.href;
}

function farewell(error?: Error): Goodbye {
  return error
    ? { title: "The call has ended", text: error.message, again: "Try again" }
    : { title: "You left the call", text: "The room stays open for the others.", again: "Rejoin" };
}

function explain(error: Error): Node | string {
  if (!(error instanceof AccessError && error.demoOff)) return error.message;
  return h(
    "span",
    {},
    `${error.message} Demo mode is off: the app that uses this server makes a room, asks for an access token with `,
    h("code", {}, "POST /vpaas/rooms/{id}/join"),
    ", and sends people here with ",
    h("code", {}, "/?accessToken=…"),
    ".",
  );
}

function stopTracks({ audio, video }: Entry["media"]): void {
  for (const input of [audio, video]) if (input instanceof MediaStreamTrack) input.stop();
}

async function start(): Promise<void> {
  const name = options.name || remembered().name || "Guest";
  if (!options.autojoin || !(options.room || options.accessToken)) return showLanding();
  try {
    await enter({ room: options.room, name, media: mediaOptions(options) });
  } catch (error) {
    const text = explain(error as Error);
    app.replaceChildren(goodbye({ title: "You could not join", text, again: "Try again" }, showLanding));
  }
}

void start();
