"""The `lintel` command."""
