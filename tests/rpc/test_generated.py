"""What the plugin is given: the tool as a model sees it, and where each action and method belongs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from voicecall.rpc.schema import document, params_of

GENERATED = Path(__file__).parents[2] / "plugin/openclaw/generated"


def exported(name: str) -> Any:
    """A constant of ``tool.js``, which is JSON."""
    found = re.search(rf"^export const {name} = (.+?);$", (GENERATED / "tool.js").read_text(), re.DOTALL | re.MULTILINE)
    assert found
    return json.loads(found[1])


def test_the_tool_is_found_by_what_people_say() -> None:
    words = exported("DESCRIPTION").lower()
    assert [one for one in ("phone", "call", "voice", "dial", "speak", "hang up", "dtmf") if one not in words] == []


def test_the_tool_has_six_actions_and_the_form_without_one() -> None:
    actions, properties = exported("ACTIONS"), exported("PARAMETERS")["properties"]
    assert list(actions) == properties["action"]["enum"]
    assert set(actions) == {
        *("initiate_call", "continue_call", "speak_to_user"),
        *("send_dtmf", "end_call", "get_status"),
    }
    assert "required" not in exported("PARAMETERS")
    assert properties["mode"]["enum"] == ["notify", "conversation", "call", "status"]
    assert set(properties) == {"action", "sid", *(name for _, names in actions.values() for name in names)}
    for name, one in properties.items():
        assert one["description"], name


def test_an_action_takes_what_its_method_does_but_what_the_plugin_adds() -> None:
    for action, (method, names) in exported("ACTIONS").items():
        known = params_of(method)
        assert set(names) <= set(known), action
        assert {one.name for one in known.values() if one.required} - set(names) <= {"requestId"}, action


def test_every_method_has_its_scope_and_its_types() -> None:
    described = {one["name"]: one["x-scope"] for one in document()["methods"]}
    assert exported("SCOPES") == described
    types = (GENERATED / "rpc.d.ts").read_text()
    told = [*described, *(one["name"] for part in ("x-notifications", "x-requests") for one in document()[part])]
    assert [name for name in told if f'"{name}": {{' not in types and f'"{name}": Record' not in types] == []
