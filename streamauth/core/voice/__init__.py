"""From embeddings to calibrated evidence of who speaks."""
