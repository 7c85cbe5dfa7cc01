"""Dagster assets and checks, one noun a file."""
