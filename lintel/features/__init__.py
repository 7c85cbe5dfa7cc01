"""Declared features and the one kernel that computes them."""
