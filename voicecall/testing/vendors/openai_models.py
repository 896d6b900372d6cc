"""The simulated OpenAI's list of models: ``GET /v1/models``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quart import request
from quart_trio import QuartTrio

MODELS = ("gpt-4o-mini", "gpt-4o-mini-tts", "gpt-4o-transcribe", "gpt-realtime", "whisper-1")


def add_models(app: QuartTrio, *, key: str = "", models: Sequence[str] = MODELS) -> None:
    """Tell the models to whoever has the ``key``; any will do when it is empty."""

    @app.get("/v1/models")
    async def listed() -> dict[str, Any] | tuple[dict[str, Any], int]:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not given or key not in ("", given):
            message = f"Incorrect API key provided: {given}."
            error = {"message": message, "type": "invalid_request_error", "param": None, "code": "invalid_api_key"}
            return {"error": error}, 401
        rows = [{"id": one, "object": "model", "created": 1_767_225_600, "owned_by": "openai"} for one in models]
        return {"object": "list", "data": rows}
