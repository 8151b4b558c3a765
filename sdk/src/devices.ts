export interface Devices {
  microphones: MediaDeviceInfo[];
  cameras: MediaDeviceInfo[];
  speakers: MediaDeviceInfo[];
}

/** The devices of this machine. Browsers name them only once access to one was given. */
export async function devices(): Promise<Devices> {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const ofKind = (kind: MediaDeviceKind) => all.filter((each) => each.kind === kind && each.deviceId);
  return { microphones: ofKind("audioinput"), cameras: ofKind("videoinput"), speakers: ofKind("audiooutput") };
}
