"""Published dialogues and what is measured on them, for `benchmarks.understanding`."""
