"""``plugin/openclaw/openclaw.plugin.json``: what the OpenClaw gateway reads of its plugin before it runs any of it.

Its schema is the server's own (``voicecall/config/schema.py``): a key that it does not know would keep the whole
gateway from starting.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from voicecall.config.keys import walk
from voicecall.config.root import Config
from voicecall.config.schema import host_schema, secret_paths
from voicecall.config.shapes import E164

ROOT = Path(__file__).resolve().parent.parent

Plain = dict[str, Any]

OWN: Plain = {
    "type": "object",
    "additionalProperties": False,
    "description": "The plugin's own settings; nothing of it is needed.",
    "properties": {
        "python": {
            "type": ["string", "array"],
            "items": {"type": "string"},
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


def page() -> str:
    """The text of the file."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    secrets = [{"path": path, "expected": "string"} for path in secret_paths()]
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
        "configContracts": {"secretInputs": {"paths": secrets}},
        "uiHints": _hints(),
        "configSchema": config_schema(),
    }
    return json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"


def config_schema() -> Plain:
    """JSON Schema of our block in the gateway's configuration: the server's, and what is the plugin's own."""
    schema = host_schema()
    return {**schema, "properties": {**schema["properties"], "voicecall": OWN}}


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
