// The gateway's methods: each is the server's own, with the gateway's errors.
import { SCOPES } from "../generated/tool.js";
import { shapeOf } from "./errors.js";

/** What a gateway's client may call; the rest is about connections, or the plugin's business. */
export const METHODS = [
  ...["initiate", "start", "continue", "continue.start", "continue.result", "speak", "dtmf", "end", "status"],
  ...["pairing.list", "pairing.approve", "pairing.revoke"],
].map((name) => `voicecall.${name}`);

export function registerMethods(api, voice) {
  for (const name of METHODS) {
    const answer = async ({ params, respond, signal }) => {
      try {
        respond(true, await voice.ask(name, params, { by: "gateway", signal }));
      } catch (error) {
        respond(false, undefined, shapeOf(error));
      }
    };
    api.registerGatewayMethod(name, answer, { scope: SCOPES[name] });
  }
}
