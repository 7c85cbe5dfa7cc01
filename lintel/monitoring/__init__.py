"""Whether what is served is still right: drift, performance with and without labels, agreement with the lake."""
