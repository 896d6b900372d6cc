// What goes wrong, in the words of the gateway: a code, a message, and whether it is worth trying again.

const INVALID_PARAMS = -32602;
const METHOD_NOT_FOUND = -32601;
const BAD_REQUEST = -32600;

/** An answer "no". `code` is one of the gateway's; `details` is for programs. */
export class Refusal extends Error {
  constructor(code, message, { details, retryable, retryAfterMs } = {}) {
    super(message);
    this.name = "Refusal";
    this.code = code;
    this.details = details;
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
  }

  /** The shape that `respond` wants. */
  shape() {
    const shape = { code: this.code, message: this.message };
    if (this.details !== undefined) shape.details = this.details;
    if (this.retryable) shape.retryable = true;
    if (this.retryAfterMs !== undefined) shape.retryAfterMs = this.retryAfterMs;
    return shape;
  }
}

/** The connection went away before the answer came: what was asked may or may not have been done. */
export class Lost extends Error {
  constructor(message = "the connection to voicecall was lost") {
    super(message);
    this.name = "Lost";
  }
}

export function invalid(message, field) {
  return new Refusal("INVALID_REQUEST", message, field ? { details: { code: "INVALID_REQUEST", field } } : {});
}

export function unavailable(message, more) {
  return new Refusal("UNAVAILABLE", message, more);
}

/** A JSON-RPC error object as a Refusal. */
export function refusalOf(error) {
  const badly = [INVALID_PARAMS, METHOD_NOT_FOUND, BAD_REQUEST].includes(error?.code);
  const code = badly ? "INVALID_REQUEST" : "UNAVAILABLE";
  return new Refusal(code, String(error?.message ?? "voicecall gave no reason"), { details: error?.data });
}

/** Any error as the gateway's shape; no stack leaves this process. */
export function shapeOf(error) {
  if (error instanceof Refusal) return error.shape();
  return unavailable(String(error?.message ?? error), { retryable: error instanceof Lost }).shape();
}
