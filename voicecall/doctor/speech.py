"""Keys of speech vendors and models: each is shown to its vendor once, whatever it is used for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import trio
from attrs import define, field

from voicecall.config import Config, Secret
from voicecall.config.speech import ElevenLabsVoice
from voicecall.config.thinking import USUAL_MODEL, USUAL_PROVIDER, named_model
from voicecall.doctor.api import Answer, Api, part, rows, text
from voicecall.doctor.findings import Finding, Note, doubtful, good, wrong
from voicecall.doctor.subject import Subject

ADVISED = re.compile(r"(?P<message>.*?)(?:; (?P<hint>.*)| \((?P<advice>.*)\))?")
"""How the adapter says what is wrong and, behind it, what to do."""


@define(kw_only=True)
class Endpoint:
    """An OpenAI-compatible API, the settings that hold its key, and the models that are asked of it."""

    provider: str
    url: str
    key: str = field(repr=False)
    settings: list[str] = field(factory=list[str])
    models: list[str] = field(factory=list[str])


async def check_models(subject: Subject, note: Note) -> None:
    """Every OpenAI-compatible API that a call may need."""
    async with trio.open_nursery() as nursery:
        for endpoint in endpoints(subject):
            nursery.start_soon(_check_endpoint, subject, endpoint, note)


def endpoints(subject: Subject) -> list[Endpoint]:
    """By address and key, so that none is asked twice."""
    found: dict[tuple[str, str], Endpoint] = {}
    for provider, url, secret, setting, model in _uses(subject):
        key = secret.reveal() if secret else ""
        one = found.setdefault((url, key), Endpoint(provider=provider, url=url, key=key))
        one.settings.append(setting)
        if model not in one.models:
            one.models.append(model)
    return list(found.values())


def _uses(subject: Subject) -> Iterator[tuple[str, str, Secret | None, str, str]]:
    config = subject.config
    voice, ear = config.tts.providers.openai, config.streaming.providers.openai
    if subject.streams and voice.api_key and config.tts.provider != "offline":
        yield "openai", voice.base_url, voice.api_key, "tts.providers.openai.apiKey", voice.model
    if _listens(subject, "openai") and ear.api_key:
        yield "openai", ear.base_url, ear.api_key, "streaming.providers.openai.apiKey", ear.model
    if config.agent.provider == "openai":
        yield from _models(config)


def _models(config: Config) -> Iterator[tuple[str, str, Secret | None, str, str]]:
    routes = (route.response_model for route in config.numbers.values())
    for model in filter(None, (config.response_model or USUAL_MODEL, *routes)):
        provider, name = named_model(model)
        openai, known = config.agent.providers.openai, config.agent.providers.others.get(provider)
        setting = f"agent.providers.{provider}.apiKey"
        if provider == USUAL_PROVIDER:
            yield provider, openai.base_url, openai.api_key, setting, name
        elif known is not None and known.base_url is not None:
            yield provider, known.base_url, known.api_key, setting, name


def _listens(subject: Subject, vendor: str) -> bool:
    """Whether a vendor is the ear."""
    return subject.streams and subject.config.streaming.provider == vendor


async def _check_endpoint(subject: Subject, endpoint: Endpoint, note: Note) -> None:
    headers = {"authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    api = Api(base=endpoint.url.rstrip("/"), headers=headers, fetch=subject.fetch)
    answer = await api.get("/models")
    listed = [text(one, "id") for one in rows(answer.plain, "data")]
    refusal = _refusal(endpoint, api, answer)
    if refusal is not None:
        note(refusal)
        return
    unknown = [one for one in endpoint.models if listed and one not in listed]
    if unknown:
        complain = wrong if endpoint.provider == USUAL_PROVIDER else doubtful
        message = f"{endpoint.provider}: this key has no model {', '.join(unknown)}"
        note(complain(endpoint.provider, message, f"see {api.base}/models for those that it has"))
    else:
        note(good(endpoint.provider, f"accepts {_listed(endpoint.settings)} for {_listed(endpoint.models)}"))


def _refusal(endpoint: Endpoint, api: Api, answer: Answer) -> Finding | None:
    name, settings = endpoint.provider, _listed(endpoint.settings)
    code = text(part(answer.plain, "error"), "code")
    said = f"HTTP {answer.status}{f', {code}' if code else ''}"
    match answer.status:
        case 200:
            return None
        case 0:
            message = f"{name} at {api.host} cannot be reached: {answer.error}"
            return wrong(name, message, "check its baseUrl, and the network of this machine")
        case 401:
            # Without the vendor's words: they quote the key.
            return wrong(name, f"{name} refuses {settings}: {said}", "set a key that the vendor's console lists")
        case 403 | 404 | 405:
            message = f"{name}: the key may not list models ({said}), so only a call tells whether it is good"
            return doubtful(name, message, "nothing need be done; let the key read models to have it checked here")
        case _:
            return doubtful(name, f"{name} cannot say now: {said}", "try again in a while")


async def check_elevenlabs(subject: Subject, note: Note) -> None:
    """The key, and the voice by its id or name, through the vendor's package."""
    config = subject.config
    keys, ear = config.tts.providers.elevenlabs, config.streaming.providers.elevenlabs
    speaks = subject.streams and keys.api_key is not None and config.tts.provider != "offline"
    if speaks:
        note(await _voice(keys))
    same = speaks and ear.api_key == keys.api_key and ear.base_url == keys.base_url
    if _listens(subject, "elevenlabs") and ear.api_key and not same:
        api = Api(base=ear.base_url.rstrip("/"), headers={"xi-api-key": ear.api_key.reveal()}, fetch=subject.fetch)
        note(_ear(await api.get("/v1/models"), api))


