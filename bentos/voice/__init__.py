"""The `voice` service."""
