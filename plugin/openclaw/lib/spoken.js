// From what a model wrote to what is to be said. It is asked for {"spoken": "…"}, and does not always do so.

export const CONTRACT = [
  "How to answer: write one JSON object and nothing else, in the form",
  '{"spoken": "the words that the person is to hear"}.',
  "No markdown, no code fences, no thoughts, no other keys. Plain words that can be read aloud.",
  'If nothing is to be said, write {"spoken": ""}.',
].join("\n");

const OPENING = /^\s*(?:```(?:json)?\s*)?\{[\s\S]*?"spoken"\s*:\s*"/i;
const PLANNING = [
  /^(thinking process|reasoning:|analysis:)/i,
  /^the user\b.*\bi (should|need to|will)\b/is,
  /natural continuation of the conversation/i,
];

/** The words of a whole text; "" when there are none. */
export function spokenIn(text) {
  const inJson = parsed(text) ?? begun(text);
  return squeezed(inJson ?? plain(text));
}

/** The words so far of a text that is still being written; undefined unless it is JSON: planning comes first. */
export function begun(text) {
  const opening = OPENING.exec(text);
  if (!opening) return undefined;
  const rest = text.slice(opening[0].length);
  const end = /(?<!\\)(?:\\\\)*"/.exec(rest);
  const inside = end ? rest.slice(0, end.index + end[0].length - 1) : unbroken(rest);
  try {
    return JSON.parse(`"${inside.replaceAll("\n", "\\n").replaceAll("\t", "\\t")}"`);
  } catch {
    return undefined;
  }
}

/** Without an escape, or half a character, that is only begun. */
function unbroken(text) {
  return text.replace(/(?:\\u[dD][89abAB][0-9a-fA-F]{2})?\\(?:u[0-9a-fA-F]{0,3})?$/, (found, at) =>
    isEscaped(text, at) ? found : "",
  ).replace(/\\u[dD][89abAB][0-9a-fA-F]{2}$/, "");
}

/** Whether the character at `at` follows an odd number of backslashes. */
function isEscaped(text, at) {
  let count = 0;
  while (text[at - 1 - count] === "\\") count += 1;
  return count % 2 === 1;
}

function parsed(text) {
  const whole = text.trim().replace(/^```(?:json)?\s*([\s\S]*?)\s*```$/i, "$1");
  const inner = whole.slice(whole.indexOf("{"), whole.lastIndexOf("}") + 1);
  for (const candidate of [whole, inner]) {
    try {
      const found = JSON.parse(candidate);
      if (typeof found?.spoken === "string") return found.spoken;
    } catch {
      // not that one
    }
  }
  return undefined;
}

function plain(text) {
  const paragraphs = text.replace(/```[\s\S]*?```/g, " ").split(/\n\s*\n+/).map((one) => one.trim()).filter(Boolean);
  while (paragraphs.length > 1 && PLANNING.some((sign) => sign.test(paragraphs[0]))) paragraphs.shift();
  return paragraphs.join(" ");
}

export function squeezed(text) {
  return text.replace(/\s+/g, " ").trim();
}
