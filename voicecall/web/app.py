"""The quart-trio app behind the door: webhooks go to the gate, operators ask after its health, the rest is not here.

Two things about the framework that measurements taught. quart-trio cancels the task that answers a request as soon as
the server says the exchange is over, which it says *inside* the ``send`` of the last piece: without a shield, the
server's own clean-up (close the connection, start the keep-alive timer) is cut short and sockets stay open for ever.
And a client that hangs up cancels the task too: it waits for a receipt only, so nothing is lost but the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import msgspec
import trio

from voicecall.ports import HttpRequest
from voicecall.web.fault import Contained
from voicecall.web.gate import Gate, receive

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework, ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, HTTPScope, Scope
    from quart import Response
    from werkzeug.exceptions import HTTPException

Check = Callable[[], bool]
SEND_TO_THE_END_S = 15.0
"""How long sending one piece of an answer and the server's clean-up after it may take; longer than a slow peer gets."""


def build_app(
    gate: Gate,
    *,
    journal_writable: Check,
    plane_running: Check,
    is_public: Check = lambda: True,
    is_draining: Check = lambda: False,
) -> ASGIFramework:
    """The app. ``/healthz`` says that the process is alive, ``/readyz`` (200 or 503) that it can take a call, for which
    a tunnel, if there is to be one, must not be lost, and no drain must have begun.

    The framework is imported here, so that only a process that serves pays for it.
    """
    from quart import Response, request
    from quart_trio import QuartTrio
    from werkzeug.exceptions import HTTPException

    app = QuartTrio("voicecall", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = None  # the gate counts while it reads
    app.url_map.merge_slashes = False

    async def webhook() -> Response | None:
        whole = as_request(cast("HTTPScope", request.scope))
        return await through_the_gate(whole) if gate.serves(whole.url) else None

    async def through_the_gate(whole: HttpRequest) -> Response:
        answer = await receive(gate, whole, aiter(request.body))
        headers = {"content-type": "text/plain; charset=utf-8", **answer.headers}
        return Response(answer.body, answer.status, headers)

    async def healthz() -> Response:
        return _text(Response, 200, "ok")

    async def readyz() -> Response:
        checks = {"journal": journal_writable(), "plane": plane_running(), "public": is_public()}
        draining = is_draining()
        ready = all(checks.values()) and not draining
        told = {"ready": ready, **checks, "draining": draining, "refused": gate.refusals}
        return Response(msgspec.json.encode(told), 200 if ready else 503, content_type="application/json")

    async def elsewhere(error: HTTPException) -> Response:
        if error.code == 404:  # the gate counts it, and remembers a webhook that missed its path
            return await through_the_gate(as_request(cast("HTTPScope", request.scope)))
        return _text(Response, error.code or 500, error.name)

    app.before_request(webhook)
    app.add_url_rule("/healthz", view_func=healthz)
    app.add_url_rule("/readyz", view_func=readyz)
    app.register_error_handler(HTTPException, elsewhere)
    return _guarded(app)


def as_request(scope: HTTPScope) -> HttpRequest:
    """The head of a request, as the gate sees it; repeated headers are joined."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    target = scope["raw_path"].decode("latin-1")
    if scope["query_string"]:
        target += "?" + scope["query_string"].decode("latin-1")
    return HttpRequest(
        method=scope["method"],
        url=f"{scope['scheme']}://{headers.get('host', 'localhost')}{target}",
        headers=headers,
        peer=(scope["client"] or ("", 0))[0],
    )


def _text(response: type[Response], status: int, text: str) -> Response:
    return response(text, status, content_type="text/plain; charset=utf-8")


def _guarded(app: ASGIFramework) -> ASGIFramework:
    """``app`` for HTTP alone, whose answers are always sent to their end."""

    async def guarded(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        async def send_to_the_end(event: ASGISendEvent) -> None:
            with trio.move_on_after(SEND_TO_THE_END_S, shield=True):
                await send(event)

        if scope["type"] == "http":
            with Contained("request failed"):
                await app(scope, receive, send_to_the_end)

    return guarded
