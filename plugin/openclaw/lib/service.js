// The service: with it the gateway starts and stops.
import { Supervisor } from "./supervisor.js";
import { createThinker } from "./thinker.js";
import { findPython, versionOf } from "./python.js";

export function registerService(api, voice) {
  api.registerReload?.({ noopPrefixes: ["plugins.entries.voice-call.config"] });
  api.registerService({
    id: "voicecall",

    /** Never waits for Python: a gateway starts without telephones, too. */
    async start(ctx) {
      voice.useHome(ctx?.stateDir);
      const log = ctx?.logger ?? api.logger;
      const python = (settings, signal) => findPython(settings, { rootDir: api.rootDir, install: true, log, signal });
      voice.supervisor = new Supervisor({
        read: () => voice.settings(),
        python,
        thinker: createThinker(api, log),
        log,
        health: ctx?.serviceHealth,
        version: versionOf(api.rootDir),
      });
      voice.supervisor.start();
    },

    /** Calls go on without us, unless it is telephony itself that nobody wants any more. */
    async stop() {
      const { supervisor } = voice;
      voice.supervisor = undefined;
      await supervisor?.stop({ drain: !voice.isWanted() });
    },
  });
}
