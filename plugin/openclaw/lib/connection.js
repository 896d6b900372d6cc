// JSON-RPC 2.0 with the server, one message a line, both ways, on its unix socket.
import net from "node:net";
import { StringDecoder } from "node:string_decoder";
import { Lost, refusalOf, unavailable } from "./errors.js";

/** The server carries out 64 requests of one connection at a time; the others wait here. */
const IN_FLIGHT = 48;
const TIMEOUT_MS = 30_000;

/** Connect, or reject with the system's error. `onRequest(id, method, params)` and `onNotice(method, params)` hear
 * what the server says by itself. */
export function connect(path, { onRequest = () => {}, onNotice = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(path);
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(new Connection(socket, onRequest, onNotice));
    });
  });
}

export class Connection {
  #socket;
  #waiting = new Map();
  #queue = [];
  #lastId = 0;
  #onRequest;
  #onNotice;

  constructor(socket, onRequest, onNotice) {
    this.#socket = socket;
    this.#onRequest = onRequest;
    this.#onNotice = onNotice;
    this.isOpen = true;
    /** Resolves when the connection is over, however it ended. */
    this.closed = new Promise((resolve) => socket.once("close", resolve)).then(() => this.#end());
    socket.on("error", () => {});
    this.#read();
  }

  /** The result. Rejects with a Refusal, or with Lost when the connection ended first. */
  call(method, params = {}, { timeoutMs = TIMEOUT_MS, signal } = {}) {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) return reject(new Lost());
      if (signal?.aborted) return reject(unavailable("cancelled"));
      const request = { method, params, resolve, reject };
      const give = (error) => this.#settle(request, () => reject(error));
      request.timer = setTimeout(() => give(unavailable(`${method}: no answer within ${timeoutMs} ms`)), timeoutMs);
      if (signal) {
        const abort = () => {
          if (request.id !== undefined) this.notify("voicecall.cancel", { id: request.id });
          give(unavailable("cancelled"));
        };
        signal.addEventListener("abort", abort, { once: true });
        request.forget = () => signal.removeEventListener("abort", abort);
      }
      this.#queue.push(request);
      this.#sendNext();
    });
  }

  notify(method, params = {}) {
    this.#write({ jsonrpc: "2.0", method, params });
  }

  answer(id, result) {
    this.#write({ jsonrpc: "2.0", id, result });
  }

  refuse(id, message) {
    this.#write({ jsonrpc: "2.0", id, error: { code: -32000, message } });
  }

  close() {
    this.#socket.destroy();
  }

  #write(message) {
    if (this.isOpen) this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  #sendNext() {
    while (this.#queue.length > 0 && this.#waiting.size < IN_FLIGHT) {
      const request = this.#queue.shift();
      request.id = ++this.#lastId;
      this.#waiting.set(request.id, request);
      this.#write({ jsonrpc: "2.0", id: request.id, method: request.method, params: request.params });
    }
  }

  #settle(request, finish) {
    clearTimeout(request.timer);
    request.forget?.();
    this.#waiting.delete(request.id);
    const queued = this.#queue.indexOf(request);
    if (queued >= 0) this.#queue.splice(queued, 1);
    finish();
    this.#sendNext();
  }

  #read() {
    const decoder = new StringDecoder("utf8");
    let rest = [];
    this.#socket.on("data", (data) => {
      const pieces = decoder.write(data).split("\n");
      for (const piece of pieces.slice(0, -1)) {
        rest.push(piece);
        const line = rest.join("");
        rest = [];
        if (line.trim()) this.#receive(line);
      }
      if (pieces.at(-1)) rest.push(pieces.at(-1));
    });
  }

  #receive(line) {
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      return; // not JSON: nothing that anybody could answer
    }
    if (typeof message?.method === "string") {
      if (message.id === undefined) this.#onNotice(message.method, message.params ?? {});
      else this.#onRequest(message.id, message.method, message.params ?? {});
      return;
    }
    const request = this.#waiting.get(message?.id);
    if (!request) return;
    this.#settle(request, () =>
      message.error ? request.reject(refusalOf(message.error)) : request.resolve(message.result),
    );
  }

  #end() {
    this.isOpen = false;
    const left = [...this.#waiting.values(), ...this.#queue];
    this.#queue = [];
    this.#waiting.clear();
    for (const request of left) {
      clearTimeout(request.timer);
      request.forget?.();
      request.reject(new Lost());
    }
  }
}
