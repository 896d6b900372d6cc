"""What the schema says can be asked, with what and with what answer is what the server does."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

import voicecall.rpc
from tests.rpc.conforming import conforms, conforms_to_us
from tests.rpc.stage import FRIENDLY, LISTENER, Stage, play
from voicecall.rpc.hello import PROTOCOL
from voicecall.rpc.methods import Methods
from voicecall.rpc.protocol import INVALID_PARAMS
from voicecall.rpc.schema import Param, document, params_of, resolved

UNREAD: set[str] = {"client", "config"}
"""Parameters that nothing looks at (or nothing yet)."""
SAMPLES: dict[str, Any] = {
    "to": FRIENDLY, "number": FRIENDLY, "digits": "1w2#", "dtmfSequence": "1", "code": "123456", "heartbeatMs": 1000,
    "config": {}, "id": "nobody", "mode": "conversation", "level": "info", "host": True, "protocol": 1,
}  # fmt: skip
WRONG = {"string": 5, "integer": "x", "number": True, "boolean": "yes", "object": []}


def served() -> list[str]:
    """What can be asked, the ones first that end nothing."""
    return list(Methods.names())


def sample(param: Param) -> Any:
    """A value that is well-formed."""
    return SAMPLES.get(param.name, 5 if "integer" in param.kinds else "x")


def test_every_method_is_described_and_every_description_served() -> None:
    names = [one["name"] for one in document()["methods"]]
    assert sorted(set(names)) == sorted(names)
    assert set(Methods.names()) - set(names) == set()
    assert set(names) - set(Methods.names()) == set()
    assert document()["info"]["version"].split(".")[0] == str(PROTOCOL)


def test_what_changes_something_needs_a_name_for_the_request() -> None:
    for one in document()["methods"]:
        request_id = params_of(one["name"]).get("requestId")
        assert bool(one.get("x-mutating")) == (request_id is not None and request_id.required), one["name"]
        assert one["x-scope"] in ("operator.read", "operator.write")
        assert not one.get("x-mutating") or one["x-scope"] == "operator.write"


def test_every_reference_leads_somewhere() -> None:
    def walk(part: Any) -> int:
        if isinstance(part, dict):
            return int("$ref" in part and bool(resolved(part))) + sum(map(walk, part.values()))
        return sum(map(walk, part)) if isinstance(part, list) else 0

    assert walk(document()) > 50


@pytest.mark.parametrize("method", served())
def test_what_is_described_is_taken_and_nothing_else(method: str) -> None:
    async def story(stage: Stage) -> None:
        line = stage.line()

        async def ask(params: dict[str, Any]) -> dict[str, Any]:
            """The error of an answer."""
            await line.send({"jsonrpc": "2.0", "id": "q", "method": method, "params": params})
            while (answer := await line.next()).get("id") != "q":
                pass
            return answer.get("error", {})

        known = params_of(method)
        full = {name: sample(param) for name, param in known.items()}
        assert (await ask({**full, "nonsense": 1}))["data"]["field"] == "nonsense"
        for name, param in known.items():
            wrongs = [WRONG[kind] for kind in param.kinds if len(param.kinds) == 1]
            wrongs += [-1] * (param.least == 0) + ["@"] * (param.pattern is not None)
            wrongs += ["x" * (param.longest + 1)] if param.longest else []
            wrongs += ["@"] if param.words and not param.lenient else []
            for wrong in wrongs:
                error = await ask({**full, name: wrong})
                assert (error["code"], error["data"]["field"]) == (INVALID_PARAMS, name), (name, wrong)
            if param.required:
                error = await ask({one: value for one, value in full.items() if one != name})
                assert (error["code"], error["message"]) == (INVALID_PARAMS, param.missing)
                assert error["data"]["field"] == name
        error = await ask(full)
        assert error.get("code") != INVALID_PARAMS or error["message"] == "operation not found"

    play(story)


def test_every_parameter_is_looked_at_and_nothing_is_that_is_not_described() -> None:
    """By name: ``params["x"]`` or ``params.get("x")``, wherever parameters are called that."""
    read: set[str] = set()
    for path in Path(voicecall.rpc.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case (
                    ast.Subscript(value=ast.Name(id="params"), slice=ast.Constant(value=str(name)))
                    | ast.Call(
                        func=ast.Attribute(value=ast.Name(id="params") | ast.Attribute(attr="params"), attr="get"),
                        args=[ast.Constant(value=str(name)), *_],
                    )
                    | ast.Subscript(slice=ast.Constant(value=str(name)), value=ast.Call(func=ast.Name(id="given")))
                ):
                    read.add(name)
                case _:
                    pass
    described = {param.name for one in document()["methods"] for param in params_of(one["name"]).values()}
    theirs = {"id", "text"}  # of ``agent.delta``
    assert read - described - theirs == set()
    assert described - read <= UNREAD


def test_a_call_that_has_seen_much_conforms() -> None:
    """The others conform in passing: see ``Stage.call``."""

    async def story(stage: Stage) -> None:
        call_id = await stage.place(LISTENER)
        await stage.saw(call_id, "playback.finished")
        record = (await stage.call("status", callId=call_id))["call"]
        assert record["metadata"]["mode"] == "conversation"
        for spoiled in (
            {**record, "more": 1},
            {**record, "state": "asleep"},
            {name: value for name, value in record.items() if name != "to"},
        ):
            with pytest.raises(fastjsonschema.JsonSchemaException):
                conforms("voicecall.status", {"found": True, "call": spoiled})
        for method in ("schema", "ping", "pairing.list", "hello"):
            await stage.call(method)

    play(story)


def test_what_the_server_says_unasked_is_described() -> None:
    conforms_to_us({"method": "voicecall.heartbeat", "params": {}})
    with pytest.raises(fastjsonschema.JsonSchemaException):
        conforms_to_us({"method": "voicecall.heartbeat", "params": {"more": 1}})
