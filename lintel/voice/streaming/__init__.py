"""Words from audio that is still arriving: which of them are certain, what to hear next, and what to do when late."""
