"""Live calls played to a session, in real time or on a simulated clock, and what their words cost and miss."""
