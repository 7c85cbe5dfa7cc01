"""Audio in: files, rates, channels and codecs, as float32 samples at 16 kHz."""
