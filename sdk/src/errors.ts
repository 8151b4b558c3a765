/** What went wrong. `code` is the server's (a WebSocket close code, or 400…500 of a refused request), or 0 when it
 *  arose in the browser; `name` is stable and meant for programs, `message` is plain English for people. */
export class CallError extends Error {
  readonly code: number;
  override readonly name: string;

  constructor(code: number, name: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = name;
  }
}

const CLOSE_CODES: Record<number, [name: string, message: string]> = {
  1012: ["ServerRestarting", "The server is restarting."],
  4401: ["TokenRejected", "The access token was not accepted"],
  4403: ["MalformedMessage", "The server could not read a message of this client"],
  4404: ["RoomNotFound", "The room has ended or does not exist."],
  4409: ["RoomFull", "The room is full."],
  4410: ["Removed", "You were removed, or joined from another place."],
};

const REQUEST_CODES: Record<number, string> = {
  400: "InvalidRequest",
  403: "NotPermitted",
  404: "NotFound",
  409: "Conflict",
  429: "TooManyRequests",
  500: "ServerError",
};

const DEVICE_ERRORS: Record<string, string> = {
  NotAllowedError: "permission was not given",
  NotFoundError: "no such device was found",
  NotReadableError: "the device is in use by another program, or does not work",
  OverconstrainedError: "the device cannot do what was asked of it",
};

/** Another try cannot help after these. */
const FINAL_CODES = new Set([400, 403, 404, 4401, 4403, 4404, 4409, 4410]);

export function isFinal(error: unknown): boolean {
  return error instanceof CallError && FINAL_CODES.has(error.code);
}

export function closeError(code: number, reason: string): CallError {
  const known = CLOSE_CODES[code];
  if (!known) return new CallError(code, "ConnectionLost", reason || "The connection to the server was lost.");
  const [name, message] = known;
  const text = message.endsWith(".") ? message : `${message}${reason ? `: ${reason}` : ""}.`;
  return new CallError(code, name, text);
}

export function roomClosedError(reason?: string): CallError {
  return new CallError(4404, "RoomClosed", `The room was closed${reason ? `: ${reason}` : ""}.`);
}

/** From what a protoo request rejects with: the server's error response, a timeout, or a closed peer. */
export function requestError(method: string, cause: unknown): CallError {
  if (cause instanceof CallError) return cause;
  const { code = 0, message = String(cause) } = cause as { code?: number; message?: string };
  return new CallError(code, REQUEST_CODES[code] ?? "RequestFailed", `${method}: ${message}`, { cause });
}

/** From what getUserMedia, getDisplayMedia or mediasoup-client throw. */
export function deviceError(source: string, cause: unknown): CallError {
  if (cause instanceof CallError) return cause;
  const { name = "Error", message = String(cause) } = cause as Partial<Error>;
  const reason = DEVICE_ERRORS[name] ?? message.replace(/\.$/, "");
  return new CallError(0, name, `${source[0]!.toUpperCase()}${source.slice(1)}: ${reason}.`, { cause });
}
