"""Speech: who turns text into sound and sound into text."""
