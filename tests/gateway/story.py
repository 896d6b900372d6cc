"""The whole story of one gateway with one carrier."""

from __future__ import annotations
