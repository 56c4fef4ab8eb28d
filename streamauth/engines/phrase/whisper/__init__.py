"""Whisper, the second judge of a phrase: what it needs of a sound, its words, its scores."""
