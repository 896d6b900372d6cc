// A host as the plugin sees it, in the shape that both generations were seen to have, and real servers behind it.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import plugin from "../index.js";

export const ROOT = path.resolve(fileURLToPath(import.meta.url), "../..");
export const PYTHON = process.env.VOICECALL_TEST_PYTHON ?? path.resolve(ROOT, "../../.venv/bin/python");
export const SECRET = "the network's";
const PATIENCE_MS = 30_000;
/** Those that were made for a folder. */
const hosts = new Map();

process.env.PYTHONPATH = path.resolve(ROOT, "../..");

/** A folder that goes with the test, and with it every server that lives in it. */
export function folder(t) {
  const place = mkdtempSync(path.join(tmpdir(), "vc-"));
  t.after(async () => {
    await Promise.all((hosts.get(place) ?? []).map((one) => one.stop()));
    for (const pid of serversIn(place)) process.kill(pid, "SIGTERM");
    await until(() => serversIn(place).length === 0);
    rmSync(place, { recursive: true, force: true });
  });
  return place;
}

/** Our block of a configuration for a simulated network of its own. */
export async function simulated(more = {}) {
  const [door, network] = [await freePort(), await freePort()];
  return {
    provider: "mock",
    maxConcurrentCalls: 8,
    serve: { port: door },
    mock: { apiUrl: `http://127.0.0.1:${network}`, secret: SECRET },
    voicecall: { python: PYTHON, simulate: true },
    ...more,
  };
}

/** A host with the plugin registered. `change(block)` edits its configuration as a user would, live. */
export function host(state, block, { agent, rootDir = ROOT, ...core } = {}) {
  const made = { methods: {}, tools: {}, said: [], failures: [], isHealthy: true };
  let config = configured(block, core);
  const say = (level) => (text) => made.said.push(`${level} ${text}`);
  const logger = { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
  const serviceHealth = {
    reportFailure: (error) => {
      made.isHealthy = false;
      made.failures.push(String(error?.message ?? error));
    },
    clearFailure: () => {
      made.isHealthy = true;
    },
  };
  const api = {
    rootDir,
    logger,
    config,
    pluginConfig: block,
    registrationMode: "full",
    runtime: { config: { current: () => config }, agent },
    registerGatewayMethod: (name, answer, options) => {
      made.methods[name] = { answer, ...options };
    },
    registerTool: (tool) => {
      made.tools[tool.name] = tool;
    },
    registerCli: (build, options) => {
      made.cli = { build, ...options };
    },
    registerService: (service) => {
      made.service = service;
    },
    registerReload: (policy) => {
      made.reload = policy;
    },
  };
  const ctx = { stateDir: state, config, logger, serviceHealth };
  hosts.set(state, [...(hosts.get(state) ?? []), made]);
  return Object.assign(made, {
    api,
    registered: plugin.register(api),
    start: () => made.service.start(ctx),
    /** Start, and wait for the server. */
    ready: async () => {
      await made.service.start(ctx);
      await until(async () => (await made.call("voicecall.status", {}))[0]);
    },
    stop: () => made.service.stop(ctx),
    change: (next, enabled = true) => {
      config = configured(next, core, enabled);
    },
    /** `[ok, payload, error]`, as a client of the gateway gets it. */
    call: (name, params) =>
      new Promise((resolve) => made.methods[name].answer({ params, respond: (...all) => resolve(all) })),
    use: (args, signal) => made.tools.voice_call.execute("call-1", args, signal).then((result) => result.details),
  });
}

function configured(block, core, enabled = true) {
  return { ...core, plugins: { entries: { "voice-call": { enabled, config: block } } } };
}

/** The process of the server in a folder, as the kernel knows it. */
export function serversIn(place) {
  const words = (pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    } catch {
      return [];
    }
  };
  const isServer = (line) => line.includes("serve") && line.some((word) => word.startsWith(`${place}/`));
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isServer(words(name))).map(Number);
}

/** What `holds` (or what it awaits) says, as soon as it is true. */
export async function until(holds) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${PATIENCE_MS} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** The simulated network's own API. */
export async function network(block, method, what, body) {
  const answer = await fetch(`${block.mock.apiUrl}/_network/${what}`, {
    method,
    headers: { authorization: `Bearer ${SECRET}`, "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.status === 204 ? undefined : await answer.json().catch(() => undefined);
}

/** From now on somebody at `number` does this. */
export async function person(block, number, ...script) {
  await network(block, "POST", "people", { number, script });
}

export async function dials(block) {
  return (await network(block, "GET", "report")).dials;
}

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
