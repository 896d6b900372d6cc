"""Why a door cannot be made public."""

from __future__ import annotations


class CannotExpose(Exception):
    """The door is not public now. The text names the setting and the fix, and holds no secret.

    ``enable_url`` is a page on which the owner of the network may have to allow it, or "".
    """

    def __init__(self, text: str, *, enable_url: str = "") -> None:
        super().__init__(text)
        self.enable_url = enable_url


class Misconfigured(CannotExpose):
    """It will not be public until somebody changes the configuration, or sets up the program on this machine."""
