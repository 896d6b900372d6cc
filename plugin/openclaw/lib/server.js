// The server's process: started so that it outlives us.
import { spawn } from "node:child_process";
import { closeSync, fstatSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import path from "node:path";

const LOG_BYTES = 16 << 20;
const GRACE_S = 600;
const WORDS = 1_500;

/** Start it; `exited` resolves with the words it died with. Nothing of ours keeps it, or is kept by it. */
export function startServer(settings, command) {
  const log = path.join(settings.state, "server.log");
  rotate(log);
  const out = openSync(log, "a", 0o600);
  const from = fstatSync(out).size;
  const [program, ...more] = command;
  const serve = [...more, "-m", "voicecall", "serve", "--state", settings.state, "--config", settings.file];
  const child = spawn(program, [...serve, "--host-grace", String(GRACE_S), ...settings.arguments], {
    detached: true,
    stdio: ["ignore", out, out],
    cwd: settings.state,
  });
  closeSync(out);
  child.unref();
  const exited = new Promise((resolve) => {
    child.once("error", (error) => resolve(`${program}: ${error.message}`));
    child.once("exit", (code, signal) => resolve(lastWords(log, from, code, signal)));
  });
  return { pid: child.pid, exited };
}

function rotate(log) {
  try {
    if (statSync(log).size > LOG_BYTES) renameSync(log, `${log}.1`);
  } catch {
    // there is none yet
  }
}

/** What a process that could not start has said; messages of its log are left out. */
function lastWords(log, from, code, signal) {
  let text = "";
  try {
    text = readFileSync(log).subarray(from).toString("utf8");
  } catch {
    // gone, and its words with it
  }
  const lines = text.split("\n").filter((line) => line.trim() && !line.startsWith("{"));
  const said = lines.join("\n").slice(-WORDS);
  return said || `the server ended (${signal ?? `exit code ${code}`}); see ${log}`;
}
