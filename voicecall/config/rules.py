"""Conditions over several keys, with the reference's own words for those that it has."""

from __future__ import annotations

from collections.abc import Iterator

from voicecall.config.addresses import authority, is_loopback, network
from voicecall.config.problems import PREFIX, Problem, show
from voicecall.config.root import Config
from voicecall.config.silero import FIX, silero_model
from voicecall.config.thinking import USUAL_MODEL, USUAL_PROVIDER, ModelProviders, named_model
from voicecall.config.unbuilt import THEIR_EARS

_FUNNEL_PORTS = (443, 8443, 10_000)


def check(config: Config) -> tuple[Problem, ...]:
    """What keeps an enabled configuration from working; a disabled one is always fine."""
    if not config.enabled:
        return ()
    return (
        *_numbers(config),
        *_pairing(config),
        *_credentials(config),
        *_realtime(config),
        *_detector(config),
        *_models(config),
        *_ear(config),
        *_funnel(config),
        *_tunnel(config),
        *_unverified(config),
        *_trusted(config),
    )


def _numbers(config: Config) -> Iterator[Problem]:
    if config.from_number is None and config.provider != "mock":
        env = " (or set TWILIO_FROM_NUMBER env)" if config.provider == "twilio" else ""
        yield _theirs("fromNumber", "absent", f"fromNumber is required{env}")


def _pairing(config: Config) -> Iterator[Problem]:
    if config.inbound_policy == "pairing" and "{code}" not in config.phrases.pairing:
        words = 'words with "{code}" in them, best twice: the caller writes it down'
        yield _unusable("phrases.pairing", config.phrases.pairing, words)


def _credentials(config: Config) -> Iterator[Problem]:
    needed: tuple[tuple[str, object, str], ...]
    match config.provider:
        case "telnyx":
            telnyx = config.telnyx
            needed = (
                ("telnyx.apiKey", telnyx.api_key, "TELNYX_API_KEY"),
                ("telnyx.connectionId", telnyx.connection_id, "TELNYX_CONNECTION_ID"),
                ("telnyx.publicKey", telnyx.public_key or config.skip_signature_verification, "TELNYX_PUBLIC_KEY"),
            )
        case "twilio":
            needed = (
                ("twilio.accountSid", config.twilio.account_sid, "TWILIO_ACCOUNT_SID"),
                ("twilio.authToken", config.twilio.auth_token, "TWILIO_AUTH_TOKEN"),
            )
        case "plivo":
            needed = (
                ("plivo.authId", config.plivo.auth_id, "PLIVO_AUTH_ID"),
                ("plivo.authToken", config.plivo.auth_token, "PLIVO_AUTH_TOKEN"),
            )
        case "mock":
            needed = ()
    for path, value, env in needed:
        if not value:
            yield _theirs(path, "absent", f"{path} is required (or set {env} env)")


def _models(config: Config) -> Iterator[Problem]:
    """Every model that may have to answer must be somewhere, and OpenAI wants a key."""
    if config.agent.provider != "openai":
        return
    routes = {f"numbers.{number}.responseModel": route.response_model for number, route in config.numbers.items()}
    for path, model in {"responseModel": config.response_model or USUAL_MODEL, **routes}.items():
        if model is None:
            continue
        provider, name = named_model(model)
        known = config.agent.providers.others.get(provider)
        if not provider or not name:
            yield _unusable(path, model, "a provider and a model, e.g. openai/gpt-4o-mini")
        elif provider == USUAL_PROVIDER:
            yield from _openai_key(config)
        elif known is None or known.base_url is None:
            where = f"agent.providers.{provider}.baseUrl"
            yield _unusable(path, model, f"{where} to be set, the address of that provider's API")


def _openai_key(config: Config) -> Iterator[Problem]:
    """Another address than OpenAI's own may want none."""
    openai, usual = config.agent.providers.openai, ModelProviders().openai
    if openai.api_key is None and openai.base_url == usual.base_url:
        path = "agent.providers.openai.apiKey"
        message = f'{path}: is absent while agent.provider is "openai": set it, or OPENAI_API_KEY in the environment'
        yield Problem(path=path, value="absent", message=message)


def _ear(config: Config) -> Iterator[Problem]:
    """A call whose sound comes to us needs somebody who understands it; on the simulated network anybody does."""
    vendors = config.streaming.providers
    keys = {
        "openai": (vendors.openai.api_key, "OPENAI_API_KEY"),
        "elevenlabs": (vendors.elevenlabs.api_key, "ELEVENLABS_API_KEY"),
    }
    name = config.streaming.provider
    if not config.streaming.enabled or config.provider == "mock" or name in ("offline", *THEIR_EARS):
        return
    if name not in keys:
        yield _unusable("streaming.provider", name, '"openai", "elevenlabs" or "offline"')
        return
    key, env = keys[name]
    if key is None:
        path = f"streaming.providers.{name}.apiKey"
        message = (
            f"{path}: is absent while streaming.enabled is true: nobody would understand the callers; set it, or {env} "
            'in the environment, or streaming.provider to "offline", which understands simulated people alone'
        )
        yield Problem(path=path, value="absent", message=message)


