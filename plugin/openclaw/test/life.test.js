import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { PYTHON, folder, host, person, serversIn, simulated, until } from "./stage.js";

const status = async (made) => (await made.call("voicecall.status", {}))[0];
const place = (made, to) => made.call("voicecall.start", { to, mode: "conversation" });
const HEARS = "+15551110001";

test("a host starts a server, another attaches to it, and both may go", async (t) => {
  const state = folder(t);
  const block = await simulated();
  const [one, two] = [host(state, block), host(state, block)];
  await one.start(); // does not wait for Python
  assert.equal(serversIn(state).length <= 1, true);
  assert.deepEqual(await one.call("voicecall.status", {}), [true, { found: true, calls: [] }]);
  const [pid] = serversIn(state);
  await two.start();
  const placed = await two.call("voicecall.start", { to: HEARS, mode: "conversation" });
  assert.equal(placed[0], true, JSON.stringify(placed));
  const seen = await one.call("voicecall.status", { callId: placed[1].callId });
  assert.equal(seen[1].found, true);
  await one.stop();
  await two.stop();
  assert.deepEqual(serversIn(state), [pid]);
  const three = host(state, block);
  await three.start();
  const found = await three.call("voicecall.status", { callId: placed[1].callId });
  assert.equal(found[1].found, true);
  assert.deepEqual(serversIn(state), [pid]);
  assert.ok(three.said.some((line) => /attached to the running server/.test(line)), three.said.join("\n"));
  await three.stop();
});

test("the file for the server holds secrets and is nobody else's to read", async (t) => {
  const state = folder(t);
  const made = host(state, await simulated(), { tts: { auto: "off" } });
  await made.ready();
  const file = path.join(state, "voice-calls", "gateway.json");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")).messages, { tts: { auto: "off" } });
});

test("kill -9: another one takes over, and who waits for a caller's words gets them", async (t) => {
  const state = folder(t);
  const block = await simulated({ agent: { provider: "scripted" } });
  const made = host(state, block);
  await made.ready();
  const waits = { do: "hear", limitMs: 60_000 };
  await person(block, HEARS, "answer", "hear", waits, { do: "say", text: "Thursday is fine." }, "hear", "staySilent");
  const [, { callId }] = await made.call("voicecall.start", { to: HEARS, message: "Hello.", mode: "conversation" });
  await until(async () => (await made.call("voicecall.status", { callId }))[1].call.state === "listening");
  const [pid] = serversIn(state);
  const asked = made.call("voicecall.continue", { callId, message: "Is Thursday good?" });
  await until(async () => (await made.call("voicecall.status", { callId }))[1].call.transcript.length > 1);
  process.kill(pid, "SIGKILL");
  await until(() => serversIn(state).some((one) => one !== pid));
  assert.deepEqual(await asked, [true, { success: true, transcript: "Thursday is fine." }]);
  assert.equal(made.isHealthy, true);
});

test("a server that cannot run is tried again, its words reach the host, and nobody is kept waiting", async (t) => {
  const state = folder(t);
  const block = await simulated({ maxConcurrentCalls: 0 });
  const made = host(state, block);
  await made.start();
  await until(() => made.failures.length >= 3);
  assert.match(made.failures[0], /maxConcurrentCalls/);
  assert.equal(made.said.filter((line) => line.startsWith("error")).length, 1, made.said.join("\n")); // said once
  const [ok, payload, error] = await made.call("voicecall.status", {});
  assert.deepEqual([ok, payload, error.code, error.retryable], [false, undefined, "UNAVAILABLE", true]);
  assert.match(error.message, /voicecall is not running: .*maxConcurrentCalls/s);
  assert.match((await made.use({ action: "get_status", callId: "x" })).error, /maxConcurrentCalls/);
  made.change({ ...block, maxConcurrentCalls: 1 });
  await until(() => made.isHealthy);
  assert.ok(await status(made));
});

test("Python that has no voicecall is named, with what to do", async (t) => {
  const made = host(folder(t), { voicecall: { python: "/bin/false" } });
  await made.start();
  await until(() => made.failures.length > 0);
  assert.match(made.failures[0], /voicecall\.python: \/bin\/false has no voicecall package; install it there/);
});

