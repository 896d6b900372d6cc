"""What a simulated person does, step by step; and how a script is written as JSON.

A script is a list of steps. In JSON a step is an object with ``do`` and the step's fields in camelCase, or just the
word: ``["answer", {"do": "say", "text": "Hello?"}, {"do": "hear"}, "hangUp"]``. Durations are in milliseconds. After
the last step the person stays on the line and listens until the other side hangs up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, cast, get_args

import attrs
from attrs import field, frozen


class BadScript(ValueError):
    """A script cannot be read. The text names the step, the field and the fix."""


@frozen(kw_only=True)
class Answer:
    """Pick up after so many rings; 0 picks up at once."""

    do: ClassVar[str] = "answer"
    rings: int = 1


@frozen(kw_only=True)
class NeverAnswer:
    """Let it ring."""

    do: ClassVar[str] = "neverAnswer"


@frozen(kw_only=True)
class Busy:
    """The line is engaged."""

    do: ClassVar[str] = "busy"


@frozen(kw_only=True)
class Reject:
    """Decline the call after so many rings."""

    do: ClassVar[str] = "reject"
    rings: int = 1


@frozen(kw_only=True)
class Unreachable:
    """Nobody lives behind the number."""

    do: ClassVar[str] = "unreachable"


@frozen(kw_only=True)
class Voicemail:
    """A machine picks up, speaks its greeting, beeps (or not) and records until ``quiet_ms`` of silence or
    ``limit_ms``."""

    do: ClassVar[str] = "voicemail"
    greeting: str = "You have reached voicemail. Please leave a message after the tone."
    beep: bool = True
    rings: int = 2
    quiet_ms: int = 5_000
    limit_ms: int = 60_000


@frozen(kw_only=True)
class Say:
    """Say it, and be done when the last sound is out. As the first thing after picking up, it takes a breath before."""

    do: ClassVar[str] = "say"
    text: str


@frozen(kw_only=True)
class Interrupt:
    """Say it after having heard ``after_ms`` of the other side's speech, without waiting for its end."""

    do: ClassVar[str] = "interrupt"
    text: str
    after_ms: int = 800
    limit_ms: int = 30_000


@frozen(kw_only=True)
class Notice:
    """Wait until the other side begins to speak, at most ``limit_ms``."""

    do: ClassVar[str] = "notice"
    limit_ms: int = 30_000


@frozen(kw_only=True)
class Hear:
    """Wait until the other side has spoken and been quiet for ``quiet_ms``; at most ``limit_ms`` for it to begin.

    What was heard out is done with: a further step that waits for speech waits for more.
    """

    do: ClassVar[str] = "hear"
    quiet_ms: int = 700
    limit_ms: int = 30_000


@frozen(kw_only=True)
class Wait:
    """Do nothing for a while."""

    do: ClassVar[str] = "wait"
    ms: int


@frozen(kw_only=True)
class StaySilent:
    """Listen without a word until the other side hangs up."""

    do: ClassVar[str] = "staySilent"


@frozen(kw_only=True)
class Press:
    """Press keys, ``gap_ms`` apart."""

    do: ClassVar[str] = "press"
    digits: str
    gap_ms: int = 200


@frozen(kw_only=True)
class HangUp:
    """End the call."""

    do: ClassVar[str] = "hangUp"


Step = (
    Answer
    | NeverAnswer
    | Busy
    | Reject
    | Unreachable
    | Voicemail
    | Say
    | Interrupt
    | Notice
    | Hear
    | Wait
    | StaySilent
    | Press
    | HangUp
)
"""The closed union of steps."""

Pickup = Answer | NeverAnswer | Busy | Reject | Unreachable | Voicemail
"""How a person reacts to a ringing phone: only the first step can be one."""

STEPS: dict[str, type[Any]] = {cls.do: cls for cls in get_args(Step)}
Who = Literal["human", "machine", "fax", "unknown"]
_DIGITS = re.compile(r"[0-9*#A-D]+")


