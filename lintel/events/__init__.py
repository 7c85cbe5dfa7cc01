"""The event log: its schema, the kinds and what each means, validation, and the numeric view of it."""
