"""What a worker keeps of the store in memory, and how each use of it is checked against the store."""