@frozen(kw_only=True)
class Script:
    """``ring_ms`` is the time from one ring to the next. ``recognition_ms`` passes between the end of the person's
    sound and the carrier's report of its text, where the carrier recognizes speech; ``detection_ms`` between the answer
    and what the carrier's machine detection makes of it: ``answered_by``, or the truth when that is ""."""

    steps: tuple[Step, ...] = ()
    ring_ms: int = field(default=2_000)
    recognition_ms: int = field(default=200)
    detection_ms: int = field(default=1_500)
    answered_by: str = field(default="")

    @property
    def who(self) -> Who:
        """What machine detection makes of whoever answers."""
        if self.answered_by:
            return cast("Who", self.answered_by)
        return "machine" if isinstance(self.pickup, Voicemail) else "human"

    @property
    def pickup(self) -> Pickup:
        """What happens when the phone rings; a script that does not say so answers after one ring."""
        first = self.steps[0] if self.steps else None
        return first if isinstance(first, Pickup) else Answer()

    @property
    def talk(self) -> tuple[Step, ...]:
        """The steps after the phone was picked up."""
        first = self.steps[0] if self.steps else None
        return self.steps[1:] if isinstance(first, Pickup) else self.steps


def load_script(data: Any, where: str = "script") -> Script:
    """A script from plain JSON data: a list of steps, or ``{"steps": […], "ringMs": …}``. Raises ``BadScript``."""
    if isinstance(data, list):
        return Script(steps=_steps(cast("list[Any]", data), where))
    if not isinstance(data, dict):
        raise BadScript(f'{where}: must be a list of steps or an object with "steps"')
    plain = cast("dict[str, Any]", data)
    steps = plain.get("steps")
    if not isinstance(steps, list):
        raise BadScript(f"{where}.steps: must be a list of steps")
    rest = {name: value for name, value in plain.items() if name != "steps"}
    blank = cast("Script", _fill(Script, rest, where, skip="steps"))
    if blank.answered_by and blank.answered_by not in get_args(Who):
        raise BadScript(f"{where}.answeredBy: must be one of {', '.join(get_args(Who))}; got {blank.answered_by!r}")
    return attrs.evolve(blank, steps=_steps(cast("list[Any]", steps), f"{where}.steps"))


def _steps(data: list[Any], where: str) -> tuple[Step, ...]:
    steps = tuple(_step(one, f"{where}[{index}]") for index, one in enumerate(data))
    for index, step in enumerate(steps):
        if index and isinstance(step, Pickup):
            raise BadScript(f'{where}[{index}]: "{step.do}" can only be the first step')
    return steps


def _step(data: Any, where: str) -> Step:
    plain = {"do": data} if isinstance(data, str) else data
    if not isinstance(plain, dict):
        raise BadScript(f'{where}: must be a word or an object with "do"')
    fields = dict(cast("dict[str, Any]", plain))
    name = fields.pop("do", None)
    cls = STEPS.get(name) if isinstance(name, str) else None
    if cls is None:
        raise BadScript(f"{where}.do: must be one of {', '.join(STEPS)}; got {name!r}")
    step = cast("Step", _fill(cls, fields, where))
    if isinstance(step, Press) and not _DIGITS.fullmatch(step.digits):
        raise BadScript(f"{where}.digits: must be keys of a telephone (0-9 * # A-D)")
    return step


def _fill(cls: type[Any], data: Mapping[str, Any], where: str, skip: str = "") -> Any:
    """An instance of ``cls`` from camelCase fields, each checked."""
    wanted = {_camel(one.name): one for one in attrs.fields(cls) if one.name != skip}
    for name in data:
        if name not in wanted:
            known = f"it may have {', '.join(wanted)}" if wanted else "it has no fields"
            raise BadScript(f"{where}.{name}: there is no such field; {known}")
    values: dict[str, Any] = {}
    for name, one in wanted.items():
        if name in data:
            values[one.name] = _checked(data[name], str(one.type), f"{where}.{name}")
        elif one.default is attrs.NOTHING:
            raise BadScript(f"{where}.{name}: is missing")
    return cls(**values)


def _checked(value: Any, kind: str, where: str) -> Any:
    if kind == "int":
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise BadScript(f"{where}: must be a whole number, 0 or more; got {value!r}")
    elif kind == "bool":
        if not isinstance(value, bool):
            raise BadScript(f"{where}: must be true or false; got {value!r}")
    elif not isinstance(value, str) or not value.strip():
        raise BadScript(f"{where}: must be text; got {value!r}")
    return value


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
