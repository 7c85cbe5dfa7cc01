"""Fair housing: whether features or scores give away a protected attribute, and how scores differ between groups."""
