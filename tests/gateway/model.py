"""The stand-in for a language model behind the gateway's agent."""

from __future__ import annotations

import json
from typing import Any

from voicecall.testing.vendors.openai_text import TextVendor
from voicecall.testing.vendors.openai_text_wire import Answer, Body, Call

TRIGGER = "USE-THE-TELEPHONE"
"""Whoever says this to the agent, followed by arguments as JSON, makes the model call our tool with them."""
REPLY = "Gladly. Thursday at ten is still free."
LAST = 3
"""The gateway adds messages of its own after the user's."""


class StandIn(TextVendor):
    """Replies to a caller as the plugin wants it (JSON with ``spoken``), and calls the tool when it is told to."""

    def __init__(self) -> None:
        super().__init__(Answer(text=json.dumps({"spoken": REPLY})), key="")
        self.delay_s = 0.0

    def _next(self, body: Body) -> Answer:
        messages = body.get("messages", [])
        for message in reversed(messages[-LAST:]):
            if message.get("role") == "tool":
                return Answer(text="Done.")
            wanted = _wanted(message)
            if wanted:
                return Answer(calls=(_call(body, wanted),))
        return Answer(text=json.dumps({"spoken": REPLY}), first_s=self.delay_s)

    def heard(self, words: str) -> bool:
        """Whether anybody asked with these words in what it said."""
        return any(words in json.dumps(one.body) for one in self.asked)


def _wanted(message: dict[str, Any]) -> dict[str, Any]:
    if message.get("role") != "user":
        return {}
    content = message.get("content")
    text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content or [])
    _, sign, rest = text.partition(TRIGGER)
    return json.JSONDecoder().raw_decode(rest.strip())[0] if sign else {}


def _call(body: Body, arguments: dict[str, Any]) -> Call:
    """The new gateway hides tools of plugins behind one that looks for them; the old one offers them as they are."""
    offered = {tool["function"]["name"] for tool in body.get("tools", [])}
    if "voice_call" in offered or "tool_call" not in offered:
        return Call("voice_call", json.dumps(arguments))
    return Call("tool_call", json.dumps({"id": "voice_call", "args": arguments}))
