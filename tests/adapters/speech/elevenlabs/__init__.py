"""ElevenLabs, against its simulated vendor."""
