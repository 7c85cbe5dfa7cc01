"""How many workers there are: one policy, a supervisor that carries it out, and what workers tell it."""
