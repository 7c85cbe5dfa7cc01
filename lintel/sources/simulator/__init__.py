"""A seeded simulator of a brokerage whose true probabilities are known exactly."""
