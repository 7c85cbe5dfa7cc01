"""Drift: whether what a model reads, says and was told has moved, over all rows at a stated false-alarm rate."""
