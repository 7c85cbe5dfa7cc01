"""Learning that goes on: rolling windows, triggers of retraining, and evaluation in the order of time."""
