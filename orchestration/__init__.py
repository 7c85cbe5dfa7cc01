"""Dagster: definitions, resources, jobs, schedules, sensors."""
