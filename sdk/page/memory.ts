/** What the page remembers between visits. Private windows may refuse; then it just forgets. */
export interface Remembered {
  name: string;
  microphone: string;
  camera: string;
  speaker: string;
}

const KEY = "vpaas";

export function remembered(): Remembered {
  const nothing = { name: "", microphone: "", camera: "", speaker: "" };
  try {
    return { ...nothing, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Remembered>) };
  } catch {
    return nothing;
  }
}

export function remember(change: Partial<Remembered>): void {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...remembered(), ...change }));
  } catch {
    // Nothing to do: see above.
  }
}