test("without a service, a tool asks whoever serves, and says when nobody does", async (t) => {
  const state = folder(t);
  const block = await simulated();
  const apart = host(state, { ...block, store: path.join(state, "voice-calls") });
  assert.match((await apart.use({ action: "get_status", callId: "x" })).error, /voicecall is not running .*start the gateway/);
  const made = host(state, block);
  await made.ready();
  assert.deepEqual(await apart.use({ action: "get_status", callId: "x" }), { found: false });
});

test("a plugin that is switched off answers so, and asks nobody", async () => {
  const made = host("/nowhere", { enabled: false });
  const [ok, , error] = await made.call("voicecall.status", {});
  assert.deepEqual([ok, error.code, error.message], [false, "UNAVAILABLE", "Voice call disabled in plugin config"]);
});

test("a change of the configuration counts, and ends no call", async (t) => {
  const state = folder(t);
  const block = await simulated({ maxConcurrentCalls: 1 });
  const made = host(state, block);
  await made.ready();
  await person(block, HEARS, "answer", "staySilent");
  const [, { callId }] = await place(made, HEARS);
  assert.match((await place(made, "+15551110002"))[2].message, /Maximum concurrent calls \(1\) reached/);
  made.change({ ...block, maxConcurrentCalls: 2 });
  await until(() => readFileSync(path.join(state, "voice-calls", "gateway.json"), "utf8").includes('"maxConcurrentCalls": 2'));
  assert.equal((await made.call("voicecall.status", { callId }))[1].call.endedAt, undefined);
  await made.call("voicecall.end", { callId });
  await until(async () => (await place(made, HEARS))[0] && (await place(made, "+15551110002"))[0]);
});

test("a plugin that is taken away takes its server along, once calls are over; a host that ends does not", async (t) => {
  const state = folder(t);
  const block = await simulated();
  const made = host(state, block);
  await made.ready();
  await person(block, HEARS, "answer", "staySilent");
  await place(made, HEARS);
  const [pid] = serversIn(state);
  await made.stop();
  assert.deepEqual(serversIn(state), [pid]);
  await made.ready();
  await made.stop();
  made.change(block, false); // a host says so only now
  await until(() => serversIn(state).length === 0);
});

test("a server of another version ends when its calls are over, and ours takes its place", async (t) => {
  const state = folder(t);
  const block = await simulated();
  const old = host(state, block);
  await old.ready();
  await person(block, HEARS, "answer", "staySilent");
  const [, { callId }] = await place(old, HEARS);
  await until(async () => (await old.call("voicecall.status", { callId }))[1].call.answeredAt);
  const [pid] = serversIn(state);
  await old.stop();
  const rootDir = path.join(state, "plugin");
  const python = path.join(state, "python");
  writeFileSync(python, `#!/bin/sh\n[ "$1" = -c ] && echo 99.0.0 && exit\nexec ${PYTHON} "$@"\n`);
  chmodSync(python, 0o755);
  mkdirSync(rootDir);
  writeFileSync(path.join(rootDir, "package.json"), '{"version": "99.0.0"}');
  const now = host(state, { ...block, voicecall: { python, simulate: true } }, { rootDir });
  await now.ready();
  assert.deepEqual(serversIn(state), [pid]);
  assert.equal((await now.call("voicecall.speak", { callId, message: "Still here." }))[0], true);
  assert.match((await place(now, "+15551110002"))[2].message, /drain|no new calls|stopping/i);
  await now.call("voicecall.end", { callId });
  await until(() => serversIn(state).length === 1 && serversIn(state)[0] !== pid);
  await until(() => status(now));
});

test("telephony that is switched off in the configuration has no server, and has one again when it is on", async (t) => {
  const state = folder(t);
  const block = await simulated();
  const made = host(state, block);
  await made.ready();
  made.change({ ...block, enabled: false });
  await until(() => serversIn(state).length === 0);
  assert.match((await made.call("voicecall.status", {}))[2].message, /disabled/);
  made.change(block);
  await until(() => status(made));
  assert.deepEqual(made.failures, []);
});
