"""Who asks which server is there is told on any path, and that is all that comes of it."""

from __future__ import annotations

import pytest

from tests.web.kit import PATH, STREAM, Kit, post, serve
from voicecall.web.probe import INSTANCE, PROBE


@pytest.mark.parametrize("path", [PATH, STREAM, "/healthz", "/nowhere?x=1"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_probe_is_answered_with_the_name_of_the_server(path: str, method: str) -> None:
    async def story(kit: Kit) -> None:
        answer = await kit.ask(post(b"", {PROBE: "w-other"}, path=path, method=method))
        assert (answer.status, answer.body) == (200, b"voicecall")
        assert answer.headers[INSTANCE] == "w-kit"
        assert sum(kit.gate.refusals.values()) == 0
        assert INSTANCE not in (await kit.ask(post(b"", {}, path="/healthz", method="GET"))).headers

    serve(story)
