"""The vendors: carriers (pure), speech and agents (trio), each behind a protocol of ``voicecall.ports``."""
