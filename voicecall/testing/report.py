"""What the network saw, as plain data (see ``docs/mock-carrier.md``)."""

from __future__ import annotations

from typing import Any

from attrs import asdict

from voicecall.testing.call import NetworkCall
from voicecall.testing.carrier_voice import Remark
from voicecall.testing.dialect import Call
from voicecall.testing.faults import Faults
from voicecall.testing.happenings import word_of
from voicecall.testing.outbox import Tally

Plain = dict[str, Any]


def view(call: Call) -> Plain:
    """A call in short."""
    party = call.party
    plain: Plain = {
        "providerCallId": party.vendor_call_id,
        "callId": party.call_id,
        "status": call.status,
        "answered": call.answered,
        "direction": party.direction,
        "from": party.caller,
        "to": party.callee,
    }
    return plain if call.ending is None else {**plain, "reason": word_of(call.ending)}


def report(calls: list[NetworkCall], tally: Tally, faults: Faults) -> Plain:
    """Everything that happened."""
    told = [_reported(one) for one in calls]
    return {
        "calls": told,
        "dials": sum(one["dials"] for one in told),
        "living": sum(one["status"] != "ended" for one in told),
        "mediaSocketsOpen": sum(one["mediaOpen"] for one in told),
        "webhooks": {
            "sent": tally.sent,
            "acknowledged": tally.acknowledged,
            "refused": tally.refused,
            "retried": tally.retried,
            "givenUp": tally.given_up,
        },
        "faults": dict(faults.struck),
    }


def _reported(call: NetworkCall) -> Plain:
    ending = call.ending
    return {
        **view(call),
        **({} if ending is None else {"ended": {"why": ending.why, "by": ending.by}}),
        "dials": call.dials,
        "startedAt": call.began_at,
        "timeline": [{"atMs": one.at_ms, "what": one.what} for one in call.timeline],
        "said": [{"text": one.text, "startMs": one.start_ms, "endMs": one.end_ms} for one in call.spoken],
        "carrierSaid": [_remark(one, call.ear.since) for one in call.carrier_voice.remarks],
        "heardMs": call.ear.heard_ms,
        "heard": [
            {"startMs": one.start_ms, "endMs": one.end_ms, "soundMs": one.sound_ms} for one in call.ear.stretches
        ],
        "longestSilenceMs": call.ear.longest_silence_ms,
        "droppedMs": call.phone.dropped_ms,
        "framesIn": call.phone.frames_in,
        "framesOut": call.phone.frames_out,
        "marks": asdict(call.phone.marks),
        "clears": call.phone.clears,
        "keysHeard": call.keys,
        "mediaSockets": call.media_sockets,
        "mediaOpen": call.stream is not None and call.stream.connected,
    }


def _remark(remark: Remark, since: float) -> Plain:
    start, end = (round((at - since) * 1000) for at in (remark.started, remark.ended))
    return {"text": remark.text, "startMs": start, "endMs": end, "whole": remark.whole}
