"""Where there is speech: detectors of voice, and endpoints of utterances."""
