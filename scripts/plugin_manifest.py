"""``plugin/openclaw/openclaw.plugin.json``: what the OpenClaw gateway reads of its plugin before it runs any of it.

The schema is made from the classes in ``voicecall/config``, with the keys that users of the reference may still have. A
key that it does not know would keep the whole gateway from starting, so it knows all of them; whether they make sense
together is for the server to say, which keeps nobody else from working.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from voicecall.config.keys import Key, is_section, keys_of, rest_of, rest_shape, walk, wire_name
from voicecall.config.root import Config
from voicecall.config.shapes import E164, PATIENCE

ROOT = Path(__file__).resolve().parent.parent
NAME = "openclaw.plugin.json"

Plain = dict[str, Any]

TEXT: Plain = {"type": "string"}
SECRET: Plain = {"type": ["string", "object"]}
ANYTHING: Plain = {}
VENDOR: Plain = {"type": "object", "additionalProperties": True}
LEGACY: Mapping[str, Plain] = {
    "twilio.from": {"type": "string", "description": "Older name of fromNumber."},
    "streaming.sttProvider": TEXT,
    "streaming.openaiApiKey": SECRET,
    "streaming.sttModel": TEXT,
    "streaming.silenceDurationMs": {"type": "number"},
    "streaming.vadThreshold": {"type": "number"},
    **{f"tts.{vendor}": VENDOR for vendor in ("openai", "elevenlabs", "microsoft", "edge")},
    **{f"tts.{name}": TEXT for name in ("model", "voice", "instructions")},
    "realtime.agentContext.includeSystemPrompt": {"type": "boolean"},
    **{name: ANYTHING for name in ("reports", "live", "callbacks", "voicemail")},
}
"""Keys of earlier and of later versions of the reference."""
OWN: Plain = {
    "type": "object",
    "additionalProperties": False,
    "description": "The plugin's own settings; nothing of it is needed.",
    "properties": {
        "python": {
            "type": ["string", "array"],
            "items": TEXT,
            "description": "Python that has the voicecall package, as a path or as a command with arguments. Absent: "
            "one that has it already, or one of our own under the gateway's state folder.",
        },
        "stateDir": {
            "type": "string",
            "description": "Where calls are kept. Absent: store, or voice-calls in the gateway's state folder.",
        },
        "simulate": {
            "type": "boolean",
            "description": "Run a simulated phone network with simulated people. Absent: with provider mock, unless "
            "mock.apiUrl names one.",
        },
    },
}
BASIC = frozenset({
    *("enabled", "provider", "fromNumber", "toNumber", "inboundPolicy", "allowFrom", "outbound.defaultMode"),
    *("telnyx.apiKey", "telnyx.connectionId", "telnyx.publicKey", "twilio.accountSid", "twilio.authToken"),
    *("plivo.authId", "plivo.authToken", "serve.port", "serve.bind", "serve.path"),
})  # fmt: skip
"""What a form shows at once."""
VENDORS = ("realtime", "streaming", "tts", "agent")
"""Blocks with ``providers.*`` that have keys."""


def page() -> str:
    """The text of the file."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    manifest = {
        "id": "voice-call",
        "name": "Voice Call",
        "description": "Phone calls with an AI agent: Twilio, Telnyx, Plivo, or a simulated phone network.",
        "version": version,
        "categories": ["voice"],
        "activation": {"onStartup": True, "onCommands": ["voicecall"]},
        "commandAliases": [{"name": "voicecall"}],
        "cliCommands": [
            {
                "name": "voicecall",
                "description": "Phone calls: place one, talk on it, look at it",
                "hasSubcommands": True,
            }
        ],
        "contracts": {"tools": ["voice_call"]},
        "skills": ["./skills"],
        "channelEnvVars": {"voice-call": sorted({name for row in walk(Config) for name in row.key.env})},
        "configContracts": {"secretInputs": {"paths": [{"path": path, "expected": "string"} for path in _secrets()]}},
        "uiHints": _hints(),
        "configSchema": config_schema(),
    }
    return json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"


