"""How fast this machine runs voicecall: ``make bench``."""
