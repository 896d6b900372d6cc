// `openclaw voicecall …`. What concerns a call is asked of the server on its socket; the rest is voicecall's own command
// line, run where our server lives. Neither needs the gateway to be up.
import { spawn } from "node:child_process";
import { mkdirSync, openSync, unlinkSync, writeSync } from "node:fs";
import path from "node:path";
import { findPython, rootOf } from "./python.js";
import { Absent } from "./voice.js";

const ABOUT = "Phone calls: place one, talk on it, look at it";
/** Commands of voicecall itself, and what the host's help says about them. */
const THEIRS = {
  tail: "Follow what happens: the journal's lines",
  latency: "How long people waited for an answer",
  expose: "Make the webhook public by Tailscale, or take it back",
  setup: "Check everything that calls need, and say what to do",
  smoke: "Check, and place a test call with --to and --yes",
  pairing: "Callers who want to be let in",
  config: "Check or show the configuration",
};

export function registerCommands(api, voice) {
  const about = { name: "voicecall", description: ABOUT, hasSubcommands: true };
  api.registerCli?.(({ program }) => build(program, api, voice), { commands: ["voicecall"], descriptors: [about] });
}

function build(program, api, voice) {
  const root = program.command("voicecall").description(ABOUT);
  const asks = (method, show = (answer) => answer) => async (options) => {
    try {
      print(show(await voice.ask(method, named(options), { by: "cli" })));
    } catch (error) {
      if (error instanceof Absent && method === "voicecall.status") return handOver(api, voice, ["status", ...idOf(options)]);
      const hint = error.details?.hint;
      process.stderr.write(`${error.message}${hint ? `; ${hint}` : ""}\n`);
      process.exitCode = 1;
    }
  };
  const placed = ({ callId }) => ({ callId });
  const onCall = (name, about, method) =>
    root.command(name).description(about).requiredOption("--call-id <id>", "Which call").action(asks(method));

  root
    .command("call")
    .description("Call somebody and say something")
    .requiredOption("-m, --message <text>", "What to say")
    .option("-t, --to <number>", "Whom to call, E.164; absent: toNumber")
    .option("--mode <mode>", "notify or conversation; absent: outbound.defaultMode")
    .action(asks("voicecall.initiate", placed));
  root
    .command("start")
    .description("Call somebody who may speak first")
    .requiredOption("--to <number>", "Whom to call, E.164")
    .option("--message <text>", "First words")
    .option("--mode <mode>", "notify or conversation; absent: outbound.defaultMode")
    .action(asks("voicecall.start", placed));
  onCall("continue", "Say something and wait for the answer", "voicecall.continue").requiredOption("--message <text>", "What to say");
  onCall("speak", "Say something on a live call", "voicecall.speak").requiredOption("--message <text>", "What to say");
  onCall("dtmf", "Press keys on a live call", "voicecall.dtmf").requiredOption("--digits <keys>", "0-9 * # A-D; w waits half a second");
  onCall("end", "Hang up", "voicecall.end");
  root
    .command("status")
    .description("What is known of a call, or which calls are in progress")
    .option("--call-id <id>", "One call; absent: those in progress")
    .option("--json", "Accepted for compatibility: it always is")
    .action((options) => asks("voicecall.status", options.callId ? (answer) => answer.call ?? answer : undefined)(options));
  for (const [name, text] of Object.entries(THEIRS)) passOn(root.command(name).description(text), [name], api, voice);
  passOn(root, [], api, voice);
}

/** Everything that is typed after a command goes to voicecall as it is. */
function passOn(command, before, api, voice) {
  const lead = before.length > 0;
  command.argument("[words...]").allowUnknownOption(true).allowExcessArguments(true);
  if (lead) command.helpOption(false);
  command.action(async (_words, _options, self) => {
    if (!lead && self.args.length === 0) return self.help();
    await handOver(api, voice, [...before, ...self.args]);
  });
}

function named({ callId, to, message, mode, digits }) {
  const all = { callId, to, message, mode, digits };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function idOf({ callId }) {
  return callId ? ["--json", "--call-id", callId] : ["--json"];
}

function print(value) {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** voicecall's command line with this configuration, on this terminal. */
async function handOver(api, voice, args) {
  const settings = voice.settings();
  try {
    const { command } = await findPython(settings, { rootDir: rootOf(api), install: false, log: api.logger });
    mkdirSync(settings.state, { recursive: true, mode: 0o700 });
    const file = nameless(path.join(settings.state, `cli-${process.pid}.json`), JSON.stringify(settings.content));
    const env = { ...process.env, VOICECALL_STATE_DIR: settings.state, VOICECALL_CONFIG: "/dev/fd/3" };
    process.exitCode = await exitOf(command, args, { stdio: ["inherit", "inherit", "inherit", file], env });
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

/** An open file that nobody else finds, also if we are killed: there are secrets in it. */
function nameless(name, text) {
  const file = openSync(name, "w+", 0o600);
  unlinkSync(name);
  writeSync(file, Buffer.from(text), 0, undefined, 0); // leaves the place of reading at the beginning
  return file;
}

function exitOf([program, ...more], args, options) {
  const ignore = () => {}; // Ctrl-C is for the child
  process.on("SIGINT", ignore);
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...more, "-m", "voicecall", ...args], options);
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  }).finally(() => process.off("SIGINT", ignore));
}
