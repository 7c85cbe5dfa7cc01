"""Who may ask for how much: the class of a request, quotas, and shares of the rows in flight."""
