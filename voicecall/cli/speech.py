"""``--speech`` and ``--speech-url``: who speaks and listens, laid over what the configuration says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast
from urllib.parse import urlsplit

from attrs import frozen

from voicecall.config import Config, ConfigError, Problem, parse

KEYS = {"openai": ("OPENAI_API_KEY",), "elevenlabs": ("ELEVENLABS_API_KEY", "XI_API_KEY")}
"""Where the environment has a vendor's key."""
NO_KEY = "none"
"""What is shown at ``--speech-url`` where no key is known: what answers there may want none."""
Plain = Mapping[str, object]


@frozen(kw_only=True)
class SpeechVendor:
    """Who speaks and listens instead of whom the configuration names; ``url`` is where, if not at the vendor's own.

    ``voice_only``: the configuration says who listens. Sound is streamed in any case.
    """

    name: Literal["openai", "elevenlabs"]
    url: str | None = None
    voice_only: bool = False

    def lay_over(self, plain: Plain, environment: Mapping[str, str]) -> Config:
        """The configuration of these keys. Raises ``ConfigError``."""
        laid = {name: self._section(name, plain.get(name, {}), environment) for name in ("tts", "streaming")}
        return parse({**plain, **laid}, environment)

    def _section(self, name: str, given: object, environment: Mapping[str, str]) -> object:
        section = _object(given)
        providers = _object((section or {}).get("providers", {}))
        mine = _object((providers or {}).get(self.name, {}))
        if section is None or providers is None or mine is None:
            return given  # what is wrong with it is said by who reads it
        streams = {"enabled": True} if name == "streaming" else {}
        if streams and self.voice_only:
            return {**section, **streams}
        if not (mine.get("apiKey") or any(environment.get(key) for key in KEYS[self.name])):
            mine = {**mine, "apiKey": self._no_key(f"{name}.providers.{self.name}.apiKey")}
        if self.url:
            mine = {**mine, "baseUrl": self.url}
        return {**section, **streams, "provider": self.name, "providers": {**providers, self.name: mine}}

    def _no_key(self, path: str) -> str:
        if self.url:
            return NO_KEY
        message = f"--speech {self.name}: no key: set {KEYS[self.name][0]} in the environment, or {path}"
        raise ConfigError((Problem(path=path, value="absent", message=message),))


def problem_of(speech: str | None, url: str | None) -> str:
    """What is wrong with the options, if anything is."""
    if url is None:
        return ""
    if speech is None:
        return "--speech-url: says where the vendor of --speech is; add --speech openai or --speech elevenlabs"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return f"--speech-url: must be the http or https address of an API, e.g. https://api.openai.com/v1, got {url}"
    return ""


def _object(value: object) -> Plain | None:
    return cast("Plain", value) if isinstance(value, Mapping) else None
