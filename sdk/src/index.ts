export { WebRTC } from "./call.ts";
export { type Devices, devices } from "./devices.ts";
export { CallError } from "./errors.ts";
export { openScreen, openTrack } from "./media.ts";
export type {
  CallEvents,
  CallOptions,
  CallStats,
  Codec,
  ConnectionState,
  Device,
  Disconnection,
  Kind,
  Layers,
  LocalStream,
  MediaInput,
  MediaOptions,
  MediaStatus,
  Participant,
  Permissions,
  RemoteStream,
  Room,
  Source,
} from "./types.ts";
