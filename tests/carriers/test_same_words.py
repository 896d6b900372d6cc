"""The same words again are another turn; the same webhook again is not."""

from __future__ import annotations

import pytest

from tests.carriers.scenarios import GREETING, REPLIES, Scenario, offered, placed, play
from tests.carriers.stage import MESSAGE
from tests.carriers.told import KEYED, OFFERED, USER, Told
from voicecall.testing.faults import load_faults
from voicecall.testing.script import Answer, HangUp, Hear, Press, Say

WORDS = "Yes, please."
AGREEABLE = (Hear(), Say(text=WORDS), Hear(), Say(text=WORDS), Hear(), Say(text=WORDS), Hear(), HangUp())
KEYS = (Hear(), Press(digits="1#"), Hear(), Press(digits="1#"), Hear(), HangUp())
TWICE = {"webhooks": [{"do": "duplicate", "copies": 2}]}


def turns(first: str, said: str, times: int) -> tuple[str, ...]:
    """A conversation in which the person always says the same."""
    answers = [remark for reply in REPLIES[:times] for remark in (f"user: {said}", f"bot: {reply}")]
    return (f"bot: {first}", *answers)


@pytest.mark.parametrize("faults", [{}, TWICE], ids=["once", "every webhook three times"])
@pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "carrier's voice"])
@pytest.mark.parametrize("carrier", ["twilio", "telnyx", "plivo"])
@pytest.mark.parametrize(
    "scenario",
    [
        Scenario(
            name="the same words three times",
            play=placed(Answer(), *AGREEABLE),
            expected=Told(reason="hangup-user", said=turns(MESSAGE, WORDS, 3), ended=USER),
        ),
        Scenario(
            name="the same words three times, they call",
            play=offered(*AGREEABLE),
            expected=Told(reason="hangup-user", said=turns(GREETING, WORDS, 3), ended=USER, facts=OFFERED),
        ),
        Scenario(
            name="the same keys twice",
            play=placed(Answer(), *KEYS),
            expected=Told(reason="hangup-user", said=turns(MESSAGE, "[keys 1#]", 2), ended=USER, facts=KEYED),
        ),
    ],
    ids=str,
)
def test_the_same_again_is_answered_again(
    scenario: Scenario, carrier: str, streaming: bool, faults: dict[str, object]
) -> None:
    assert play(scenario, carrier=carrier, streaming=streaming, faults=load_faults(faults)) == scenario.expected
