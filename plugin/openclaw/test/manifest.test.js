import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { METHODS } from "../lib/methods.js";
import { ACTIONS, DESCRIPTION, PARAMETERS } from "../generated/tool.js";
import { ROOT, host } from "./stage.js";

const read = (name) => JSON.parse(readFileSync(path.join(ROOT, name), "utf8"));
const manifest = read("openclaw.plugin.json");
const about = read("package.json");

test("manifest and package are about the same plugin, and what they name is there", () => {
  assert.equal(manifest.id, "voice-call");
  assert.equal(manifest.version, about.version);
  assert.deepEqual(manifest.contracts.tools, ["voice_call"]);
  for (const name of [...about.openclaw.extensions, ...manifest.skills.map((one) => `${one}/voice-call/SKILL.md`)]) {
    assert.ok(existsSync(path.join(ROOT, name)), name);
  }
});

test("nothing is imported but Node's own and ours", () => {
  const files = ["index.js", ...readdirSync(path.join(ROOT, "lib")).map((name) => `lib/${name}`)];
  for (const file of files) {
    const from = [...readFileSync(path.join(ROOT, file), "utf8").matchAll(/\bfrom "([^"]+)"|\bimport\("([^"]+)"/g)];
    for (const [, name, late] of from) assert.match(name ?? late, /^(node:|\.)/, file);
  }
});

test("registering is done at once, and starts nothing", () => {
  const made = host("/nowhere", {});
  assert.equal(made.registered, undefined);
  assert.deepEqual(Object.keys(made.tools), manifest.contracts.tools);
  assert.deepEqual(made.cli.commands, ["voicecall"]);
  assert.deepEqual(made.said, []);
});

test("reading is open to those who may read, everything else to those who may write", () => {
  const reads = ["voicecall.continue.result", "voicecall.status", "voicecall.pairing.list"];
  const made = host("/nowhere", {});
  for (const [name, { scope }] of Object.entries(made.methods)) {
    assert.equal(scope, reads.includes(name) ? "operator.read" : "operator.write", name);
  }
  assert.deepEqual(Object.keys(made.methods), METHODS);
});

test("every secret is hidden in forms, and may be a reference", () => {
  for (const { path: key } of manifest.configContracts.secretInputs.paths) {
    const hint = manifest.uiHints[key];
    if (hint) assert.equal(hint.sensitive, true, key);
  }
  assert.equal(manifest.uiHints["twilio.authToken"].sensitive, true);
});

test("a lexical search finds the tool by the words for what it does", () => {
  for (const word of ["phone", "call", "voice", "dial", "speak", "hang up", "DTMF"]) {
    assert.match(DESCRIPTION, new RegExp(word, "i"));
  }
  for (const action of Object.keys(ACTIONS)) assert.ok(JSON.stringify(PARAMETERS).includes(`"${action}"`), action);
  assert.ok(!PARAMETERS.required?.includes("action")); // there is a form without one
});
