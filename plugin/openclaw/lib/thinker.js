// Answers the server's questions with the gateway's agent: words as they come, and silence once nobody waits.
import { think } from "./agent.js";
import { ID, liveConfig } from "./settings.js";

const REHEARSAL_MS = 20_000;

export function createThinker(api, log) {
  /** What is being thought about: by connection, by the id of the question. */
  const open = new Map();
  let isWarm = false;

  async function reply(connection, id, question, signal) {
    const said = createSpeech((text) => connection.notify("agent.delta", { id, text }));
    try {
      const texts = await think(api.runtime.agent, liveConfig(api), question, { signal, onText: said.hear });
      if (signal.aborted) return;
      connection.answer(id, said.finish(texts));
    } catch (error) {
      if (signal.aborted) return;
      log.warn(`voicecall: call ${question.callId}: no reply: ${error?.message ?? error}`);
      connection.refuse(id, String(error?.message ?? error));
    }
  }

  /** The first turn of a process takes ten times as long as the next: take it while the telephone rings. In hosts before
   * `runEmbeddedAgent` all take as long, and stop everything meanwhile. */
  async function warm({ callId }) {
    const agentId = liveConfig(api).plugins?.entries?.[ID]?.config?.agentId ?? "main";
    if (isWarm || !api.runtime.agent?.runEmbeddedAgent) return;
    isWarm = true;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), REHEARSAL_MS);
    const question = {
      ...{ callId: `${callId ?? "warm"}:rehearsal`, turn: 0, agentId, sessionKey: `agent:${agentId}:voice:rehearsal` },
      ...{ text: 'Answer {"spoken": ""}.', direction: "outbound", peer: "nobody", timeoutMs: REHEARSAL_MS },
    };
    try {
      const options = { signal: limit.signal, onText: () => limit.abort(), isRehearsal: true };
      await think(api.runtime.agent, liveConfig(api), question, options);
    } catch (error) {
      if (!limit.signal.aborted) log.debug?.(`voicecall: the rehearsal failed: ${error?.message ?? error}`);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    ask(connection, id, method, params) {
      if (method !== "agent.reply") return connection.refuse(id, `${method}: unknown; this host knows agent.reply`);
      const mine = open.get(connection) ?? new Map();
      open.set(connection, mine);
      const control = new AbortController();
      mine.set(id, control);
      void reply(connection, id, params, control.signal).finally(() => mine.delete(id));
    },

    hear(connection, method, params) {
      if (method === "agent.cancel") open.get(connection)?.get(params.id)?.abort();
      if (method === "agent.warm") void warm(params);
    },

    forget(connection) {
      for (const control of open.get(connection)?.values() ?? []) control.abort();
      open.delete(connection);
    },
  };
}

/** Sends what the model writes while it writes it, once. One that uses tools writes several texts. */
function createSpeech(send) {
  let now = "";
  let hasBegun = false;
  const hear = (text) => {
    const isNext = !text.startsWith(now);
    const more = isNext ? `\n\n${text}` : text.slice(now.length);
    if (more) send(more);
    now = text;
    hasBegun ||= more !== "";
  };
  return {
    hear,

    /** The answer that ends the reply, given all its texts: they may say a little more than was told on the way. */
    finish(texts) {
      if (!hasBegun) return { text: texts.join("\n\n") };
      const last = texts.at(-1) ?? "";
      if (last.startsWith(now)) hear(last);
      return {};
    },
  };
}
