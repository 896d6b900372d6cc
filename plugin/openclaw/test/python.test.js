import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { findPython, versionOf } from "../lib/python.js";
import { PYTHON, ROOT } from "./stage.js";

const VERSION = versionOf(ROOT);
/** A wheel as small as one can be: real Python and real pip install it, and need no index for it. */
const WHEEL = `
import sys, zipfile
name, version, place = "voicecall", sys.argv[2], sys.argv[1]
info = f"{name}-{version}.dist-info"
with zipfile.ZipFile(f"{place}/{name}-{version}-py3-none-any.whl", "w") as wheel:
    wheel.writestr(f"{name}/__init__.py", "")
    wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(f"{info}/RECORD", "")
`;

/** A copy of the package, with a wheel in it or not, and a host's state folder; nothing on PATH has voicecall. */
function machine(t, { wheel, broken = false }) {
  const place = mkdtempSync(path.join(tmpdir(), "vc-"));
  const [rootDir, home] = [path.join(place, "plugin"), path.join(place, "state")];
  mkdirSync(path.join(rootDir, "wheel"), { recursive: true });
  cpSync(path.join(ROOT, "package.json"), path.join(rootDir, "package.json"));
  if (broken) writeFileSync(path.join(rootDir, "wheel", `voicecall-${VERSION}-py3-none-any.whl`), "no wheel");
  else if (wheel) execFileSync(PYTHON, ["-c", WHEEL, path.join(rootDir, "wheel"), VERSION]);
  const before = process.env.PYTHONPATH;
  delete process.env.PYTHONPATH;
  t.after(() => {
    process.env.PYTHONPATH = before;
    rmSync(place, { recursive: true, force: true });
  });
  const said = [];
  const find = (install) => findPython({ home }, { rootDir, install, log: { info: (text) => said.push(text) } });
  return { place, home, find, said };
}

test("where the package is not installed, it is, once, from the wheel in ours", { timeout: 120_000 }, async (t) => {
  const { home, find, said } = machine(t, { wheel: true });
  await assert.rejects(find(false), /is not installed\. Run: python3 -m venv .*voicecall-.*\.whl/);
  mkdirSync(path.join(home, "voicecall", `venv-${VERSION}.999999`), { recursive: true }); // of a host that was killed
  const found = await find(true);
  const expected = path.join(home, "voicecall", `venv-${VERSION}`, "bin", "python");
  assert.deepEqual([found.command, found.version], [[expected], VERSION]);
  assert.deepEqual(await find(false), found);
  assert.deepEqual(await find(true), found);
  assert.equal(said.length, 1, said.join("\n"));
  assert.deepEqual(readdirSync(path.join(home, "voicecall")), [`venv-${VERSION}`]);
});

test("without a wheel, and where installing fails, there is one command to run, and nothing is left behind", async (t) => {
  const none = machine(t, { wheel: false });
  await assert.rejects(none.find(true), /Run: python3 -m venv \S+ && \S+\/bin\/python -m pip install voicecall /);
  const broken = machine(t, { broken: true });
  await assert.rejects(broken.find(true), /Run: python3 -m venv .*Tried it, and: python3.*: ERROR: /s);
  assert.ok(!existsSync(path.join(broken.home, "voicecall", `venv-${VERSION}`)));
  assert.deepEqual(readdirSync(path.join(broken.home, "voicecall")), []);
});

test("a configured Python is asked for its version", async () => {
  const found = await findPython({ python: [PYTHON] }, { rootDir: ROOT });
  assert.deepEqual(found.command, [PYTHON]);
  assert.match(found.version, /^\d+\.\d+/);
});
