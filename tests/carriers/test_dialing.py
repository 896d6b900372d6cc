"""Somebody behind a menu: on every carrier's wire the keys are pressed first, and the first words come after them."""

from __future__ import annotations

import pytest

from tests.carriers.scenarios import CONVERSATION, FRIENDLY, UNRULY, Scenario, play
from tests.carriers.stage import MESSAGE, Stage
from tests.carriers.told import TALKED, USER, Told
from tests.carriers.wires import WIRES, Wire
from voicecall.events import facts as fact
from voicecall.testing.faults import FaultScript
from voicecall.testing.script import Answer

KEYS = "w12,#"
KEYS_MS = 500 + 3 * 250 + 2_000
"""As fast as a carrier may be."""


async def through_a_menu(stage: Stage) -> Told:
    call_id = await stage.call(Answer(), *FRIENDLY, keys=KEYS)
    answered = await stage.until(call_id, fact.CallAnswered)
    begun = await stage.until(call_id, fact.PlaybackStarted)
    assert begun.at - answered.at >= KEYS_MS
    return await stage.told(call_id)


MENU = Scenario(
    name="somebody behind a menu",
    play=through_a_menu,
    expected=Told(
        reason="hangup-user",
        said=(f"bot: {MESSAGE}", *CONVERSATION),
        ended=USER,
        keys="w12WW#",
        facts=TALKED | {"send_digits"},
    ),
)


@pytest.mark.parametrize("wire", WIRES, ids=str)
@pytest.mark.parametrize("faults", [None, UNRULY["every webhook"]], ids=["peace", "unruly"])
def test_keys_are_pressed_before_the_first_words(faults: FaultScript | None, wire: Wire) -> None:
    assert play(MENU, carrier=wire.carrier, streaming=wire.streaming, faults=faults) == MENU.expected
