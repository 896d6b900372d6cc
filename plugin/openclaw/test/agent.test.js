import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { createThinker } from "../lib/thinker.js";
import { folder, host, person, simulated, until } from "./stage.js";

const ASKS = "+15551110001";
const RESULT = { payloads: [{ text: "hmm", isReasoning: true }, { text: '{"spoken": "Thursday it is."}' }], meta: {} };

/** The gateway's agent in the shape of either generation: N (2026.9) or O (2026.4). `run` is its turn. */
function runtime(generation, run) {
  const seen = { runs: [], entries: {} };
  const turn = async (params) => {
    seen.runs.push(params);
    return await run(params);
  };
  const common = {
    defaults: { provider: "anthropic", model: "usual" },
    resolveAgentDir: (_cfg, id) => `/agents/${id}`,
    resolveAgentWorkspaceDir: (_cfg, id) => `/work/${id}`,
    resolveAgentIdentity: () => ({ name: "Ann" }),
    resolveThinkingDefault: ({ provider, model }) => `${provider}/${model}`,
    ensureAgentWorkspace: async () => {},
  };
  const resolveStorePath = (store, { agentId }) => path.join("/sessions", agentId);
  const N = {
    runEmbeddedAgent: turn,
    session: {
      resolveStorePath,
      patchSessionEntry: async ({ sessionKey, fallbackEntry, update }) => {
        seen.entries[sessionKey] = { ...fallbackEntry, ...seen.entries[sessionKey], ...update(seen.entries[sessionKey] ?? fallbackEntry) };
        return seen.entries[sessionKey];
      },
    },
  };
  const O = {
    runEmbeddedPiAgent: turn,
    session: {
      resolveStorePath,
      loadSessionStore: () => ({ ...seen.entries }),
      saveSessionStore: async (_path, store) => {
        seen.entries = store;
      },
      resolveSessionFilePath: (id, _entry, { agentId }) => `/sessions/${agentId}/${id}.jsonl`,
    },
  };
  return { seen, agent: { ...common, ...(generation === "N" ? N : O) } };
}

/** A thinker at a connection that keeps what is said on it. */
function thinking(agent, config = {}) {
  const said = [];
  const connection = {
    answer: (id, result) => said.push(["answer", id, result]),
    refuse: (id, words) => said.push(["refuse", id, words]),
    notify: (method, params) => said.push([method, params.id, params.text]),
  };
  const log = { debug() {}, warn: (text) => said.push(["log", text]) };
  const thinker = createThinker({ runtime: { agent, config: { current: () => config } } }, log);
  const ask = (more) => thinker.ask(connection, "agent-1", "agent.reply", { ...QUESTION, ...more });
  return { thinker, connection, said, ask };
}

const QUESTION = {
  ...{ callId: "c1", turn: 2, text: "Which day?", direction: "inbound", peer: "+15550001234", ours: "+15550009999" },
  ...{ agentId: "main", sessionKey: "agent:main:voice:15550001234", timeoutMs: 30_000 },
  ...{ responseModel: null, responseSystemPrompt: null, history: [{ speaker: "agent", text: "Good day." }], earlier: [] },
};

for (const generation of ["N", "O"]) {
  test(`${generation}: a turn in the caller's own session, in a lane of the call's own`, async () => {
    const { seen, agent } = runtime(generation, async () => RESULT);
    const { said, ask } = thinking(agent, { agents: { defaults: { model: { primary: "fake/fake-1" } } } });
    ask();
    await until(() => said.length === 1);
    ask({ callId: "c2", turn: 1 });
    await until(() => said.length === 2);
    assert.deepEqual(said[0], ["answer", "agent-1", { text: '{"spoken": "Thursday it is."}' }]);
    const [one, two] = seen.runs;
    assert.equal(one.sessionId, two.sessionId);
    assert.equal(one.sessionId, seen.entries[QUESTION.sessionKey].sessionId);
    assert.deepEqual([one.lane, two.lane], ["voice:c1", "voice:c2"]);
    assert.deepEqual([one.provider, one.model, one.thinkLevel], ["fake", "fake-1", "fake/fake-1"]);
    assert.deepEqual([one.sessionKey, one.prompt, one.timeoutMs], [QUESTION.sessionKey, "Which day?", 30_000]);
    if (generation === "N") assert.deepEqual(one.sessionTarget.sessionId, one.sessionId);
    else assert.equal(one.sessionFile, `/sessions/main/${one.sessionId}.jsonl`);
    assert.match(one.extraSystemPrompt, /Ann.*They called you from \+15550001234.*You: Good day\..*"spoken"/s);
    assert.notEqual(one.runId, two.runId);
  });
}

test("which model answers: the call's, else the agent's, else everybody's, else the host's own", async () => {
  const { seen, agent } = runtime("N", async () => RESULT);
  const list = [{ id: "sales", model: "x/mine" }];
  const cases = [
    [{ responseModel: "openrouter/a/b" }, {}, ["openrouter", "a/b"]],
    [{ responseModel: "short" }, {}, ["anthropic", "short"]],
    [{ agentId: "sales" }, { agents: { list, defaults: { model: "y/all" } } }, ["x", "mine"]],
    [{}, { agents: { list, defaults: { model: "y/all" } } }, ["y", "all"]],
    [{}, {}, ["anthropic", "usual"]],
  ];
  for (const [question, config, model] of cases) {
    const { said, ask } = thinking(agent, config);
    ask(question);
    await until(() => said.length === 1);
    assert.deepEqual([seen.runs.at(-1).provider, seen.runs.at(-1).model], model);
  }
});

