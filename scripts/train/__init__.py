"""One trainer for each model."""
