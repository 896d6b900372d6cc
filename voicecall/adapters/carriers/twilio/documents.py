"""TwiML: what Twilio should do next with a call (Twilio, "TwiML for Programmable Voice").

Every document says what comes after it, so that a call never runs out of instructions: what is listened for, waited
for or streamed ends by asking us again.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, tostring

from voicecall.adapters.carriers.twilio.urls import flow_url
from voicecall.events import EffectId
from voicecall.events.effects import Speak
from voicecall.ports import Leg, Stance

TWIML_LIMIT = 4_000
"""Characters in a ``Twiml`` field (Twilio, "Update a Call resource")."""
WAIT_S = 1
LISTEN_S = 5
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document may have, escaped or not: one would end the call."""


def document(*verbs: Element) -> str:
    """A whole document."""
    root = Element("Response")
    root.extend(verbs)
    return '<?xml version="1.0" encoding="UTF-8"?>' + tostring(root, encoding="unicode")


def connect(leg: Leg) -> list[Element]:
    """Carry sound both ways on a media socket; when it is gone, ask again."""
    verb = Element("Connect", action=flow_url(leg, "stream"), method="POST")
    stream = SubElement(verb, "Stream", url=leg.media_url)
    SubElement(stream, "Parameter", name="ticket", value=leg.ticket)
    return [verb]


def speak(leg: Leg, effect_id: EffectId, effect: Speak) -> list[Element]:
    """Say something, then go on as the leg says. Where we listen afterwards it is one verb, so that no word is lost."""
    told = {"e": effect_id, "u": effect.utterance}
    then = leg.stance if effect.purpose == "filler" else leg.after
    if then is not Stance.LISTEN:
        return [_say(leg, effect.text), _redirect(flow_url(leg, "said", **told))]
    if not effect.interruptible:
        return [_say(leg, effect.text), _gather(leg, **told)]
    gather = _gather(leg, **told, cut=1)
    gather.append(_say(leg, effect.text))
    return [gather]


def rest(leg: Leg) -> list[Element]:
    """Nothing to say: listen, wait, or hang up."""
    match leg.stance:
        case Stance.LISTEN:
            return [_gather(leg)]
        case Stance.HANG_UP:
            return [Element("Hangup")]
        case Stance.WAIT | Stance.STREAM:
            return [Element("Pause", length=str(WAIT_S)), _redirect(flow_url(leg, "wait"))]


def reject(reason: str) -> list[Element]:
    """Refuse a call before it is answered."""
    return [Element("Reject", reason="busy" if reason == "busy" else "rejected")]


def press(digits: str) -> Element:
    """Send keys."""
    return Element("Play", digits=digits)


def _say(leg: Leg, text: str) -> Element:
    words = NOT_XML.sub("", text).strip()
    if not words:
        return Element("Pause", length="1")
    verb = Element("Say", voice=leg.voice) if leg.voice else Element("Say")
    verb.text = words
    return verb


def _gather(leg: Leg, **told: str | int) -> Element:
    return Element(
        "Gather",
        input="dtmf speech",
        action=flow_url(leg, "turn", **told),
        method="POST",
        timeout=str(LISTEN_S),
        speechTimeout="auto",
        actionOnEmptyResult="true",
    )


def _redirect(url: str) -> Element:
    verb = Element("Redirect", method="POST")
    verb.text = url
    return verb
