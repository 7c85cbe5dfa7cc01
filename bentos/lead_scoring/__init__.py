"""The `lead_scoring` service."""
