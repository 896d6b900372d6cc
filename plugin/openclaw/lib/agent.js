// One turn of the gateway's agent, in either generation of its runtime.
import { randomUUID } from "node:crypto";

/** The server takes words out of this and of whatever else a model writes; asked for it, models leave their plans out. */
const CONTRACT = [
  "How to answer: write one JSON object and nothing else, in the form",
  '{"spoken": "the words that the person is to hear"}.',
  "No markdown, no code fences, no thoughts, no other keys. Plain words that can be read aloud.",
  'If nothing is to be said, write {"spoken": ""}.',
].join("\n");

/** Run a turn; `onText` hears what the model has written so far. Resolves with the texts of the reply, rejects when
 * there is none. */
export async function think(A, cfg, question, { signal, onText, isRehearsal = false }) {
  const agentId = question.agentId || "main";
  const { sessionKey } = question;
  const { provider, model } = modelOf(A, cfg, agentId, question.responseModel);
  const agentDir = A.resolveAgentDir(cfg, agentId);
  const workspaceDir = A.resolveAgentWorkspaceDir(cfg, agentId);
  await A.ensureAgentWorkspace({ dir: workspaceDir });
  const memory = isRehearsal ? passing(A, agentId) : await remembered(A, cfg, agentId, sessionKey);
  const run = A.runEmbeddedAgent ?? A.runEmbeddedPiAgent;
  const result = await run({
    ...memory,
    sessionKey,
    sandboxSessionKey: sessionKey,
    agentId,
    messageProvider: "voice",
    workspaceDir,
    agentDir,
    config: cfg,
    prompt: question.text,
    provider,
    model,
    thinkLevel: A.resolveThinkingDefault({ cfg, provider, model }),
    verboseLevel: "off",
    timeoutMs: question.timeoutMs,
    runId: `voice:${question.callId}:${question.turn}:${randomUUID().slice(0, 8)}`,
    lane: `voice:${question.callId}`, // one lane for all would have callers wait for each other
    extraSystemPrompt: promptFor(A, cfg, agentId, question),
    abortSignal: signal,
    terminalReplyExpectation: isRehearsal ? "optional" : "required",
    onPartialReply: ({ text } = {}) => {
      if (typeof text === "string") onText(text);
    },
  });
  const texts = (result?.payloads ?? []).filter((one) => one.text && !one.isError && !one.isReasoning);
  if (texts.length > 0) return texts.map((one) => one.text);
  if (result?.meta?.aborted) throw new Error("the agent's turn was broken off");
  const error = (result?.payloads ?? []).find((one) => one.isError)?.text;
  if (error) throw new Error(`the agent failed: ${error}`);
  return [];
}

/** The session that a caller's turns belong to, made if it is not there. */
async function remembered(A, cfg, agentId, sessionKey) {
  const { session } = A;
  const storePath = session.resolveStorePath(cfg.session?.store, { agentId });
  const updatedAt = Date.now();
  const fresh = randomUUID();
  if (session.patchSessionEntry) {
    const entry = await session.patchSessionEntry({
      agentId,
      storePath,
      sessionKey,
      fallbackEntry: { sessionId: "", updatedAt },
      update: (known) => ({ sessionId: known.sessionId?.trim() || fresh, updatedAt }),
    });
    const sessionId = entry?.sessionId || fresh;
    return { sessionId, sessionTarget: { agentId, sessionId, sessionKey, storePath } };
  }
  const store = session.loadSessionStore(storePath);
  const entry = store[sessionKey] ?? { sessionId: fresh, updatedAt };
  if (!store[sessionKey]) {
    store[sessionKey] = entry;
    await session.saveSessionStore(storePath, store);
  }
  return { sessionId: entry.sessionId, sessionFile: session.resolveSessionFilePath(entry.sessionId, entry, { agentId }) };
}

/** A session that nobody will look for. */
function passing(A, agentId) {
  const sessionId = randomUUID();
  const file = A.session.patchSessionEntry ? {} : { sessionFile: A.session.resolveSessionFilePath(sessionId, undefined, { agentId }) };
  return { sessionId, sessionPersistence: "detached", ...file };
}

/** The model that is configured for calls, else for this agent, else for all agents, else the host's own. */
function modelOf(A, cfg, agentId, wanted) {
  const mine = (cfg.agents?.list ?? []).find((one) => one.id === agentId);
  const primary = (choice) => (typeof choice === "string" ? choice : choice?.primary);
  const name = wanted || primary(mine?.model) || primary(cfg.agents?.defaults?.model);
  if (!name) return A.defaults;
  const slash = name.indexOf("/");
  return slash < 0
    ? { provider: A.defaults.provider, model: name }
    : { provider: name.slice(0, slash), model: name.slice(slash + 1) };
}

function promptFor(A, cfg, agentId, question) {
  const name = A.resolveAgentIdentity?.(cfg, agentId)?.name?.trim() || "an assistant";
  const who = question.direction === "inbound" ? `They called you from ${question.peer}.` : `You called them at ${question.peer}.`;
  const usual =
    `You are ${name}, talking with a person on the telephone. Answer in one or two short sentences, friendly and in ` +
    `plain spoken words; they cannot see anything. ${who} Use your tools when they help.`;
  const lines = (question.history ?? []).map(({ speaker, text }) => `${speaker === "agent" ? "You" : "They"}: ${text}`);
  const before = lines.length > 0 ? `The call so far:\n${lines.join("\n")}` : "";
  return [question.responseSystemPrompt ?? usual, before, CONTRACT].filter(Boolean).join("\n\n");
}
