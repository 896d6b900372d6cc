// What the host's configuration means for us: where the server lives, and the file it is given.
import { chmod, mkdir, rename, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";

export const ID = "voice-call";
/** The one key of our block that is the plugin's own; the server never sees it. */
const OWN = "voicecall";
const TRANSCRIPT_TIMEOUT_MS = 180_000;
const RING_TIMEOUT_MS = 30_000;
/** Hosts before `runEmbeddedAgent` take ten seconds and more for any reply: an apology after eight would be the rule. */
const SLOW = { agentMs: [2_500, 8_000, 25_000, 35_000] };

/** The host's configuration as it is now, secrets resolved where the host does that. */
export function liveConfig(api) {
  const config = api.runtime?.config;
  return config?.current?.() ?? config?.loadConfig?.() ?? api.config ?? {};
}

/** The folder of the host's state: `OPENCLAW_STATE_DIR`, or `.openclaw` at home. */
export function hostState(env = process.env) {
  const home = env.OPENCLAW_HOME || env.HOME || homedir();
  return env.OPENCLAW_STATE_DIR ? expand(env.OPENCLAW_STATE_DIR, home) : path.join(home, ".openclaw");
}

/** Whether the host's configuration wants this plugin at all. */
export function isWanted(config) {
  const plugins = config?.plugins ?? {};
  const entry = plugins.entries?.[ID] ?? {};
  if (plugins.enabled === false || entry.enabled === false || entry.config?.enabled === false) return false;
  if (Array.isArray(plugins.deny) && plugins.deny.includes(ID)) return false;
  return !(Array.isArray(plugins.allow) && plugins.allow.length > 0 && !plugins.allow.includes(ID));
}

/** Everything that starting and reaching the server takes. `state` is the host's state folder. */
export function settingsOf(config, { state = hostState(), pluginConfig, isSlow = false, env = process.env } = {}) {
  const block = config?.plugins?.entries?.[ID]?.config ?? pluginConfig ?? {};
  const { [OWN]: own = {}, ...theirs } = block;
  const home = env.OPENCLAW_HOME || env.HOME || homedir();
  const kept = own.stateDir || theirs.store;
  const folder = kept ? expand(kept, home) : path.join(state, "voice-calls");
  const speech = config?.tts ?? config?.messages?.tts;
  const ours = { ...(isSlow ? { patience: SLOW } : {}), ...theirs, agent: { provider: "gateway", ...theirs.agent } };
  return {
    isWanted: isWanted(config),
    state: folder,
    socket: path.join(folder, "voicecall.sock"),
    file: path.join(folder, "gateway.json"),
    content: {
      ...(speech ? { messages: { tts: speech } } : {}),
      plugins: { entries: { [ID]: { enabled: isWanted(config), config: ours } } },
    },
    arguments: simulates(own, theirs) ? ["--simulate"] : [],
    python: typeof own.python === "string" ? [expand(own.python, home)] : own.python,
    home: state,
    toNumber: theirs.toNumber,
    transcriptTimeoutMs: theirs.transcriptTimeoutMs ?? TRANSCRIPT_TIMEOUT_MS,
    ringTimeoutMs: theirs.ringTimeoutMs ?? RING_TIMEOUT_MS,
  };
}

/** Calls without a carrier need somebody to call: the simulated network, unless one is named. */
function simulates(own, theirs) {
  if (typeof own.simulate === "boolean") return own.simulate;
  return ["mock", "log", "", undefined, null].includes(theirs.provider) && !theirs.mock?.apiUrl;
}

/** Write the server's file: it holds secrets, so nobody else may read it, and it is never there by half. */
export async function writeFileOf(settings) {
  await mkdir(settings.state, { recursive: true, mode: 0o700 });
  const draft = `${settings.file}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(settings.content, null, 2)}\n`, { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, settings.file);
}

function expand(name, home) {
  return name === "~" || name.startsWith("~/") ? path.join(home, name.slice(1)) : name;
}
