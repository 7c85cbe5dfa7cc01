"""Speech whose truth is known: composed from published clips, with noise at a level."""
