"""What the simulated carriers show of an account, read by the vendors' own packages over real sockets."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import plivo
import pytest
import telnyx
import trio
from elevenlabs.client import ElevenLabs as ElevenLabsPackage
from openai import AuthenticationError, OpenAI
from quart_trio import QuartTrio
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from tests.doctor.stage import OURS, Stage, play
from voicecall.testing.plivo.console import APPLICATION as PLIVO_APPLICATION
from voicecall.testing.twilio.console import APPLICATION
from voicecall.testing.vendors.elevenlabs import KEY, ElevenLabs
from voicecall.testing.vendors.listening import open_vendor
from voicecall.testing.vendors.openai_models import MODELS, add_models

HOOK = "https://voice.example.com/voice/webhook"


class Here(TwilioHttpClient):
    """Goes to the simulated network instead of Twilio's host."""

    def __init__(self, url: str) -> None:
        super().__init__(timeout=10)
        self.url = url

    def close(self) -> None:
        """Leave no socket open."""
        assert self.session is not None
        self.session.close()

    def request(self, method: str, url: str, *more: Any, **options: Any) -> Any:
        parts = urlsplit(url)
        assert parts.netloc == "api.twilio.com"
        return super().request(method, f"{self.url}{parts.path}", *more, **options)


class Instead(HTTPAdapter):
    """The same for Plivo's."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.there = url

    def send(self, request: PreparedRequest, *more: Any, **options: Any) -> Response:
        assert request.url is not None
        parts = urlsplit(request.url)
        request.url = f"{self.there}{parts.path}"
        return super().send(request, *more, **options)


def ask(folder: Path, carrier: str, story: Callable[[Stage], None]) -> None:
    """A story with a package that knows no trio, in a thread."""

    async def staged(stage: Stage) -> None:
        stage.console.webhook_url = HOOK
        await trio.to_thread.run_sync(partial(story, stage))

    play(folder, carrier, staged)


def test_twilios_package_reads_account_numbers_and_applications(tmp_path: Path) -> None:
    def story(stage: Stage) -> None:
        sid, token = stage.account["account_sid"], stage.account["auth_token"]
        with closing(Here(stage.url)) as there, closing(Here(stage.url)) as again:
            read(Client(sid, token, http_client=there), stage)
            with pytest.raises(TwilioRestException) as refused:
                Client(sid, "wrong", http_client=again).api.accounts(sid).fetch()
            assert (refused.value.status, refused.value.code) == (401, 20003)

    def read(client: Client, stage: Stage) -> None:
        sid = stage.account["account_sid"]
        account = client.api.accounts(sid).fetch()
        assert (account.sid, account.status, account.type) == (sid, "active", "Full")
        (number,) = client.incoming_phone_numbers.list(phone_number=OURS)
        assert (number.phone_number, number.voice_url, number.voice_method) == (OURS, f"{HOOK}#rc=5&rp=all", "POST")
        assert (number.status_callback, number.status_callback_method) == (HOOK, "POST")
        assert (number.voice_application_sid, number.trunk_sid) == ("", None)
        assert number.capabilities["voice"]
        assert number.date_created.year == 2026
        assert client.incoming_phone_numbers.list(phone_number="+15550000009") == []
        assert client.outgoing_caller_ids.list() == []
        stage.console.changes["caller_id"] = {"phone_number": "+15550000009"}
        (verified,) = client.outgoing_caller_ids.list(phone_number="+15550000009")
        assert verified.phone_number == "+15550000009"
        application = client.applications(APPLICATION).fetch()
        assert (application.voice_url, application.voice_method) == (f"{HOOK}#rc=5&rp=all", "POST")
        with pytest.raises(TwilioRestException) as missing:
            client.applications("AP" + 32 * "0").fetch()
        assert (missing.value.status, missing.value.code) == (404, 20404)

    ask(tmp_path, "twilio", story)


def test_telnyxs_package_reads_balance_application_and_numbers(tmp_path: Path) -> None:
    def story(stage: Stage) -> None:
        key, name = stage.account["api_key"], stage.account["connection_id"]
        with telnyx.Telnyx(
            api_key=key, base_url=f"{stage.url}/v2", max_retries=0, _strict_response_validation=True
        ) as client:
            assert client.balance.retrieve().data.available_credit == "500.00"
            application = client.call_control_applications.retrieve(name).data
            assert (application.id, application.active, application.webhook_api_version) == (name, True, "2")
            assert (application.webhook_event_url, application.webhook_event_failover_url) == (HOOK, HOOK)
            assert application.outbound.outbound_voice_profile_id
            (number,) = list(client.phone_numbers.list(filter={"phone_number": OURS.removeprefix("+")}))
            assert (number.phone_number, number.status, number.connection_id) == (OURS, "active", name)
            assert list(client.phone_numbers.list(filter={"phone_number": OURS})) == []
            with pytest.raises(telnyx.NotFoundError):
                client.call_control_applications.retrieve("1")
        with (
            telnyx.Telnyx(api_key="KEYwrong", base_url=f"{stage.url}/v2", max_retries=0) as client,
            pytest.raises(telnyx.AuthenticationError),
        ):
            client.balance.retrieve()

    ask(tmp_path, "telnyx", story)


def test_plivos_package_reads_account_number_and_application(tmp_path: Path) -> None:
    def story(stage: Stage) -> None:
        name = stage.account["auth_id"]
        with plivo.RestClient(name, stage.account["auth_token"]) as client:
            client.session.mount("https://api.plivo.com/", Instead(stage.url))
            account = client.account.get()
            assert (account.auth_id, account.cash_credits) == (name, "100.00000")
            number = client.numbers.get(OURS.removeprefix("+"))
            assert (number.number, number.voice_enabled) == (OURS.removeprefix("+"), True)
            assert number.application == f"/v1/Account/{name}/Application/{PLIVO_APPLICATION}/"
            application = client.applications.get(PLIVO_APPLICATION)
            assert (application.answer_url, application.answer_method) == (HOOK, "POST")
            assert (application.hangup_url, application.hangup_method) == (HOOK, "POST")
            with pytest.raises(plivo.exceptions.ResourceNotFoundError):
                client.numbers.get("15550000009")
        with plivo.RestClient(name, "wrong") as client:
            client.session.mount("https://api.plivo.com/", Instead(stage.url))
            with pytest.raises(plivo.exceptions.AuthenticationError):
                client.account.get()

    ask(tmp_path, "plivo", story)


def test_vendors_packages_read_models_and_voices() -> None:
    def story(url: str) -> None:
        with OpenAI(api_key="sk-right", base_url=f"{url}/v1", max_retries=0) as client:
            assert tuple(one.id for one in client.models.list()) == MODELS
        with (
            OpenAI(api_key="sk-wrong", base_url=f"{url}/v1", max_retries=0) as client,
            pytest.raises(AuthenticationError) as refused,
        ):
            client.models.list()
        assert refused.value.code == "invalid_api_key"
        with httpx.Client() as http:
            voices = ElevenLabsPackage(api_key=KEY, base_url=url, httpx_client=http).voices
            assert voices.get("pMsXgVXv3BLzUgSXRplE").name == "Serena - Pleasant"
            page = voices.search(search="seren")
        assert [(one.voice_id, one.category) for one in page.voices] == [("pMsXgVXv3BLzUgSXRplE", "premade")]
        assert (page.has_more, page.total_count, page.next_page_token) == (False, 1, None)

    async def main() -> None:
        app = QuartTrio("vendors")
        ElevenLabs().add_to(app)
        add_models(app, key="sk-right")
        async with open_vendor(app) as url:
            await trio.to_thread.run_sync(story, url)

    trio.run(main)
