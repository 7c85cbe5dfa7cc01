"""Market series (rates, inventory, prices): which there are, and what was known of them when."""
