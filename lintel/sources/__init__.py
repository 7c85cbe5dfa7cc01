"""Adapters that yield events."""
