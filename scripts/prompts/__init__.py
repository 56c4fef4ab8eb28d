"""Making of the list of words for random prompts."""