def _realtime(config: Config) -> Iterator[Problem]:
    if not config.realtime.enabled:
        return
    if config.inbound_policy == "disabled":
        yield _theirs(
            "inboundPolicy", '"disabled"', 'inboundPolicy must not be "disabled" when realtime.enabled is true'
        )
    if config.streaming.enabled:
        yield _theirs("realtime.enabled", "true", f"realtime.enabled and {PREFIX}streaming.enabled cannot both be true")
    if config.provider == "plivo":
        yield _theirs(
            "provider", '"plivo"', 'provider must be "twilio", "telnyx", or "mock" when realtime.enabled is true'
        )


def _detector(config: Config) -> Iterator[Problem]:
    if config.streaming.voice_detector == "silero" and silero_model(config.streaming) is None:
        yield _unusable("streaming.voiceDetector", "silero", f'"energy" while Silero is not there, or {FIX}')


def _funnel(config: Config) -> Iterator[Problem]:
    asking = (
        ("tailscale.mode", config.tailscale.mode == "funnel", '"funnel"'),
        ("tunnel.provider", config.tunnel.provider == "tailscale-funnel", '"tailscale-funnel"'),
    )
    port = config.tailscale.port
    for setting, is_funnel, value in asking:
        if is_funnel and port not in _FUNNEL_PORTS:
            yield Problem(
                path="tailscale.port",
                value=str(port),
                message=f"tailscale.port: got {port}: expected 443, 8443 or 10000 when {setting} is {value}",
            )


def _tunnel(config: Config) -> Iterator[Problem]:
    """A tunnel leads to an address of its own choice."""
    if config.public_url is not None:
        return
    asking = (
        ("tunnel.provider", config.tunnel.provider, "none"),
        ("tailscale.mode", config.tailscale.mode, "off"),
    )
    for setting, value, nothing in asking:
        reached = ("localhost", "::1", "::") if value == "ngrok" else ("localhost",)
        if value != nothing and config.serve.bind not in ("127.0.0.1", "0.0.0.0", *reached):
            allowed = f"127.0.0.1 or 0.0.0.0 when {setting} is {show(value)}: it leads there"
            yield _unusable("serve.bind", config.serve.bind, allowed)
            return


def _unverified(config: Config) -> Iterator[Problem]:
    """Believing everybody is for a door that only this machine can reach."""
    if not config.skip_signature_verification:
        return
    ways_in = (
        (not is_loopback(config.serve.bind), f"serve.bind is {show(config.serve.bind)}", "set serve.bind to 127.0.0.1"),
        (config.public_url is not None, "publicUrl is set", "remove publicUrl"),
        (config.tunnel.provider != "none", f'tunnel.provider is "{config.tunnel.provider}"', "remove tunnel.provider"),
        (config.tailscale.mode != "off", f'tailscale.mode is "{config.tailscale.mode}"', "remove tailscale.mode"),
    )
    for is_open, why, fix in ways_in:
        if is_open:
            yield Problem(
                path="skipSignatureVerification",
                value="true",
                message=f"skipSignatureVerification: got true while {why}: strangers could send webhooks that are "
                f"believed; remove skipSignatureVerification, or {fix}",
            )


def _trusted(config: Config) -> Iterator[Problem]:
    """An entry that can never match would quietly be no entry, and no entries trust everybody."""
    for index, host in enumerate(config.webhook_security.allowed_hosts):
        if authority(host) is None:
            path = f"webhookSecurity.allowedHosts[{index}]"
            yield _unusable(path, host, "a host name without scheme and path, e.g. phone.example.com")
    for index, proxy in enumerate(config.webhook_security.trusted_proxy_ips):
        try:
            network(proxy)
        except ValueError:
            path = f"webhookSecurity.trustedProxyIPs[{index}]"
            yield _unusable(path, proxy, "an IP address, e.g. 203.0.113.7, or a network, e.g. 10.0.0.0/8")


def _unusable(path: str, value: str, allowed: str) -> Problem:
    return Problem(path=path, value=show(value), message=f"{path}: got {show(value)}: expected {allowed}")


def _theirs(path: str, value: str, words: str) -> Problem:
    return Problem(path=path, value=value, message=PREFIX + words)
