// Keeps a server running and reached: attaches to one that is there, starts one where there is none, replaces one of
// another version or with settings that only a start can change, and forwards changed settings to the others.
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { connect } from "./connection.js";
import { unavailable } from "./errors.js";
import { startServer } from "./server.js";
import { writeFileOf } from "./settings.js";
import { sleep, within } from "./waiting.js";

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 30_000;
/** Who ran this long did not fail at once. */
const STEADY_MS = 10_000;
const START_MS = 30_000;
const HELLO_MS = 10_000;
const KNOCK_MS = 50;
const LOOK_MS = 1_000;
/** Who waits this long for the next try has failed several times. */
const HOPELESS_MS = 1_000;
const STOP_MS = 5_000;
/** How long live calls may still last when nobody wants the plugin any more. */
const FAREWELL_MS = 10_000;

export class Supervisor {
  #read;
  #python;
  #thinker;
  #log;
  #health;
  #version;
  #stopping = new AbortController();
  #running;
  #connection;
  #arrived = deferred();
  #failure = "";
  #delayMs = FIRST_DELAY_MS;
  #isLeaving = false;

  /** `read()` gives the settings as they are now; `python(settings, signal)` a command; `thinker` answers the server's
   * questions; `health` may be undefined. */
  constructor({ read, python, thinker, log, health, version }) {
    this.#read = read;
    this.#python = python;
    this.#thinker = thinker;
    this.#log = log;
    this.#health = health;
    this.#version = version;
  }

  start() {
    this.#running = this.#run();
  }

  /** Let go of the server, which goes on. */
  async stop() {
    this.#stopping.abort();
    this.#connection?.close();
    await within(STOP_MS, this.#running ?? Promise.resolve());
    this.#arrived.reject(unavailable("voicecall: the plugin was stopped", { retryable: true, retryAfterMs: 1_000 }));
  }

  /** Nobody wants the server any more. It finishes its calls, or says goodbye, and ends. */
  async dismiss() {
    const connection = await this.#knock(this.#read()).catch(() => undefined);
    if (!connection) return;
    await this.#drain(connection, FAREWELL_MS);
    connection.close();
  }

  /** The connection, as soon as there is one. Rejects after `ms`, saying why there is none. */
  async reached(ms) {
    if (this.#connection) return this.#connection;
    if (this.#isHopeless) throw this.#absence();
    const found = await within(ms, this.#arrived.promise);
    if (found) return found;
    throw this.#absence();
  }

  /** Several tries have failed: then nobody is kept waiting for the next. */
  get #isHopeless() {
    return this.#failure !== "" && this.#delayMs > HOPELESS_MS;
  }

  #absence() {
    const why = this.#failure || "it is starting";
    return unavailable(`voicecall is not running: ${why}`, { retryable: true, retryAfterMs: this.#delayMs });
  }

  get socket() {
    return this.#read().socket;
  }

  async #run() {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const began = Date.now();
      try {
        await this.#attend(signal);
        if (!signal.aborted && !this.#isLeaving) this.#log.warn("voicecall: the server went away; looking after it");
      } catch (error) {
        if (signal.aborted) return;
        this.#fail(error);
      }
      if (Date.now() - began > STEADY_MS || this.#isLeaving) this.#delayMs = FIRST_DELAY_MS;
      this.#isLeaving = false;
      await sleep(this.#delayMs, signal);
      this.#delayMs = Math.min(this.#delayMs * 2, LONGEST_DELAY_MS);
    }
  }

  #fail(error) {
    const words = String(error?.message ?? error);
    if (words !== this.#failure) this.#log.error(`voicecall: ${words}`);
    this.#failure = words;
    this.#health?.reportFailure?.(error);
    if (!this.#isHopeless) return;
    this.#arrived.reject(this.#absence());
    this.#arrived = deferred();
  }

  /** Find or start the server and stay with it as long as the connection lasts. */
  async #attend(signal) {
    const settings = this.#read();
    if (!settings.isWanted) return await this.#idle(signal);
    const found = await this.#knock(settings).catch(() => undefined);
    const connection = found ?? (await this.#launch(settings, signal));
    const leave = () => connection.close();
    signal.addEventListener("abort", leave, { once: true });
    try {
      if (signal.aborted) return;
      const hello = await greet(connection);
      this.#isLeaving = hello.draining;
      if (found) await this.#adopt(connection, hello, settings, signal);
      if (hello.agent === "gateway") await connection.call("voicecall.agent.attach");
      await connection.call("voicecall.log.subscribe", { level: "warning" }).catch(() => {});
      this.#settled(connection, hello, found);
      await this.#watch(connection, hello, settings);
    } finally {
      if (this.#connection) this.#arrived = deferred();
      this.#connection = undefined;
      this.#thinker.forget(connection);
      signal.removeEventListener("abort", leave);
      connection.close();
    }
  }

  /** Switched off in the plugin's own configuration, which hosts do not act upon. */
  async #idle(signal) {
    await this.dismiss();
    while (!signal.aborted && !this.#read().isWanted) await sleep(LOOK_MS, signal);
    this.#isLeaving = true;
  }

  async #launch(settings, signal) {
    const python = await this.#python(settings, signal);
    await writeFileOf(settings);
    if (signal.aborted) throw unavailable("stopped");
    const server = startServer(settings, python.command);
    let last;
    void server.exited.then((words) => {
      last = words;
    });
    const end = Date.now() + START_MS;
    while (last === undefined && Date.now() < end && !signal.aborted) {
      const connection = await this.#knock(settings).catch(() => undefined);
      if (connection) return connection;
      await sleep(KNOCK_MS, signal);
    }
    throw unavailable(last ?? `the server (process ${server.pid}) did not answer within ${START_MS / 1000} s`);
  }

  /** One that runs already: it may be older or newer than what we would start, or know older settings. */
  async #adopt(connection, hello, settings, signal) {
    const others = (hello.hosts ?? 1) - 1;
    if (hello.version !== this.#version && !hello.draining && others === 0) {
      const python = await this.#python(settings, signal).catch(() => undefined);
      if (python && python.version !== hello.version) {
        this.#log.info(`voicecall: version ${hello.version} runs; ${python.version} takes over when its calls are done`);
        await this.#drain(connection);
        return;
      }
    }
    const known = await readFile(settings.file, "utf8").catch(() => "");
    if (known !== written(settings)) await this.#take(() => this.#update(connection, hello, settings));
  }

  /** A server that cannot use a new configuration goes on with the one it has. */
  async #take(change) {
    try {
      await change();
    } catch (error) {
      this.#log.error(`voicecall: the new configuration was not taken: ${error.message}`);
    }
  }

  #settled(connection, hello, found) {
    this.#connection = connection;
    this.#arrived.resolve(connection);
    this.#failure = "";
    this.#health?.clearFailure?.();
    const how = found ? "attached to the running server" : "started the server";
    this.#log.info(`voicecall: ${how}, version ${hello.version}, carrier ${hello.provider}`);
  }

  /** Forward settings that change, until the connection is over. */
  async #watch(connection, hello, first) {
    let known = first;
    const look = () =>
      this.#take(async () => {
        const now = this.#read();
        if (same(now, known)) return;
        known = now;
        if (!now.isWanted) await this.#drain(connection, FAREWELL_MS);
        else if (restarts(now, first)) await this.#replace(connection, now);
        else await this.#update(connection, hello, now);
      });
    const timer = setInterval(look, LOOK_MS);
    await connection.closed;
    clearInterval(timer);
  }