test("words are said while the model writes them, and once", async () => {
  const { agent } = runtime("N", async ({ onPartialReply }) => {
    for (const text of ['{"spo', '{"spoken": "Let me', '{"spoken": "Let me look."}']) await onPartialReply({ text });
    for (const text of ['{"spoken": "Thurs', '{"spoken": "Thursday it is']) await onPartialReply({ text });
    return { payloads: [{ text: '{"spoken": "Let me look."}' }, { text: '{"spoken": "Thursday it is."}' }] };
  });
  const { said, ask } = thinking(agent);
  ask();
  await until(() => said.some(([kind]) => kind === "answer"));
  const words = said.filter(([kind]) => kind === "agent.delta").map(([, , text]) => text);
  const [one, two] = [['{"spo', 'ken": "Let me', ' look."}'], ['\n\n{"spoken": "Thurs', "day it is", '."}']];
  assert.deepEqual(words, [...one, ...two]);
  assert.deepEqual(said.at(-1), ["answer", "agent-1", {}]);
});

test("plain words, an error, nothing, and a turn that is broken off", async () => {
  const cases = [
    [async () => ({ payloads: [{ text: "Plain words." }] }), ["answer", "agent-1", { text: "Plain words." }]],
    [async () => ({ payloads: [] }), ["answer", "agent-1", { text: "" }]],
    [async () => ({ payloads: [], meta: { aborted: true } }), ["refuse", "agent-1", "the agent's turn was broken off"]],
    [async () => ({ payloads: [{ text: "No key.", isError: true }] }), ["refuse", "agent-1", "the agent failed: No key."]],
    [() => Promise.reject(new Error("boom")), ["refuse", "agent-1", "boom"]],
  ];
  for (const [run, expected] of cases) {
    const { said, ask } = thinking(runtime("O", run).agent);
    ask();
    await until(() => said.some(([kind]) => kind !== "log"));
    assert.deepEqual(said.at(-1), expected);
  }
});

test("a turn ends when nobody waits for it, and when the server goes; then nothing is said", async () => {
  for (const end of ["cancel", "forget"]) {
    const { seen, agent } = runtime("N", ({ abortSignal }) =>
      new Promise((_, reject) => abortSignal.addEventListener("abort", () => reject(new Error("aborted")))),
    );
    const { thinker, connection, said, ask } = thinking(agent);
    ask();
    await until(() => seen.runs.length === 1);
    if (end === "cancel") thinker.hear(connection, "agent.cancel", { id: "agent-1" });
    else thinker.forget(connection);
    await until(() => seen.runs[0].abortSignal.aborted);
    await new Promise(setImmediate);
    assert.deepEqual(said, []);
  }
});

test("the first ring takes one turn of a session that nobody keeps, and breaks it off at the first words", async () => {
  const { seen, agent } = runtime("N", async ({ onPartialReply, abortSignal }) => {
    onPartialReply({ text: "{" });
    assert.equal(abortSignal.aborted, true);
    throw new Error("aborted");
  });
  const { thinker, connection, said } = thinking(agent);
  thinker.hear(connection, "agent.warm", { callId: "c1" });
  thinker.hear(connection, "agent.warm", { callId: "c2" });
  await until(() => seen.runs.length === 1);
  await new Promise(setImmediate);
  assert.equal(seen.runs.length, 1);
  assert.equal(seen.runs[0].sessionPersistence, "detached");
  assert.deepEqual([said, seen.entries], [[], {}]);
});

test("a host whose every turn takes as long is not warmed up", async () => {
  const { seen, agent } = runtime("O", async () => RESULT);
  const { thinker, connection } = thinking(agent);
  thinker.hear(connection, "agent.warm", { callId: "c1" });
  await new Promise(setImmediate);
  assert.equal(seen.runs.length, 0);
});

test("what we do not know is refused", () => {
  const { thinker, connection, said } = thinking(runtime("N", async () => RESULT).agent);
  thinker.ask(connection, 7, "tts.telephony", {});
  assert.equal(said[0][0], "refuse");
});

test("a caller on the telephone is answered by the host's agent", async (t) => {
  const { seen, agent } = runtime("N", async ({ onPartialReply }) => {
    await onPartialReply({ text: '{"spoken": "Thursday' });
    return RESULT;
  });
  const block = await simulated();
  const made = host(folder(t), block, { agent });
  await made.ready();
  await person(block, ASKS, "answer", "hear", { do: "say", text: "Which day suits you?" }, "hear", "hangUp");
  const [, { callId }] = await made.call("voicecall.start", { to: ASKS, message: "Hello.", mode: "conversation" });
  const { call } = await until(async () => {
    const [, seen] = await made.call("voicecall.status", { callId });
    return seen.call.endedAt && seen;
  });
  const texts = call.transcript.map((line) => line.text);
  assert.deepEqual(texts, ["Hello.", "Which day suits you?", "Thursday it is."]);
  const [rehearsal, question] = seen.runs;
  assert.equal(rehearsal.sessionPersistence, "detached");
  assert.deepEqual([question.prompt, question.lane], ["Which day suits you?", `voice:${callId}`]);
  assert.equal(question.sessionKey, `agent:main:voice:${ASKS.slice(1)}`);
});
