"""What a model may have done for it while it thinks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from attrs import field, frozen

from voicecall.ports import Turn


@frozen(kw_only=True)
class ToolCall:
    """A model wants this tool called; ``arguments`` is JSON as the model wrote it, perhaps not valid."""

    call_id: str
    name: str
    arguments: str


@frozen(kw_only=True)
class ToolResult:
    """What a call of a tool brought, in words for the model; a failure too is words."""

    call: ToolCall
    output: str


@frozen(kw_only=True)
class Tool:
    """A function that a model may call. ``parameters`` is the JSON schema of its arguments.

    ``run`` gets the turn that is thought about and the arguments as JSON; what it raises is told to the model.
    """

    name: str
    description: str
    parameters: Mapping[str, object] = field(factory=lambda: {"type": "object", "properties": {}})
    run: Callable[[Turn, str], Awaitable[str]] = field(repr=False)
