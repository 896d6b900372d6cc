"""Every sample of every vendor, broken in every way: cut short, a field missing, anything in the place of anything.

What comes of it is a fact that a journal can hold, or one of the two declared errors, and of an answer to a request of
ours always an outcome of it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from attrs import evolve as change
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.carriers.plivo import kit as plivo
from tests.adapters.carriers.telnyx import kit as telnyx
from tests.adapters.carriers.twilio import kit as twilio
from voicecall.adapters.carriers.plivo import carrier as plivo_carrier
from voicecall.adapters.carriers.telnyx import carrier as telnyx_carrier
from voicecall.adapters.carriers.twilio import carrier as twilio_carrier
from voicecall.events import AnyEffect, AnyEvent, EffectId, Entry, Instant
from voicecall.events.schema import decode_entry, encode_entry
from voicecall.ports import BadSignature, Carrier, Exchange, HttpRequest, HttpResponse, Leg, NotUnderstood

ID = EffectId("2.0")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
WORDS = st.text(max_size=12) | st.sampled_from(["", "0", "-1", "9" * 5_000, "\x00", "true", "%ff", "null", "[]"])


@frozen(kw_only=True)
class Vendor:
    """A codec, a call, and where the samples are; ``queries`` are those of our own URLs."""

    carrier: Carrier
    leg: Leg
    samples: Path
    queries: tuple[str, ...] = ("",)

    def __str__(self) -> str:
        return self.carrier.name

    def named(self, pattern: str) -> list[Path]:
        """Samples, in an order that is always the same."""
        return sorted(self.samples.glob(pattern))

    @property
    def answers(self) -> list[Path]:
        """What the vendor's API answers, errors too."""
        return [*self.named("rest-*.response.json"), *self.named("error-*.json")]

    @property
    def webhooks(self) -> list[Path]:
        """What the vendor posts to us."""
        forms = [path for path in self.named("*.form") if not path.name.startswith("rest-")]
        other = ("rest-", "error-", "ws-", "signatures")
        return forms or [path for path in self.named("*.json") if not path.name.startswith(other)]


ASKED = ("?callId=c1&flow=turn&n=7&e=4.1&u=3&cut=1", "?callId=c1&flow=answer&n=7", "?callId=c1&flow=asked&e=4.1")
VENDORS = (
    Vendor(
        carrier=twilio_carrier,
        leg=twilio.LEG,
        samples=twilio.SAMPLES,
        queries=("", *ASKED, "?callId=c1&report=amd", "?callId=c1&report=status"),
    ),
    Vendor(carrier=telnyx_carrier, leg=telnyx.LEG, samples=telnyx.SAMPLES),
    Vendor(carrier=plivo_carrier, leg=plivo.LEG, samples=plivo.SAMPLES, queries=("", *ASKED)),
)
each = pytest.mark.parametrize("vendor", VENDORS, ids=str)


def broken(data: st.DataObject, path: Path) -> bytes:
    """A sample in JSON with something wrong in it."""
    raw = path.read_bytes()
    if data.draw(st.integers(0, 3)) == 0:
        return raw[: data.draw(st.integers(0, len(raw)))]
    found: Any = {"": json.loads(raw)}
    where, key = found, ""
    while isinstance(where[key], dict | list) and where[key] and data.draw(st.integers(0, 4)):
        where = where[key]
        key = data.draw(st.sampled_from(list(where) if isinstance(where, dict) else list(range(len(where)))))
    if isinstance(where, dict) and key and data.draw(st.booleans()):
        del where[key]
    else:
        where[key] = data.draw(ANYTHING)
    return json.dumps(found[""]).encode()


def journaled(event: AnyEvent | None) -> None:
    """That a fact can be written and read again."""
    if event is not None:
        entry = Entry(seq=1, at=Instant(1), writer="w", event=event)
        assert decode_entry(encode_entry(entry)).event == event


@each
@given(data=st.data())
@settings(max_examples=300)
def test_an_answer_to_a_request_of_ours_always_has_an_outcome(vendor: Vendor, data: st.DataObject) -> None:
    effect: AnyEffect = data.draw(st.sampled_from(plivo.CONTROL))
    leg = change(vendor.leg, vendor_call_id=data.draw(st.sampled_from([vendor.leg.vendor_call_id, ""])))
    request, exchanges = vendor.carrier.encode(ID, effect, leg), ()
    for _ in range(8):
        if request is None:
            return
        body = broken(data, data.draw(st.sampled_from(vendor.answers)))
        body = data.draw(st.sampled_from([b"%b", b'{"calls":[%b]}', b'{"data":[%b]}', b"[%b]"])) % body
        response = HttpResponse(status=data.draw(st.sampled_from([200, 201, 204, 301, 400, 404, 429, 500])), body=body)
        exchanges = (*exchanges, Exchange(request=request, response=response))
        outcome: Any = vendor.carrier.interpret(ID, effect, exchanges, leg)
        if not isinstance(outcome, HttpRequest):
            assert getattr(outcome, "settles", ID) == ID
            journaled(outcome)
            return
        request = outcome
    raise AssertionError("no end of requests")


def posted(vendor: Vendor, data: st.DataObject) -> HttpRequest:
    """A webhook with something wrong in it."""
    path = data.draw(st.sampled_from(vendor.webhooks))
    url = vendor.leg.webhook_url + data.draw(st.sampled_from(vendor.queries))
    if path.suffix == ".json":
        return HttpRequest(method="POST", url=url, body=broken(data, path))
    raw = path.read_bytes()
    if data.draw(st.booleans()):
        return HttpRequest(method="POST", url=url, body=raw[: data.draw(st.integers(0, len(raw)))])
    fields = parse_qsl(raw.decode(), keep_blank_values=True)
    index = data.draw(st.integers(0, len(fields) - 1))
    name, _ = fields.pop(index)
    fields += [(name, data.draw(WORDS)) for _ in range(data.draw(st.integers(0, 2)))]
    return HttpRequest(method="POST", url=url, body=urlencode(fields).encode())


@each
@given(data=st.data())
@settings(max_examples=300)
def test_a_webhook_becomes_facts_or_is_not_understood(vendor: Vendor, data: st.DataObject) -> None:
    with suppress(NotUnderstood):
        for one in vendor.carrier.decode(posted(vendor, data)):
            assert one.key
            journaled(one.event)


@each
@given(data=st.data())
def test_a_webhook_that_nobody_signed_is_a_bad_signature_whatever_its_headers(
    vendor: Vendor, data: st.DataObject
) -> None:
    required = sorted({name for names in vendor.carrier.required_headers for name in names})
    headers = data.draw(st.fixed_dictionaries({name: st.text(max_size=90) for name in required}))
    request = change(posted(vendor, data), headers=headers)
    with pytest.raises(BadSignature):
        vendor.carrier.verify(request, account=vendor.leg.account, now=vendor.leg.placed_at)


@each
@given(data=st.data())
@settings(max_examples=300)
def test_a_media_message_is_one_or_is_not_understood(vendor: Vendor, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(vendor.named("ws-*.json")))
    with suppress(NotUnderstood):
        assert vendor.carrier.media().receive(broken(data, path)) is not None
