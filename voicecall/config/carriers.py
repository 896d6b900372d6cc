"""The keys about carriers, and about how they reach us."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from voicecall.config.keys import key
from voicecall.config.secret import Secret
from voicecall.config.shapes import BOOL, NON_EMPTY, PATH, PORT, POSITIVE, SECRET, TEXT, URL, choice, integer, listing


@frozen(kw_only=True)
class Outbound:
    default_mode: Literal["notify", "conversation"] = key(
        choice("notify", "conversation"),
        "notify",
        "Mode of a call that names none.",
        live=True,
    )
    notify_hangup_delay_sec: int = key(
        integer(0),
        3,
        "Seconds between the end of a notify message, as heard, and the hang-up.",
        live=True,
    )
    on_machine: Literal["message", "hangup", "ignore"] | None = key(
        choice("message", "hangup", "ignore"),
        None,
        "What to do when a machine answers; absent, a notify message is for it too (after the beep, if there is one "
        "within 8 s), and a conversation is hung up. With `ignore` no carrier is asked to detect one.",
        ours=True,
        live=True,
    )


@frozen(kw_only=True)
class Serve:
    port: int = key(PORT, 3334, "TCP port of the one door.")
    bind: str = key(NON_EMPTY, "127.0.0.1", "Address the door listens on.")
    path: str = key(PATH, "/voice/webhook", "Path that carriers post their webhooks to.")


@frozen(kw_only=True)
class Rpc:
    port: int | None = key(
        PORT, None, "TCP port on 127.0.0.1 for JSON-RPC, besides the socket in the state directory. Absent: none."
    )
    token: Secret | None = key(
        SECRET,
        None,
        "What a client on that port must say first. Absent: the one in `rpc.token` in the state directory, made there.",
        env=("VOICECALL_RPC_TOKEN",),
    )


@frozen(kw_only=True)
class Tailscale:
    mode: Literal["off", "serve", "funnel"] = key(
        choice("off", "serve", "funnel"), "off", "Expose the door by Tailscale; prefer `tunnel.provider`."
    )
    port: int = key(PORT, 443, "Public port; a funnel has only 443, 8443 and 10000.")
    path: str = key(PATH, "/voice/webhook", "Public path.")


@frozen(kw_only=True)
class Tunnel:
    provider: Literal["none", "ngrok", "tailscale-serve", "tailscale-funnel"] = key(
        choice("none", "ngrok", "tailscale-serve", "tailscale-funnel"), "none", "Who makes the door public."
    )
    ngrok_auth_token: Secret | None = key(SECRET, None, "ngrok's token.", env=("NGROK_AUTHTOKEN",))
    ngrok_domain: str | None = key(NON_EMPTY, None, "Reserved ngrok domain.", env=("NGROK_DOMAIN",))
    allow_ngrok_free_tier_loopback_bypass: bool = key(
        BOOL,
        False,
        "Let a Twilio webhook with an invalid signature through, only when the tunnel is ngrok, `serve.bind` is "
        "loopback and the peer is loopback. Loud at start-up, and journaled as unverified.",
    )


@frozen(kw_only=True)
class WebhookSecurity:
    allowed_hosts: tuple[str, ...] = key(
        listing(NON_EMPTY, "host names"), (), "Hosts that forwarding headers may name."
    )
    trust_forwarding_headers: bool = key(BOOL, False, "Believe forwarding headers from any peer.")
    trusted_proxy_ips: tuple[str, ...] = key(
        listing(NON_EMPTY, "IP addresses"), (), "Peers whose forwarding headers are believed.", wire="trustedProxyIPs"
    )


API = "Where the carrier's API is, if not at its usual address (a proxy, a simulated carrier)."


@frozen(kw_only=True)
class Telnyx:
    api_key: Secret | None = key(SECRET, None, "API key.", env=("TELNYX_API_KEY",), carrier="telnyx")
    connection_id: str | None = key(
        NON_EMPTY, None, "Call Control connection.", env=("TELNYX_CONNECTION_ID",), carrier="telnyx"
    )
    public_key: str | None = key(
        NON_EMPTY,
        None,
        "Public key of the account, base64 or PEM; several with commas while one replaces another.",
        env=("TELNYX_PUBLIC_KEY",),
        carrier="telnyx",
    )
    api_url: str | None = key(URL, None, API, ours=True)


@frozen(kw_only=True)
class Twilio:
    account_sid: str | None = key(NON_EMPTY, None, "Account SID.", env=("TWILIO_ACCOUNT_SID",), carrier="twilio")
    auth_token: Secret | None = key(SECRET, None, "Auth token.", env=("TWILIO_AUTH_TOKEN",), carrier="twilio")
    region: Literal["us1", "ie1", "au1"] = key(choice("us1", "ie1", "au1"), "us1", "Region of the account.")
    api_url: str | None = key(URL, None, API, ours=True)


@frozen(kw_only=True)
class Plivo:
    auth_id: str | None = key(NON_EMPTY, None, "Auth ID.", env=("PLIVO_AUTH_ID",), carrier="plivo")
    auth_token: Secret | None = key(SECRET, None, "Auth token.", env=("PLIVO_AUTH_TOKEN",), carrier="plivo")
    signatures: Literal["v3", "v2", "auto"] = key(
        choice("v3", "v2", "auto"),
        "auto",
        "Which webhook signatures count: V3 alone, V2 alone, or V2 as long as the account has never sent V3.",
        ours=True,
    )
    api_url: str | None = key(URL, None, API, ours=True)


@frozen(kw_only=True)
class Mock:
    api_url: str = key(URL, "http://127.0.0.1:3335", "Where the simulated phone network listens.")
    secret: Secret | None = key(
        SECRET,
        None,
        "Signs the simulated network's webhooks and requests; absent, one is made in the state directory.",
        env=("VOICECALL_MOCK_SECRET",),
        carrier="mock",
    )


@frozen(kw_only=True)
class NumberRoute:
    """What differs for calls to one of our numbers; None is "as everywhere"."""

    inbound_greeting: str | None = key(TEXT, None, "Greeting for calls to this number.", live=True)
    agent_id: str | None = key(NON_EMPTY, None, "Agent that takes calls to this number.", live=True)
    response_model: str | None = key(NON_EMPTY, None, "Model that answers calls to this number.", live=True)
    response_system_prompt: str | None = key(TEXT, None, "System prompt for calls to this number.", live=True)
    response_timeout_ms: int | None = key(
        POSITIVE, None, "Patience with the agent for calls to this number.", live=True
    )
