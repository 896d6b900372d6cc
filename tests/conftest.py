"""Properties are drawn the same way every time, and a busy machine does not fail them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

settings.register_profile(
    "voicecall",
    derandomize=True,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("voicecall")


@pytest.fixture(autouse=True)
def logging_as_at_first() -> Iterator[None]:
    """A command that serves sets up logging for its process, and that is the process of the next test too."""
    yield
    structlog.reset_defaults()
