"""ElevenLabs: a voice over HTTP and WebSockets, and an ear over a WebSocket.

``open_synthesizer`` takes the section ``tts.providers.elevenlabs`` of the configuration, ``open_transcriber`` takes
``streaming.providers.elevenlabs``.
"""

from voicecall.adapters.speech.elevenlabs.failures import ElevenLabsFailed, Misconfigured
from voicecall.adapters.speech.elevenlabs.synthesizer import open_synthesizer
from voicecall.adapters.speech.elevenlabs.transcriber import open_transcriber

__all__ = ["ElevenLabsFailed", "Misconfigured", "open_synthesizer", "open_transcriber"]
