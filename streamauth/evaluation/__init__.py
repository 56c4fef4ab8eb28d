"""Error rates of the very sessions that the product runs."""