async def _voice(keys: ElevenLabsVoice) -> Finding:
    from voicecall.adapters.speech.elevenlabs import ElevenLabsFailed, Misconfigured
    from voicecall.adapters.speech.elevenlabs.voices import find_voice, is_name, name_of, open_client, wanted

    failed: Exception | None = None
    said = ""
    async with open_client(keys) as client:
        try:
            if is_name(wanted(keys)):
                said = f"the voice {wanted(keys)} is {await find_voice(client, keys)}"
            else:
                said = f"the voice {wanted(keys)} is called {await name_of(client, keys)}"
        except (ElevenLabsFailed, Misconfigured) as error:
            failed = error
    if failed is None:
        return good("elevenlabs", f"accepts tts.providers.elevenlabs.apiKey; {said}")
    words = str(failed)
    if "missing_permissions" in words:
        message = "the key may not read voices, so only a call tells whether the voice is there"
        return doubtful("elevenlabs", message, "let the key read voices (elevenlabs.io, API keys)")
    told = ADVISED.fullmatch(words)
    message, fix = (told["message"], told["hint"] or told["advice"]) if told else (words, "")
    complain = wrong if isinstance(failed, Misconfigured) or getattr(failed, "final", False) else doubtful
    return complain("elevenlabs", message, fix or "check the network of this machine, and try again")


def _ear(answer: Answer, api: Api) -> Finding:
    match answer.status:
        case 200:
            return good("elevenlabs", "accepts streaming.providers.elevenlabs.apiKey")
        case 0:
            message = f"ElevenLabs at {api.host} cannot be reached: {answer.error}"
            return wrong("elevenlabs", message, "check its baseUrl, and the network of this machine")
        case 401:
            fix = "set a key that elevenlabs.io lists"
            return wrong("elevenlabs", "ElevenLabs refuses streaming.providers.elevenlabs.apiKey: HTTP 401", fix)
        case status:
            return doubtful("elevenlabs", f"ElevenLabs cannot say now: HTTP {status}", "try again in a while")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))
