// The voice-call plugin: everything of a call happens in a Python process of its own, which this starts, attaches to,
// and offers to the gateway. Nothing here has to be on time, and nothing is imported from the host.
import { registerCommands } from "./lib/commands.js";
import { registerMethods } from "./lib/methods.js";
import { registerService } from "./lib/service.js";
import { registerTool } from "./lib/tool.js";
import { createVoice } from "./lib/voice.js";

export default {
  id: "voice-call",
  name: "Voice Call",
  description: "Phone calls with an AI agent: Twilio, Telnyx, Plivo, or a simulated phone network.",
  register(api) {
    const voice = createVoice(api);
    registerMethods(api, voice);
    registerTool(api, voice);
    registerCommands(api, voice);
    registerService(api, voice);
  },
};
