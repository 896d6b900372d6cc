// Which Python runs the server: the one that is configured, ours under the host's state folder, one that has the
// package already, or ours made now from the wheel in this package.
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";

const PROBE = "import importlib.metadata as m, voicecall; print(m.version('voicecall'))";
const NEW_ENOUGH = "import sys, venv, ensurepip; raise SystemExit(sys.version_info < (3, 11))";
const NAMES = ["python3", "python3.13", "python3.12", "python3.11", "python"];
const PROBE_MS = 20_000;
const INSTALL_MS = 600_000;

/** The folder of this package. Hosts run a copy of it, so it is not where this file is. */
export function rootOf(api) {
  return api.rootDir ?? path.dirname(api.source);
}

/** The version of this plugin, which is also that of the server it brings. */
export function versionOf(rootDir) {
  return JSON.parse(readFileSync(path.join(rootDir, "package.json"), "utf8")).version;
}

/** `{command, version}` of a Python with the package; with `install` it is made if need be. Rejects with what to do. */
export async function findPython(settings, { rootDir, install, log, signal }) {
  if (settings.python) {
    const found = await probe(settings.python, signal);
    if (found) return found;
    throw new Error(
      `plugins.entries.voice-call.config.voicecall.python: ${settings.python.join(" ")} has no voicecall package; ` +
        `install it there (${settings.python.join(" ")} -m pip install voicecall), or remove the key`,
    );
  }
  const wanted = versionOf(rootDir);
  const place = path.join(settings.home, "voicecall", `venv-${wanted}`);
  const ours = [path.join(place, "bin", "python")];
  for (const command of [...(existsSync(ours[0]) ? [ours] : []), ...NAMES.map((name) => [name])]) {
    const found = await probe(command, signal);
    if (found?.version === wanted) return found;
  }
  const wheel = wheelIn(rootDir);
  if (!install || !wheel) throw new Error(howTo(place, wheel));
  log.info(`voicecall: installing the server into ${place}; this happens once and takes a minute`);
  await makeVenv(place, wheel, signal);
  return await probe(ours, signal);
}

/** What a person types where we cannot do it. */
function howTo(place, wheel) {
  const what = wheel ?? "voicecall";
  return (
    "voicecall's Python package is not installed. Run: " +
    `python3 -m venv ${quoted(place)} && ${quoted(path.join(place, "bin/python"))} -m pip install ${quoted(what)} ` +
    "(Python 3.11 or newer), or name a Python that has it: plugins.entries.voice-call.config.voicecall.python"
  );
}

/** Made beside its place and moved there: two hosts may do this at once, and one may be killed over it. */
async function makeVenv(place, wheel, signal) {
  await mkdir(path.dirname(place), { recursive: true, mode: 0o700 });
  await sweep(path.dirname(place));
  const draft = `${place}.${process.pid}`;
  const failures = [];
  for (const name of NAMES) {
    if (!(await succeeds(name, ["-c", NEW_ENOUGH], signal))) continue;
    try {
      await run(name, ["-m", "venv", draft], INSTALL_MS, signal);
      const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel];
      await run(path.join(draft, "bin", "python"), pip, INSTALL_MS, signal);
      await rm(place, { recursive: true, force: true });
      await rename(draft, place).catch((error) => {
        if (!existsSync(path.join(place, "bin", "python"))) throw error; // else another host was first
      });
      return;
    } catch (error) {
      failures.push(`${name}: ${error.message}`);
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  }
  const why = failures.length > 0 ? failures.join("; ") : "no Python 3.11 or newer with venv was found";
  throw new Error(`${howTo(place, wheel)}. Tried it, and: ${why}`);
}

/** Drafts of hosts that are gone. */
async function sweep(folder) {
  for (const name of await readdir(folder)) {
    const pid = Number(/^venv-.*\.(\d+)$/.exec(name)?.[1]);
    if (pid && pid !== process.pid && !isAlive(pid)) await rm(path.join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function wheelIn(rootDir) {
  const folder = path.join(rootDir, "wheel");
  const found = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".whl")) : [];
  return found.length > 0 ? path.join(folder, found.sort().at(-1)) : undefined;
}

/** `{command, version}`, if it has the package. */
async function probe(command, signal) {
  const [program, ...more] = command;
  const out = await run(program, [...more, "-c", PROBE], PROBE_MS, signal).catch(() => "");
  const version = out.trim();
  return version ? { command, version } : undefined;
}

function succeeds(program, args, signal) {
  return run(program, args, PROBE_MS, signal).then(
    () => true,
    () => false,
  );
}

/** Standard output of a program; rejects with the last line it said on stderr. */
function run(program, args, timeout, signal) {
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout, signal, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const said = stderr.trim().split("\n").at(-1);
      reject(new Error(said || (error.code === "ENOENT" ? "not found" : error.message)));
    });
  });
}

function quoted(word) {
  return /^[\w./+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
