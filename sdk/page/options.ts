import type { Codec, MediaOptions } from "../src/types.ts";

/** What the page's address asks for. */
export interface PageOptions {
  room: string;
  name: string;
  accessToken: string;
  autojoin: boolean;
  codec: Codec | undefined;
  /** `false`: off; `true`: with the default settings. */
  audio: boolean;
  video: boolean | MediaTrackConstraints;
}

const CODECS: readonly string[] = ["vp8", "vp9", "h264", "av1"];

/** `?room=NAME` or `#NAME`, `name`, `accessToken`, `autojoin=1`, `codec=vp9`, `video=640x360[@15]|off`, `audio=off`. */
export function readOptions(address: URL): PageOptions {
  const query = address.searchParams;
  const codec = (query.get("codec") ?? "").toLowerCase();
  return {
    room: roomName(query.get("room") ?? decodeURIComponent(address.hash.slice(1))),
    name: (query.get("name") ?? "").trim().slice(0, 60),
    accessToken: query.get("accessToken") ?? "",
    autojoin: query.get("autojoin") === "1",
    codec: CODECS.includes(codec) ? (codec as Codec) : undefined,
    audio: query.get("audio") !== "off",
    video: videoOption(query.get("video") ?? ""),
  };
}

/** Room names go into links: lower case, dashes for blanks. */
export function roomName(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/[\s_]+/g, "-")
    .replace(/[^\p{L}\p{N}-]/gu, "")
    .slice(0, 60);
}

export function mediaOptions({ audio, video }: PageOptions): MediaOptions {
  return { audio, video };
}

function videoOption(text: string): PageOptions["video"] {
  if (text === "off") return false;
  const size = /^(\d{2,4})x(\d{2,4})(?:@(\d{1,3}))?$/.exec(text);
  if (!size) return true;
  const [, width, height, rate] = size;
  return {
    width: { ideal: Number(width) },
    height: { ideal: Number(height) },
    ...(rate ? { frameRate: { ideal: Number(rate) } } : {}),
  };
}
