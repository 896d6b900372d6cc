"""How hard the machine tries: a bounded, repeatable run by default, a long one at night.

``VOICECALL_MACHINE=nightly`` draws 20,000 examples per test and keeps what it learns in ``.hypothesis``.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.database import DirectoryBasedExampleDatabase

NIGHTLY = os.environ.get("VOICECALL_MACHINE") == "nightly"
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def machine(examples: int, **more: Any) -> settings:
    """Settings for a property that draws ``examples`` in a normal run."""
    if NIGHTLY:
        database = DirectoryBasedExampleDatabase(".hypothesis/machine")
        return settings(max_examples=20_000, deadline=None, database=database, suppress_health_check=SLOW, **more)
    return _brief(examples, print_blob=True, **more)


def hunt(examples: int, **more: Any) -> settings:
    """Settings to hunt a mutant: the first failure will do, nobody has to read it."""
    return _brief(examples, phases=[Phase.generate], report_multiple_bugs=False, **more)


def _brief(examples: int, **more: Any) -> settings:
    """The same examples every time."""
    return settings(
        max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=SLOW, **more
    )
