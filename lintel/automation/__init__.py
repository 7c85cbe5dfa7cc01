"""When models are trained: what asks for it, how often it is granted, and what is tried again."""
