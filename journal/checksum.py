"""CRC-32C (Castagnoli, RFC 3720 appendix B.4), typed: the library's own annotations are incomplete."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import google_crc32c

crc32c = cast("Callable[[bytes], int]", google_crc32c.value)
