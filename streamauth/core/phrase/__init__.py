"""Words of pass phrases and prompts, and what a phrase is worth."""
