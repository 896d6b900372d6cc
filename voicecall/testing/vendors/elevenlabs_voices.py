"""The simulated ElevenLabs' list of voices: ``GET /v1/voices/{id}`` and ``GET /v2/voices``, page by page."""

from __future__ import annotations

from typing import Any

from quart import request
from quart_trio import QuartTrio

from voicecall.testing.vendors.elevenlabs import ElevenLabs, refusal

Plain = dict[str, Any]
MOST = 100
"""Voices on a page at most; ten where nobody asks for more."""


def serve_voices(app: QuartTrio, vendor: ElevenLabs) -> None:
    """Both endpoints, for whoever has the key."""

    @app.get("/v1/voices/<voice>")
    async def one_voice(voice: str) -> Plain | tuple[Plain, int]:
        refused = _refused(vendor)
        if refused is not None:
            return refused
        if vendor.voices and voice not in vendor.names:
            return refusal("voice_not_found", f"A voice with the voice_id {voice} was not found."), 404
        return _voice(voice, vendor.names.get(voice, voice))

    @app.get("/v2/voices")
    async def voices() -> Plain | tuple[Plain, int]:
        refused = _refused(vendor)
        if refused is not None:
            return refused
        size, start = int(request.args.get("page_size", "10")), int(request.args.get("next_page_token") or "0")
        if not 1 <= size <= MOST:
            return refusal("invalid_page_size", f"page_size: at most {MOST}"), 400
        wanted = request.args.get("search", "").lower()
        found = [(voice, name) for voice, name in vendor.names.items() if wanted in name.lower()]
        vendor.note("voices", wanted)
        more = start + size < len(found)
        return {
            "voices": [_voice(voice, name) for voice, name in found[start : start + size]],
            "has_more": more,
            "total_count": len(found),
            "next_page_token": str(start + size) if more else None,
        }


def _refused(vendor: ElevenLabs) -> tuple[Plain, int] | None:
    fault = vendor.next_fault()
    if fault is not None and fault.kind in ("refuse", "complain"):
        return refusal(fault.code, fault.message), fault.status
    return vendor.admit(request.headers.get("xi-api-key"), None)


def _voice(voice: str, name: str) -> Plain:
    return {
        "voice_id": voice,
        "name": name,
        "samples": None,
        "category": "premade",
        "fine_tuning": {"is_allowed_to_fine_tune": False, "state": {}},
        "labels": {"accent": "american", "gender": "female"},
        "description": None,
        "preview_url": None,
        "available_for_tiers": [],
        "settings": None,
        "sharing": None,
        "high_quality_base_model_ids": [],
        "verified_languages": [],
        "safety_control": None,
        "is_owner": False,
        "is_legacy": False,
        "created_at_unix": None,
    }
