"""Stories of answering machines: leave the message after the beep, hang up, or do not care."""

from __future__ import annotations

from tests.core.story import Story, answered, dialed, kinds, open_media
from voicecall.core.stance import after
from voicecall.core.state import Machine, Owing
from voicecall.events import Mode
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Stance

MACHINE = fact.MachineDetected(result="machine", vendor_word="machine_start")
BEEP = fact.MachineFinished(how="beep", vendor_word="beep")


def on_the_line(**settings: object) -> Story:
    call = answered(**({"mode": Mode.NOTIFY, "on_machine": "message"} | settings))
    open_media(call)
    call.starts(1)
    return call


def test_the_carrier_is_asked_to_detect_a_machine_when_that_matters() -> None:
    (dial,) = [one for one in dialed(on_machine="hangup").entries[0].effects if isinstance(one, do.Dial)]
    assert dial.detect_machine is True
    (dial,) = [one for one in dialed().entries[0].effects if isinstance(one, do.Dial)]
    assert dial.detect_machine is False


def test_a_message_is_said_again_after_the_beep_and_then_we_hang_up() -> None:
    call = on_the_line()
    assert call.tell(MACHINE) == (do.StopSpeaking(utterance=1),)
    call.finishes(1, heard_ms=300, interrupted=True)
    assert call.state.machine is Machine.GREETING
    (message,) = call.tell(BEEP)
    assert isinstance(message, do.Speak)
    assert (message.text, message.interruptible) == ("Hello, this is us.", False)
    call.plays(2)
    assert kinds(call.fire("notify")) == ["hangup"]


def test_without_a_beep_the_message_is_left_all_the_same() -> None:
    call = on_the_line()
    call.tell(MACHINE)
    call.finishes(1, heard_ms=0, interrupted=True)
    assert call.timers()["beep"] == 8_000
    assert kinds(call.fire("beep")) == ["speak"]
    assert call.state.machine is Machine.RECORDING
    assert call.tell(BEEP) == ()


def test_a_message_is_not_the_end_while_nobody_knows_whether_a_machine_heard_it() -> None:
    call = on_the_line()
    call.plays(1)
    assert call.timers()["notify"] > 29_000
    call.tell(fact.MachineDetected(result="human", vendor_word="human"), after_ms=500)
    assert call.timers()["notify"] == 2_500
    assert kinds(call.fire("notify")) == ["hangup"]


def test_a_carrier_that_says_nothing_of_people_has_its_time_to_say_that_it_is_a_machine() -> None:
    call = on_the_line(detection_ms=8_000)
    call.plays(1)
    assert 7_000 < call.timers()["notify"] <= 8_000
    assert kinds(call.fire("notify")) == ["hangup"]


def test_a_message_that_a_machine_was_told_too_early_is_not_the_end_either() -> None:
    call = on_the_line()
    call.plays(1)
    call.tell(MACHINE, after_ms=500)
    assert call.fire("notify") == ()
    assert kinds(call.tell(BEEP)) == ["speak"]


def test_a_machine_that_is_detected_before_anything_is_said_is_not_greeted_twice() -> None:
    call = answered(mode=Mode.NOTIFY, on_machine="message")
    assert call.tell(MACHINE) == ()
    assert kinds(open_media(call)) == ["listen"]
    assert kinds(call.tell(BEEP)) == ["speak"]


def test_a_conversation_hangs_up_on_a_machine() -> None:
    call = on_the_line(mode=Mode.CONVERSATION, on_machine="hangup")
    assert call.tell(MACHINE) == (do.Hangup(reason="voicemail"),)
    call.done(do.Hangup)
    call.tell(fact.CallEnded(reason="completed"))
    assert call.state.end_reason == "voicemail"


def test_what_a_machine_says_is_not_a_callers_turn() -> None:
    call = on_the_line(mode=Mode.CONVERSATION)
    call.tell(MACHINE)
    assert "ask_agent" not in kinds(call.says("Please leave a message."))
    assert call.state.owing is Owing.NOBODY
    assert after(call.state) is Stance.STREAM


def test_a_fax_is_a_machine_and_a_person_is_not() -> None:
    assert on_the_line(on_machine="hangup").tell(fact.MachineDetected(result="fax")) == (do.Hangup(reason="voicemail"),)
    call = on_the_line()
    assert call.tell(fact.MachineDetected(result="human")) == ()
    assert call.tell(BEEP) == ()
    assert call.state.machine is Machine.NONE


def test_whoever_does_not_care_talks_on() -> None:
    call = on_the_line(on_machine="ignore")
    assert call.tell(MACHINE) == ()
    assert call.state.machine is Machine.NONE


def test_a_second_opinion_changes_nothing() -> None:
    call = on_the_line()
    call.tell(MACHINE)
    assert call.tell(MACHINE) == ()


def test_with_nothing_to_say_we_hang_up() -> None:
    call = answered(greeting="", on_machine="message")
    call.tell(MACHINE)
    assert call.tell(BEEP) == (do.Hangup(reason="voicemail"),)


def test_where_the_carrier_speaks_a_machine_is_not_greeted_either() -> None:
    call = dialed(streaming=False, mode=Mode.NOTIFY, on_machine="message")
    call.tell(MACHINE)
    assert call.tell(fact.CallAnswered()) == ()
    assert after(call.state) is Stance.WAIT


def test_a_machine_that_talks_over_us_hears_the_message_at_its_beep_and_not_before() -> None:
    call = on_the_line(resume_ms=2_000)
    call.tell(fact.CallerStarted(), after_ms=100)
    call.tell(MACHINE, after_ms=900)
    call.finishes(1, heard_ms=900, sent_ms=1_200, interrupted=True)
    call.tell(fact.CallerStopped(), after_ms=3_000)
    assert kinds(call.wait(4_000)) == []
    assert kinds(call.tell(BEEP)) == ["speak"]
