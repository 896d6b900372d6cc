"""Plivo XML: what Plivo should do next with a call (Plivo, "Voice XML").

Every document says what comes after it, so that a call never runs out of instructions: an input that does not come, a
stream that ends and a wait that is over all lead back to us.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, tostring

from voicecall.adapters.carriers.plivo.urls import flow_url
from voicecall.events import EffectId
from voicecall.events.effects import Speak
from voicecall.ports import Leg, Stance

WAIT_S = 1
LISTEN_S = 5
STREAM_TIMEOUT_S = 86_400
MULAW = "audio/x-mulaw;rate=8000"
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document may have, escaped or not: one would end the call."""


def document(*elements: Element) -> str:
    """A whole document."""
    root = Element("Response")
    root.extend(elements)
    return '<?xml version="1.0" encoding="UTF-8"?>' + tostring(root, encoding="unicode")


def stream(leg: Leg) -> list[Element]:
    """Carry sound both ways on a media socket; when it is gone, ask again.

    Extra headers may only hold letters and digits, so the ticket travels in hexadecimal.
    """
    element = Element(
        "Stream",
        bidirectional="true",
        keepCallAlive="true",
        audioTrack="inbound",
        contentType=MULAW,
        streamTimeout=str(STREAM_TIMEOUT_S),
        extraHeaders=f"ticket={leg.ticket.encode().hex()}",
    )
    element.text = leg.media_url
    return [element, _redirect(flow_url(leg, "stream"))]


def speak(leg: Leg, effect_id: EffectId, effect: Speak) -> list[Element]:
    """Say something, then go on as the leg says. Where we listen afterwards it is one element, so that no word is lost
    and the caller may interrupt, unless the words must be heard."""
    told = {"e": effect_id, "u": effect.utterance}
    then = leg.stance if effect.purpose == "filler" else leg.after
    if then is not Stance.LISTEN:
        return [_speak(leg, effect.text), _redirect(flow_url(leg, "said", **told))]
    if not effect.interruptible:
        return [_speak(leg, effect.text), *_listen(leg, **told)]
    ear = _listen(leg, **told, cut=1)
    ear[0].append(_speak(leg, effect.text))
    return ear


def rest(leg: Leg) -> list[Element]:
    """Nothing to say: listen, wait, or hang up."""
    match leg.stance:
        case Stance.LISTEN:
            return _listen(leg)
        case Stance.HANG_UP:
            return [Element("Hangup")]
        case Stance.WAIT | Stance.STREAM:
            return [Element("Wait", length=str(WAIT_S)), _redirect(flow_url(leg, "wait"))]


def reject(reason: str) -> list[Element]:
    """Refuse a call before it is answered."""
    return [Element("Hangup", reason="busy" if reason == "busy" else "rejected")]


def _speak(leg: Leg, text: str) -> Element:
    words = NOT_XML.sub("", text).strip()
    if not words:
        return Element("Wait", length=str(WAIT_S))
    element = Element("Speak", voice=leg.voice) if leg.voice else Element("Speak")
    element.text = words
    return element


def _listen(leg: Leg, **told: str | int) -> list[Element]:
    """Nothing is posted when nobody speaks: then the next element leads back."""
    ear = Element(
        "GetInput",
        action=flow_url(leg, "turn", **told),
        method="POST",
        inputType="dtmf speech",
        executionTimeout=str(LISTEN_S),
        digitEndTimeout="auto",
        speechEndTimeout="auto",
        finishOnKey="none",
        log="false",
    )
    return [ear, _redirect(flow_url(leg, "silence", **told))]


def _redirect(url: str) -> Element:
    element = Element("Redirect", method="POST")
    element.text = url
    return element
