/** How to enter a room: the part of the server's `join` answer that the page needs. */
export interface Access {
  accessToken: string;
  iceServers?: RTCIceServer[];
}

export class AccessError extends Error {
  readonly demoOff: boolean;

  constructor(message: string, demoOff = false) {
    super(message);
    this.demoOff = demoOff;
  }
}

/** Gets a token without any key. Only a server in demo mode gives one. */
export async function demoAccess(room: string, displayName: string): Promise<Access> {
  let response: Response;
  try {
    response = await fetch("/demo/join", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ room, displayName }),
    });
  } catch {
    throw new AccessError("The server cannot be reached. Check your connection and try again.");
  }
  if (response.status === 403 || response.status === 404 || response.status === 405) {
    throw new AccessError("Rooms cannot be opened from this page on this server.", true);
  }
  const answer = (await response.json().catch(() => ({}))) as Partial<Access> & { detail?: string; title?: string };
  if (!response.ok || !answer.accessToken) {
    throw new AccessError(answer.detail ?? answer.title ?? `The server answered ${response.status}.`);
  }
  return { ...answer, accessToken: answer.accessToken };
}
