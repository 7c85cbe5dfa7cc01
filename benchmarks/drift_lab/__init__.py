"""What `benchmarks.drift` measures: simulated tables, real streams, and a table of a million rows."""
