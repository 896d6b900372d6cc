"""Sound: codecs, resampling, voice detection, playback, recording, and the media plane."""
