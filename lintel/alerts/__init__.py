"""Alerts: rules on what the monitors found, their course from firing to resolved, and the sinks that tell people."""