  async #update(connection, hello, settings) {
    if (!hello.methods.includes("voicecall.config.update")) return this.#replace(connection, settings);
    const params = { config: settings.content, requestId: randomUUID(), by: "gateway" };
    const { applied = [], needsRestart = [] } = await connection.call("voicecall.config.update", params);
    await writeFileOf(settings);
    if (applied.length > 0) this.#log.info(`voicecall: new settings: ${applied.join(", ")}`);
    if (needsRestart.length > 0) {
      this.#log.info(`voicecall: starting again when calls are done, for ${needsRestart.join(", ")}`);
      await this.#drain(connection);
    }
  }

  async #replace(connection, settings) {
    await writeFileOf(settings);
    await this.#drain(connection);
  }

  /** No new calls; the server ends after the last one, and `#run` starts the next. */
  async #drain(connection, withinMs) {
    if (!connection?.isOpen) return;
    const bound = withinMs === undefined ? {} : { withinMs };
    try {
      await connection.call("voicecall.drain", { requestId: randomUUID(), by: "gateway", ...bound });
      this.#isLeaving = true;
    } catch (error) {
      this.#log.warn(`voicecall: the server goes on as it is: ${error.message}`);
    }
  }

  #knock(settings) {
    let connection;
    return connect(settings.socket, {
      onRequest: (id, method, params) => this.#thinker.ask(connection, id, method, params),
      onNotice: (method, params) => this.#hear(connection, method, params),
    }).then((made) => {
      connection = made;
      return made;
    });
  }

  #hear(connection, method, params) {
    if (method === "voicecall.log") this.#say(params.message ?? {});
    else this.#thinker.hear(connection, method, params);
  }

  #say({ level, event, timestamp: _, ...more }) {
    const words = Object.entries(more).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
    const write = level === "error" || level === "critical" ? this.#log.error : this.#log.warn;
    write.call(this.#log, `voicecall: ${event}${words.join("")}`);
  }
}

function greet(connection) {
  return connection.call("voicecall.hello", { protocol: 1, client: "openclaw", host: true }, { timeoutMs: HELLO_MS });
}

function written(settings) {
  return `${JSON.stringify(settings.content, null, 2)}\n`;
}

function same(one, other) {
  return written(one) === written(other) && !restarts(one, other);
}

/** What no running server can change: where it lives and how it was started. */
function restarts(one, other) {
  const fixed = (settings) => JSON.stringify([settings.state, settings.arguments, settings.python]);
  return fixed(one) !== fixed(other);
}

function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  made.promise.catch(() => {});
  return made;
}
