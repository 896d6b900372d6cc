import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { connect } from "../lib/connection.js";
import { Lost } from "../lib/errors.js";
import { until } from "./stage.js";

/** A server that keeps what it is told and says what it is told to. */
async function stand(t, options) {
  const folder = mkdtempSync(path.join(tmpdir(), "vc-"));
  const heard = [];
  let socket;
  const server = net.createServer((one) => {
    socket = one.setEncoding("utf8").on("error", () => {});
    let rest = "";
    one.on("data", (data) => {
      const lines = (rest + data).split("\n");
      rest = lines.pop();
      heard.push(...lines.map((line) => JSON.parse(line)));
    });
  });
  await new Promise((resolve) => server.listen(path.join(folder, "s"), resolve));
  const connection = await connect(path.join(folder, "s"), options);
  t.after(() => {
    connection.close();
    server.close();
    rmSync(folder, { recursive: true });
  });
  await until(() => socket);
  return { connection, heard, say: (text) => socket.write(text), socket: () => socket };
}

test("answers in any order, in pieces, between lines that mean nothing", async (t) => {
  const { connection, heard, say } = await stand(t);
  const [one, two] = [connection.call("a"), connection.call("b", { x: "é" })];
  await until(() => heard.length === 2);
  assert.deepEqual(heard[1], { jsonrpc: "2.0", id: 2, method: "b", params: { x: "é" } });
  const bytes = Buffer.from('not json\n\n{"jsonrpc":"2.0","id":2,"result":"ü"}\n{"id":77,"result":1}\n{"id":1,"result":');
  say(bytes.subarray(0, 41));
  await new Promise(setImmediate);
  say(bytes.subarray(41));
  assert.equal(await two, "ü");
  say("null}\n");
  assert.equal(await one, null);
});

test("a refusal keeps its words and its data, in the gateway's codes", async (t) => {
  const { connection, heard, say } = await stand(t);
  const codes = { [-32602]: "INVALID_REQUEST", [-32601]: "INVALID_REQUEST", [-32000]: "UNAVAILABLE", [-32603]: "UNAVAILABLE" };
  for (const [code, expected] of Object.entries(codes)) {
    const asked = connection.call("a");
    await until(() => heard.length > 0);
    const { id } = heard.pop();
    say(`${JSON.stringify({ jsonrpc: "2.0", id, error: { code: Number(code), message: "no", data: { field: "x" } } })}\n`);
    await assert.rejects(asked, { code: expected, message: "no", details: { field: "x" } });
  }
});

test("who waits when the connection ends is told that it ended; who asks later, too", async (t) => {
  const { connection, socket } = await stand(t);
  const asked = connection.call("a");
  socket().destroy();
  await assert.rejects(asked, Lost);
  await connection.closed;
  await assert.rejects(connection.call("b"), Lost);
});

test("an answer that does not come, and one that nobody wants any more", async (t) => {
  const { connection, heard } = await stand(t);
  await assert.rejects(connection.call("slow", {}, { timeoutMs: 20 }), /slow: no answer within 20 ms/);
  const control = new AbortController();
  const asked = connection.call("long", {}, { signal: control.signal });
  await until(() => heard.length === 2);
  control.abort();
  await assert.rejects(asked, /cancelled/);
  await until(() => heard.length === 3);
  assert.deepEqual(heard[2], { jsonrpc: "2.0", method: "voicecall.cancel", params: { id: heard[1].id } });
  await assert.rejects(connection.call("never", {}, { signal: control.signal }), /cancelled/);
});

test("no more requests are under way than the server carries out", async (t) => {
  const { connection, heard, say } = await stand(t);
  const all = Array.from({ length: 200 }, (_, number) => connection.call("a", { number }));
  const answered = new Set();
  let most = 0;
  while (answered.size < 200) {
    await until(() => heard.some(({ id }) => !answered.has(id)));
    const open = heard.filter(({ id }) => !answered.has(id));
    most = Math.max(most, open.length);
    answered.add(open[0].id);
    say(`${JSON.stringify({ id: open[0].id, result: open[0].params.number })}\n`);
  }
  assert.deepEqual(await Promise.all(all), Array.from({ length: 200 }, (_, number) => number));
  assert.ok(most <= 48, `${most}`);
});

test("what the server asks and says reaches us, apart from answers", async (t) => {
  const heard = [];
  const { say } = await stand(t, {
    onRequest: (...all) => heard.push(all),
    onNotice: (...all) => heard.push(all),
  });
  say('{"jsonrpc":"2.0","id":"agent-1","method":"agent.reply","params":{"text":"Hi"}}\n{"jsonrpc":"2.0","method":"x"}\n');
  await until(() => heard.length === 2);
  assert.deepEqual(heard, [["agent-1", "agent.reply", { text: "Hi" }], ["x", {}]]);
});
