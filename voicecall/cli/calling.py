"""Commands that ask a running server for something."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, get_args

import trio

from voicecall.cli.place import BAD_USAGE, FAILED, Place, fail, print_json, wants_json
from voicecall.events import EndReason
from voicecall.rpc.client import Client, NoServer, connect
from voicecall.rpc.protocol import INVALID_PARAMS, RpcError, invalid

Params = dict[str, Any]
Work = Callable[[Client, Params], Any]
ASK_AGAIN_S = 0.2
NEXT_SERVER_S = 30.0
"""How long the next server may take to come when one went away."""
PICKED_UP = frozenset({"answered", "active", "speaking", "listening"})
ENDED = frozenset(get_args(EndReason))
OPTIONS = {"to": "--to", "message": "--message", "callId": "--call-id", "digits": "--digits"}
"""What a person types for a parameter."""


def place_call(place: Place, method: str, params: Params, *, wait: bool, json: bool) -> int:
    """Place a call; ``wait`` stays until it has ended. A person sees it ring until it is answered."""
    quiet = wants_json(json=json)

    async def work(client: Client, named: Params) -> dict[str, Any]:
        answer = await client.call(method, named)
        if quiet and not wait:
            return {"callId": answer["callId"]}
        enough = ENDED if wait else PICKED_UP | ENDED
        return await _until(client, str(answer["callId"]), enough, quiet=quiet)

    def show(answer: dict[str, Any]) -> None:
        if quiet:
            print_json(answer)
        elif wait:
            from voicecall.cli.looking import show_record

            show_record(answer)
        else:
            from rich.console import Console

            from voicecall.cli.rendering import state_text

            call_id = answer["callId"]
            Console().print(f"[bold]{call_id}[/bold]", state_text(answer))
            Console().print(f"[dim]voicecall tail --call-id {call_id[:8]}[/dim]")

    return run_client(place.state, params, work, show)


def ask(place: Place, method: str, params: Params, *, json: bool, waiting: str = "") -> int:
    """Ask something of a call. One who is ``waiting`` for an answer waits for the next server, too."""
    quiet = wants_json(json=json)

    async def work(client: Client, named: Params) -> dict[str, Any]:
        with _spinner("" if quiet else waiting):
            return await client.call(method, named)

    def show(answer: dict[str, Any]) -> None:
        if quiet:
            print_json(answer)
        else:
            from rich.console import Console
            from rich.text import Text

            said = answer.get("transcript")
            Console().print(Text(said) if said else Text("done", "green"))

    return run_client(place.state, params, work, show, lasting=bool(waiting))


def ask_server(place: Place, method: str, params: Params, show: Callable[[dict[str, Any]], None]) -> int:
    """Ask something that concerns no call."""

    async def work(client: Client, named: Params) -> dict[str, Any]:
        return await client.call(method, named)

    return run_client(place.state, params, work, show)


async def _until(client: Client, call_id: str, enough: frozenset[str], *, quiet: bool) -> dict[str, Any]:
    """Ask for a call's state until it has come far ``enough``; a spinner says how far it is."""
    with _spinner("" if quiet else "calling") as spinner:
        while True:
            found = await client.call("voicecall.status", {"callId": call_id})
            record: dict[str, Any] = found.get("call", {})
            if record.get("state") in enough:
                return record
            if spinner is not None:
                spinner.update(f"{record.get('state', 'calling')} …")
            await trio.sleep(ASK_AGAIN_S)


def _spinner(text: str) -> AbstractContextManager[Any]:
    if not text:
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(f"{text} …")


def _named(params: Params) -> Params:
    """Parameters that were given, and a name for the request, so that a repeat would be known as one."""
    from voicecall.cli.entropy import new_request_id

    given = {key: value for key, value in params.items() if value is not None}
    for key, value in given.items():
        if isinstance(value, str) and any("\ud800" <= one <= "\udfff" for one in value):
            raise invalid(key, f"{key}: is not UTF-8; check the encoding of the terminal")
    return {**given, "requestId": new_request_id(), "by": "cli"}


def run_client(
    state: Path, params: Params, work: Work, show: Callable[[dict[str, Any]], None], *, lasting: bool = False
) -> int:
    """Ask the server of ``state``, and ``show`` what ``work`` has brought; the exit code. What is ``lasting`` is asked
    again of the next server."""

    async def main() -> dict[str, Any]:
        named = _named(params)
        if lasting:
            return await _asked_again(state, work, named)
        async with connect(state) as client:
            return await work(client, named)

    try:
        answer = trio.run(main)
    except NoServer as error:
        return fail(str(error))
    except RpcError as error:
        return _refuse(error)
    show(answer)
    return 0


async def _asked_again(state: Path, work: Work, named: Params) -> dict[str, Any]:
    """A server that goes away meanwhile is waited for, and the next one asked the same: by its name it knows what was
    asked, and the journal what became of it."""
    until = 0.0  # whoever finds no server in the first place is told so at once
    while True:
        try:
            async with connect(state) as client:
                try:
                    return await work(client, named)
                finally:
                    until = trio.current_time() + NEXT_SERVER_S
        except NoServer:
            if trio.current_time() >= until:
                raise
        await trio.sleep(ASK_AGAIN_S)


def _refuse(error: RpcError) -> int:
    """Say what the server said, in the words of the command line."""
    field, message = str((error.data or {}).get("field", "")), error.message
    if message.startswith("to required"):
        message = "Missing --to and no toNumber configured"
    elif field in OPTIONS:
        message = f"{OPTIONS[field]}: {message.removeprefix(field + ':').lstrip()}"
    return fail(message, BAD_USAGE if error.code == INVALID_PARAMS else FAILED)
