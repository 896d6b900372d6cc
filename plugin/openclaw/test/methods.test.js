import assert from "node:assert/strict";
import { test } from "node:test";
import { folder, host, person, simulated, until } from "./stage.js";

const ANSWERS = "+15551110001";

test("a call by the gateway's methods, from the first word to the last", async (t) => {
  const block = await simulated({ agent: { provider: "scripted" } });
  const made = host(folder(t), block);
  await made.ready();
  const ask = async (name, params) => {
    const [ok, payload, error] = await made.call(name, params);
    assert.ok(ok, `${name}: ${JSON.stringify(error)}`);
    return payload;
  };
  const [one, two] = ["Thursday.", "No, thank you."].map((text) => ({ do: "say", text }));
  await person(block, ANSWERS, "answer", "hear", "hear", one, "hear", two, "staySilent");
  const { callId, initiated } = await ask("voicecall.initiate", { to: ANSWERS, message: "Hello.", mode: "conversation" });
  assert.equal(initiated, true);
  const { call } = await until(async () => {
    const seen = await ask("voicecall.status", { sid: callId });
    return seen.call.state === "listening" && seen;
  });
  assert.equal((await ask("voicecall.status", { callId: call.providerCallId })).call.callId, callId);
  assert.deepEqual((await ask("voicecall.status", {})).calls.map((one) => one.callId), [callId]);
  const answer = await ask("voicecall.continue", { callId, message: "Which day?" });
  assert.deepEqual(answer, { success: true, transcript: "Thursday." });
  const { operationId, status } = await ask("voicecall.continue.start", { callId, message: "Anything else?" });
  assert.equal(status, "pending");
  const done = await until(async () => {
    const result = await ask("voicecall.continue.result", { operationId });
    return result.status !== "pending" && result;
  });
  assert.equal(done.result.transcript, "No, thank you.");
  assert.deepEqual(await ask("voicecall.dtmf", { callId, digits: "1#" }), { success: true });
  assert.deepEqual(await ask("voicecall.speak", { callId, message: "Goodbye." }), { success: true });
  assert.deepEqual(await ask("voicecall.end", { callId }), { success: true });
  assert.deepEqual(await ask("voicecall.status", { callId: "nobody" }), { found: false });

  const wrong = [
    ["voicecall.initiate", {}, "INVALID_REQUEST", /message required/],
    ["voicecall.initiate", { message: "Hi." }, "INVALID_REQUEST", /to required/],
    ["voicecall.start", { to: 5 }, "INVALID_REQUEST", /to: expected text/],
    ["voicecall.start", "everything", "INVALID_REQUEST", /params: expected an object/],
    ["voicecall.start", [ANSWERS], "INVALID_REQUEST", /params: expected an object/],
    ["voicecall.end", { callld: callId }, "INVALID_REQUEST", /did you mean callId|callId required/],
    ["voicecall.end", {}, "INVALID_REQUEST", /callId required/],
    ["voicecall.continue.result", { operationId: "x" }, "INVALID_REQUEST", /operation not found/],
    ["voicecall.speak", { callId: "nobody", message: "Hi." }, "UNAVAILABLE", /Call not found/],
    ["voicecall.speak", { callId, message: "Hi." }, "UNAVAILABLE", /Call (has ended|not connected)/],
  ];
  for (const [name, params, code, words] of wrong) {
    const [ok, payload, error] = await made.call(name, params);
    assert.deepEqual([ok, payload, error.code], [false, undefined, code], `${name} ${JSON.stringify(params)}`);
    assert.match(error.message, words);
  }
});
