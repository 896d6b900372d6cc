import assert from "node:assert/strict";
import { test } from "node:test";
import { hostState, isWanted, settingsOf } from "../lib/settings.js";

const env = { HOME: "/home/ann" };
const of = (block, core = {}) =>
  settingsOf({ ...core, plugins: { entries: { "voice-call": { config: block } } } }, { state: "/state", env });
const kept = (settings) => settings.content.plugins.entries["voice-call"].config;

test("speech settings of either generation of hosts reach the server in one place", () => {
  const tts = { provider: "openai" };
  assert.deepEqual(of({}, { tts }).content.messages, { tts });
  assert.deepEqual(of({}, { messages: { tts } }).content.messages, { tts });
  assert.equal(of({}).content.messages, undefined);
});

test("the host thinks for callers unless somebody else is named", () => {
  assert.equal(kept(of({})).agent.provider, "gateway");
  assert.equal(kept(of({ agent: { provider: "openai" } })).agent.provider, "openai");
  assert.deepEqual(kept(of({ agent: { script: ["Hi."] } })).agent, { provider: "gateway", script: ["Hi."] });
});

test("the plugin's own key is not the server's; every other is passed on as it is", () => {
  const block = { provider: "log", twilio: { from: "+15550001234" }, bogus: 1, voicecall: { simulate: false } };
  assert.deepEqual(kept(of(block)), { provider: "log", twilio: block.twilio, bogus: 1, agent: { provider: "gateway" } });
});

test("where calls are kept", () => {
  assert.equal(of({}).state, "/state/voice-calls");
  assert.equal(of({ store: "~/calls" }).state, "/home/ann/calls");
  assert.equal(of({ store: "/there", voicecall: { stateDir: "/here" } }).state, "/here");
  assert.equal(hostState({ HOME: "/home/ann" }), "/home/ann/.openclaw");
  assert.equal(hostState({ HOME: "/home/ann", OPENCLAW_STATE_DIR: "~/x" }), "/home/ann/x");
  assert.equal(hostState({ HOME: "/home/ann", OPENCLAW_HOME: "/o" }), "/o/.openclaw");
});

test("the network is simulated where there is no carrier, unless it is somewhere else", () => {
  const simulates = (block) => of(block).arguments.includes("--simulate");
  for (const provider of [undefined, "mock", "log"]) assert.equal(simulates({ provider }), true);
  assert.equal(simulates({ provider: "twilio" }), false);
  assert.equal(simulates({ mock: { apiUrl: "http://127.0.0.1:1" } }), false);
  assert.equal(simulates({ provider: "twilio", voicecall: { simulate: true } }), true);
  assert.equal(simulates({ voicecall: { simulate: false } }), false);
});

test("Python by path, by name, or as a command", () => {
  assert.deepEqual(of({ voicecall: { python: "~/v/bin/python" } }).python, ["/home/ann/v/bin/python"]);
  assert.deepEqual(of({ voicecall: { python: "python3" } }).python, ["python3"]);
  assert.deepEqual(of({ voicecall: { python: ["uv", "run", "python"] } }).python, ["uv", "run", "python"]);
  assert.equal(of({}).python, undefined);
});

test("whether anybody wants the plugin", () => {
  const entry = (more) => ({ entries: { "voice-call": more } });
  const cases = [
    [{}, true],
    [{ plugins: entry({}) }, true],
    [{ plugins: { allow: ["voice-call"], ...entry({ enabled: true }) } }, true],
    [{ plugins: entry({ enabled: false }) }, false],
    [{ plugins: entry({ config: { enabled: false } }) }, false],
    [{ plugins: { enabled: false } }, false],
    [{ plugins: { deny: ["voice-call"] } }, false],
    [{ plugins: { allow: ["telegram"] } }, false],
  ];
  for (const [config, wanted] of cases) assert.equal(isWanted(config), wanted, JSON.stringify(config));
});

test("callers have more patience with a slow host, unless the user says how much", () => {
  const patience = (block, isSlow) =>
    kept(settingsOf({ plugins: { entries: { "voice-call": { config: block } } } }, { state: "/s", env, isSlow })).patience;
  assert.equal(patience({}, false), undefined);
  assert.equal(patience({}, true).agentMs.length, 4);
  assert.deepEqual(patience({ patience: { agentMs: [1, 2, 3] } }, true), { agentMs: [1, 2, 3] });
});
