"""The configuration: JSON5 in, one checked value out, or every mistake at once. Imports nothing else of ours.

Names are imported when they are first used: a client that only looks for the state directory never pays for the
classes of every key.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voicecall.config.carriers import Mock, NumberRoute, Outbound, Plivo, Serve, Tailscale, Telnyx, Tunnel, Twilio
    from voicecall.config.file import find_state_directory, state_directory
    from voicecall.config.loading import default_config, load, parse
    from voicecall.config.problems import ConfigError, Problem
    from voicecall.config.root import CarrierName, Config, Route, route_for
    from voicecall.config.rules import check
    from voicecall.config.secret import Secret
    from voicecall.config.speech import Streaming, Tts

__all__ = [
    "CarrierName",
    "Config",
    "ConfigError",
    "Mock",
    "NumberRoute",
    "Outbound",
    "Plivo",
    "Problem",
    "Route",
    "Secret",
    "Serve",
    "Streaming",
    "Tailscale",
    "Telnyx",
    "Tts",
    "Tunnel",
    "Twilio",
    "check",
    "default_config",
    "find_state_directory",
    "load",
    "parse",
    "route_for",
    "state_directory",
]

_HOMES = {
    "carriers": ("Mock", "NumberRoute", "Outbound", "Plivo", "Serve", "Tailscale", "Telnyx", "Tunnel", "Twilio"),
    "file": ("find_state_directory", "state_directory"),
    "loading": ("default_config", "load", "parse"),
    "problems": ("ConfigError", "Problem"),
    "root": ("CarrierName", "Config", "Route", "route_for"),
    "rules": ("check",),
    "secret": ("Secret",),
    "speech": ("Streaming", "Tts"),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"voicecall.config.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
