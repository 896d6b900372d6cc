// Where a request of the gateway, of the tool or of the command line goes.
import { randomUUID } from "node:crypto";
import { connect } from "./connection.js";
import { invalid, Lost, unavailable } from "./errors.js";
import { hostState, isWanted, liveConfig, settingsOf } from "./settings.js";
import { sleep } from "./waiting.js";

const TIMEOUT_MS = 30_000;
/** How long a request waits for a server that is starting. */
const START_MS = 15_000;
const PATIENCE_MS = 40_000;
const PAUSE_MS = 50;
const READS = new Set(["voicecall.status", "voicecall.continue.result", "voicecall.pairing.list", "voicecall.ping"]);
const DISABLED = "Voice call disabled in plugin config";

/** One per registration; `supervisor` is there between the start and the stop of the service. */
export function createVoice(api) {
  let home;
  const voice = {
    supervisor: undefined,

    /** Where the host keeps its state; the service is told, others find out. */
    useHome(folder) {
      home = folder;
    },

    settings() {
      const isSlow = Boolean(api.runtime?.agent?.runEmbeddedPiAgent) && !api.runtime.agent.runEmbeddedAgent;
      return settingsOf(liveConfig(api), { state: home ?? hostState(), pluginConfig: api.pluginConfig, isSlow });
    },

    isWanted: () => isWanted(liveConfig(api)),

    /** The answer. `params` are somebody's: everything about them is the server's to check. Rejects with a Refusal. */
    async ask(method, params, { by, signal } = {}) {
      if (!voice.isWanted()) throw unavailable(DISABLED);
      if (params !== undefined && params !== null && (typeof params !== "object" || Array.isArray(params))) {
        throw invalid("params: expected an object with named parameters", "params");
      }
      const named = READS.has(method) ? { ...params } : { ...params, by };
      if (!READS.has(method)) named.requestId ??= randomUUID();
      const patience = method === "voicecall.continue" ? voice.settings().transcriptTimeoutMs + PATIENCE_MS : TIMEOUT_MS;
      return await insist(voice, method, named, Date.now() + patience, signal);
    },
  };
  return voice;
}

/** Ask, and ask the next server again when one dies over it: a request has a name, so it is carried out once. */
async function insist(voice, method, params, end, signal) {
  for (let wait = START_MS; ; wait = Infinity) {
    const left = end - Date.now();
    try {
      const options = { timeoutMs: Math.max(left, 1), signal };
      if (!voice.supervisor) return await aside(voice.settings().socket, method, params, options);
      const connection = await voice.supervisor.reached(Math.max(Math.min(wait, left), 1));
      if (method !== "voicecall.continue") return await connection.call(method, params, options);
      return await aside(voice.supervisor.socket, method, params, options);
    } catch (error) {
      if (!(error instanceof Lost) || !voice.supervisor || end - Date.now() <= 0) throw error;
      await sleep(PAUSE_MS, signal);
    }
  }
}

/** A connection for one request: one that waits for a person must not keep a place that others need. */
async function aside(socket, method, params, options) {
  const connection = await connect(socket).catch((error) => {
    const words = `voicecall is not running (${error.code}); start the gateway: openclaw gateway run`;
    throw error.code === "EACCES" ? error : new Absent(words); // gone, going, or not there yet
  });
  try {
    return await connection.call(method, params, options);
  } finally {
    connection.close();
  }
}

/** Nobody listens. */
export class Absent extends Lost {}
