"""Whisper, the second judge of a phrase: features, words and scores."""
