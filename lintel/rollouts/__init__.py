"""Bringing a version in front of callers step by step, judged by what it does there."""
