import assert from "node:assert/strict";
import { test } from "node:test";
import { begun, spokenIn } from "../lib/spoken.js";

test("what is said of what a model wrote", () => {
  const cases = [
    ['{"spoken": "Hello."}', "Hello."],
    ['  {"spoken":"A \\"b\\"\\n c"} ', 'A "b" c'],
    ['```json\n{"spoken": "Fenced."}\n```', "Fenced."],
    ['Sure: {"spoken": "Inside."} as asked.', "Inside."],
    ['{"mood": "glad", "spoken": "Second key."}', "Second key."],
    ['{"spoken": "Cut off in the mid', "Cut off in the mid"],
    ['{"spoken": ""}', ""],
    ["Plain words.", "Plain words."],
    ["Reasoning: they want a time.\n\nThursday at ten.", "Thursday at ten."],
    ["The user greets me, so I should greet back.\n\nGood day!", "Good day!"],
    ["Take this:\n```js\nlet x;\n```\nDone.", "Take this: Done."],
    ["", ""],
  ];
  for (const [written, said] of cases) assert.equal(spokenIn(written), said, written);
});

test("every beginning of a reply says a beginning of its words, and the whole says all of them", () => {
  const words = 'Ten "o\'clock" \\ fits.\nDo you\tagree? Ünïcode 😀 \u2028 end';
  for (const whole of [JSON.stringify({ spoken: words }), `\`\`\`json\n${ascii(JSON.stringify({ spoken: words }))}`]) {
    let last = "";
    for (let length = 0; length <= whole.length; length += 1) {
      const now = begun(whole.slice(0, length)) ?? "";
      assert.ok(words.startsWith(now), `${length}: ${JSON.stringify(now)}`);
      assert.ok(now.startsWith(last), `${length}: ${JSON.stringify(now)} after ${JSON.stringify(last)}`);
      last = now;
    }
    assert.equal(last, words);
  }
});

test("what is no JSON is not said before it is whole", () => {
  assert.equal(begun("Let me think about what they want"), undefined);
  assert.equal(begun('{"plan": "first'), undefined);
});

/** The same JSON with every character outside ASCII escaped. */
function ascii(text) {
  return text.replace(/[^\x20-\x7e]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