def config_schema() -> Plain:
    """JSON Schema of our block in the gateway's configuration."""
    schema = _object(Config)
    schema["properties"]["provider"]["enum"].append("log")
    for path, shape in LEGACY.items():
        *parents, name = path.split(".")
        place = schema
        for parent in parents:
            place = place["properties"][parent]
        place["properties"].setdefault(name, shape)
    schema["properties"]["voicecall"] = OWN
    return schema


def _object(cls: type[object]) -> Plain:
    properties = {
        wire_name(name, about): {**_value(about, fixed=is_section(cls, name)), "description": about.doc}
        for name, about in keys_of(cls).items()
    }
    each = rest_shape(cls)
    others: Plain | bool = rest_of(cls) is not None
    if each is not None and each.rows is not None:
        others = _object(each.rows)
    return {"type": "object", "additionalProperties": others, "properties": properties}


def _value(about: Key, *, fixed: bool) -> Plain:
    shape = about.shape
    if shape.rows is not None:
        inner = _object(shape.rows)
        return inner if fixed else {"type": "object", "additionalProperties": inner}
    if shape is E164:
        return {"type": "string", "pattern": r"^\+[1-9]\d{1,14}$"}
    if shape is PATIENCE:
        return {"type": "array", "items": {"type": "integer"}}
    return _leaf(shape.allowed, secret=shape.secret)


def _leaf(allowed: str, *, secret: bool) -> Plain:
    """From the words in which a shape says what it allows; there is no other account of it."""
    if allowed == "true or false":
        return {"type": "boolean"}
    if allowed == "an object":
        return dict(VENDOR)
    if found := re.fullmatch(r"a whole number (?:of at least (\d+)|from (\d+) to (\d+))", allowed):
        least, most = found[1] or found[2], found[3]
        return {"type": "integer", "minimum": int(least), **({"maximum": int(most)} if most else {})}
    if found := re.fullmatch(r"a number from (\S+) to (\S+)", allowed):
        return {"type": "number", "minimum": float(found[1]), "maximum": float(found[2])}
    if allowed.startswith("a list of"):
        return {"type": "array", "items": VENDOR if "tools" in allowed else TEXT}
    if allowed.startswith(('one of "', '"')):
        return {"type": "string", "enum": re.findall(r'"([^"]+)"', allowed)}
    if secret:
        return dict(SECRET)
    if allowed.startswith(("a string", "a non-empty string", "a URL path", "an absolute path", "an http")):
        return dict(TEXT)
    raise ValueError(f"no JSON Schema is known for {allowed!r}; add it to scripts/plugin_manifest.py")


def _secrets() -> Iterator[str]:
    for row in walk(Config):
        if row.key.shape.secret and not row.key.shape.opaque and ".providers." not in row.path:
            yield row.path
    yield from (f"{block}.providers.*.apiKey" for block in VENDORS)


def _hints() -> Plain:
    hints: Plain = {}
    for row in walk(Config):
        if "<" in row.path:
            continue
        hint: Plain = {"label": _label(row.path), "help": row.key.doc}
        if row.key.shape is E164:
            hint["placeholder"] = "+15550001234"
        if row.key.shape.secret and not row.key.shape.opaque:
            hint["sensitive"] = True
        if row.path not in BASIC:
            hint["advanced"] = True
        hints[row.path] = hint
    return hints


def _label(path: str) -> str:
    """``streaming.maxPendingConnectionsPerIp`` is "Streaming: max pending connections per ip"."""
    *parents, name = (
        re.sub(r"(?<=[a-z])([A-Z])", lambda found: f" {found[1].lower()}", one) for one in path.split(".")
    )
    words = ": ".join([*parents, name])
    return words[0].upper() + words[1:]
