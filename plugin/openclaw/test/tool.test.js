import assert from "node:assert/strict";
import { test } from "node:test";
import { dials, folder, host, person, simulated, until } from "./stage.js";

const ANSWERS = "+15551110001";

test("a call by the tool, and what never becomes one", async (t) => {
  const block = await simulated({ agent: { provider: "scripted" }, toNumber: ANSWERS });
  const made = host(folder(t), block);
  await made.ready();
  await person(block, ANSWERS, "answer", "hear", "hear", { do: "say", text: "Half past nine." }, "staySilent");
  const { callId, initiated } = await made.use({ action: "initiate_call", message: "Hello.", mode: "conversation", to: null });
  assert.equal(initiated, true);
  const state = async () => (await made.use({ action: "get_status", callId })).call.state;
  await until(async () => (await state()) === "listening");
  const answer = await made.use({ action: "continue_call", callId, message: "When?", to: "", mode: null });
  assert.deepEqual(answer, { success: true, transcript: "Half past nine." });
  assert.deepEqual(await made.use({ action: "send_dtmf", callId, digits: "5" }), { success: true });
  assert.deepEqual(await made.use({ action: "speak_to_user", callId, message: "Good." }), { success: true });
  assert.equal((await made.use({ mode: "status", sid: callId })).found, true);
  assert.deepEqual(await made.use({ action: "end_call", callId }), { success: true });

  const before = await dials(block);
  const to = ANSWERS;
  const wrong = [
    [{ action: "dance", to, message: "Hi." }, /action: unknown, "dance"; known: initiate_call/],
    [{ action: "", to }, /action: unknown/],
    [{ action: null, to }, /action: unknown/],
    [{ action: 5, to }, /action: unknown/],
    [{ action: ["initiate_call"], to, message: "Hi." }, /action: unknown/],
    [{ action: "constructor", to }, /action: unknown/],
    [{ mode: "end", sid: callId }, /mode: unknown, "end"/],
    [{ mode: "status" }, /sid required for status/],
    [{ action: "initiate_call" }, /message required/],
    [{ action: "initiate_call", to: "around the corner", message: "Hi." }, /E\.164/],
    [{ action: "get_status" }, /callId required/],
    [{ action: "end_call" }, /callId required/],
    [{ action: "continue_call", callId }, /callId and message required/],
    [{ action: "send_dtmf", callId: "nobody", digits: "1" }, /Call not found/],
  ];
  for (const [args, words] of wrong) {
    const { error } = await made.use(args);
    assert.match(error ?? "no error", words, JSON.stringify(args));
  }
  assert.equal(await dials(block), before);
  assert.equal((await made.use({ message: "Hello again." })).initiated, true); // the old form: to the configured number
  await until(async () => (await dials(block)) === before + 1);
});

test("the answer is text for a model and data for a program; errors are answers", async () => {
  const made = host("/nowhere", {});
  const result = await made.tools.voice_call.execute("1", { action: "dance" });
  assert.deepEqual(JSON.parse(result.content[0].text), result.details);
  assert.equal(result.content[0].type, "text");
  assert.match(result.details.error, /dance/);
  for (const args of [undefined, null, "x", 5]) assert.match((await made.use(args)).error, /to required for call/);
});
