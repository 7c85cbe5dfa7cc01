"""The online runtime."""
