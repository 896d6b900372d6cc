// The tool that the host's agents call.
import { ACTIONS, DESCRIPTION, PARAMETERS } from "../generated/tool.js";

const DIALS = [undefined, null, "", "call", "notify", "conversation"];

export function registerTool(api, voice) {
  api.registerTool({
    name: "voice_call",
    label: "Voice Call",
    description: DESCRIPTION,
    parameters: PARAMETERS,
    async execute(_id, args, signal) {
      try {
        const [method, params] = requestOf(args, voice);
        return told(await voice.ask(method, params, { by: "tool", signal }));
      } catch (error) {
        return told({ error: String(error?.message ?? error) });
      }
    },
  });
}

function told(payload) {
  return { content: [{ type: "text", text: JSON.stringify(payload, null, 2) }], details: payload };
}

/** Method and parameters. An action that does not exist never becomes a call. */
function requestOf(given, voice) {
  const args = given && typeof given === "object" ? given : {};
  if (!("action" in args)) return legacy(args, voice);
  const known = typeof args.action === "string" && Object.hasOwn(ACTIONS, args.action) && ACTIONS[args.action];
  if (!known) {
    throw new Error(`action: unknown, ${JSON.stringify(args.action)}; known: ${Object.keys(ACTIONS).join(", ")}`);
  }
  const [method, names] = known;
  if (args.action === "get_status" && !args.callId) throw new Error("callId required");
  return [method, pick(args, names)];
}

/** The form without an action: `mode: "status"` asks, anything that is no mode of a call is refused, else it dials. */
function legacy(args, voice) {
  if (args.mode === "status") {
    if (!args.sid) throw new Error("sid required for status");
    return ["voicecall.status", { sid: args.sid }];
  }
  if (!DIALS.includes(args.mode)) {
    throw new Error(`mode: unknown, ${JSON.stringify(args.mode)}; known: call, status; or name an action`);
  }
  const to = args.to || voice.settings().toNumber;
  if (!to) throw new Error("to required for call");
  return ["voicecall.start", { ...pick(args, ["message", "mode", "dtmfSequence"]), to }];
}

/** Models write null, or nothing in quotes, for what they do not mean to give. */
function pick(args, names) {
  return Object.fromEntries(names.filter((name) => args[name] != null && args[name] !== "").map((name) => [name, args[name]]));
}
