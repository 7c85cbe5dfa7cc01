"""What was said on a call, by whom, and what it means. Pure: audio arrays and words in, dataclasses out."""
