"""The event store, the lake and the state beside them."""
