"""Words while they are said: which of them are settled, and how much audio is open."""
