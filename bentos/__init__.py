"""BentoML services, one folder each."""
