// The service: with it the gateway starts and stops.
import { Supervisor } from "./supervisor.js";
import { createThinker } from "./thinker.js";
import { findPython, rootOf, versionOf } from "./python.js";

const LOOK_MS = 250;
const DISABLING_MS = 15_000;

export function registerService(api, voice) {
  api.registerReload?.({ noopPrefixes: ["plugins.entries.voice-call.config"] });
  api.registerService({
    id: "voicecall",

    /** Never waits for Python: a gateway starts without telephones, too. */
    async start(ctx) {
      voice.useHome(ctx?.stateDir);
      const rootDir = rootOf(api);
      const log = ctx?.logger ?? api.logger;
      const python = (settings, signal) => findPython(settings, { rootDir, install: true, log, signal });
      voice.supervisor = new Supervisor({
        read: () => voice.settings(),
        python,
        thinker: createThinker(api, log),
        log,
        health: ctx?.serviceHealth,
        version: versionOf(rootDir),
      });
      voice.supervisor.start();
    },

    /** Calls go on without us, unless it is telephony itself that nobody wants any more. */
    async stop() {
      const { supervisor } = voice;
      voice.supervisor = undefined;
      await supervisor?.stop();
      watchForDisabling(voice, () => supervisor?.dismiss());
    },
  });
}

/** A host that takes the plugin away says so in its configuration only after this service has stopped; one that ends
 * does not live to say it. */
function watchForDisabling(voice, dismiss) {
  const end = Date.now() + DISABLING_MS;
  const timer = setInterval(() => {
    const isOver = !voice.isWanted() || Date.now() > end;
    if (!isOver) return;
    clearInterval(timer);
    if (!voice.isWanted()) void dismiss();
  }, LOOK_MS);
  timer.unref();
}
