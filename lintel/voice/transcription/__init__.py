"""Speech to words, behind one protocol with two engines."""
