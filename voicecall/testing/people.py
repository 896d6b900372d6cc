"""Who lives behind which number when nobody loaded another script. Any other number has the friendly person.

The README has the table.
"""

from __future__ import annotations

from voicecall.testing.script import (
    Answer,
    Busy,
    HangUp,
    Hear,
    Interrupt,
    NeverAnswer,
    Press,
    Reject,
    Say,
    Script,
    StaySilent,
    Voicemail,
    Wait,
)

FRIENDLY = Script(
    steps=(
        Answer(rings=1),
        Hear(),
        Say(text="Hello, this is Alex. How are you?"),
        Hear(),
        Say(text="That sounds good to me. Thank you, goodbye."),
        Hear(limit_ms=5_000),
        HangUp(),
    )
)
"""Answers, says a couple of things, hangs up."""

CALLER = Script(
    steps=(
        Hear(),
        Say(text="Hi, what are your opening hours?"),
        Hear(),
        Say(text="Great, thank you. Bye."),
        Hear(limit_ms=5_000),
        HangUp(),
    )
)
"""Who calls us when an offer names no script."""

PEOPLE: dict[str, tuple[str, Script]] = {
    "+15550001001": ("answers and chats, then hangs up", FRIENDLY),
    "+15550001002": ("answers and only listens until the other side hangs up", Script(steps=(Answer(), StaySilent()))),
    "+15550001003": ("never answers", Script(steps=(NeverAnswer(),))),
    "+15550001004": ("is busy", Script(steps=(Busy(),))),
    "+15550001005": ("declines after one ring", Script(steps=(Reject(),))),
    "+15550001006": ("is a voicemail", Script(steps=(Voicemail(),))),
    "+15550001007": (
        "answers, says one thing and then nothing any more",
        Script(steps=(Answer(), Hear(), Say(text="Hello? I am listening."), StaySilent())),
    ),
    "+15550001008": (
        "interrupts the second thing it hears, then lets the other side finish and hangs up",
        Script(
            steps=(
                Answer(),
                Hear(),
                Say(text="Tell me everything about it, please."),
                Interrupt(text="Sorry, one question. Is Thursday free?", after_ms=1_000),
                Hear(),
                Say(text="Perfect, thank you. Goodbye."),
                Hear(limit_ms=5_000),
                HangUp(),
            )
        ),
    ),
    "+15550001009": (
        "presses 1 2 3 # after the first thing it hears, then hangs up",
        Script(steps=(Answer(), Hear(), Press(digits="123#"), Hear(), Wait(ms=500), HangUp())),
    ),
}
"""Number → what is special about it, and the script."""

BLOCKED = "+1900"
"""Numbers that begin like this are refused with 422, as a carrier refuses premium numbers."""


def person_at(number: str) -> Script:
    """The script of whoever lives behind ``number``."""
    return PEOPLE[number][1] if number in PEOPLE else FRIENDLY
