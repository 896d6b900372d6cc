// The gateway's methods: each is the server's own, with the gateway's errors.
import { shapeOf } from "./errors.js";

const READ = "operator.read";
const WRITE = "operator.write";

export const METHODS = {
  "voicecall.initiate": WRITE,
  "voicecall.start": WRITE,
  "voicecall.continue": WRITE,
  "voicecall.continue.start": WRITE,
  "voicecall.continue.result": READ,
  "voicecall.speak": WRITE,
  "voicecall.dtmf": WRITE,
  "voicecall.end": WRITE,
  "voicecall.status": READ,
  "voicecall.pairing.list": READ,
  "voicecall.pairing.approve": WRITE,
  "voicecall.pairing.revoke": WRITE,
};

export function registerMethods(api, voice) {
  for (const [name, scope] of Object.entries(METHODS)) {
    const answer = async ({ params, respond, signal }) => {
      try {
        respond(true, await voice.ask(name, params, { by: "gateway", signal }));
      } catch (error) {
        respond(false, undefined, shapeOf(error));
      }
    };
    api.registerGatewayMethod(name, answer, { scope });
  }
}
