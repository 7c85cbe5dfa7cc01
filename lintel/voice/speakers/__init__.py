"""Who speaks when, where one channel holds several voices."""
