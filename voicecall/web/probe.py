"""Whether it is this server that answers at an address.

Whoever wants to know (``voicecall setup``) asks with the header ``voicecall-probe``. Any path answers 200 and says in
``voicecall-instance`` which server it is; to a client of the socket the same name is told in the hello. Such a request
reads nothing, changes nothing and is not counted among those that were refused.
"""

from __future__ import annotations

from voicecall.ports import HttpResponse

PROBE, INSTANCE = "voicecall-probe", "voicecall-instance"


def probe_answer(instance: str) -> HttpResponse:
    """What the server of this name answers."""
    return HttpResponse(status=200, headers={INSTANCE: instance, "cache-control": "no-store"}, body=b"voicecall")
