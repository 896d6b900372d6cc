"""The one place of the command line where chance comes from."""

from __future__ import annotations

import uuid


def new_request_id() -> str:
    """A name for a request that no other request has."""
    return uuid.uuid4().hex
