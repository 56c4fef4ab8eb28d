"""The embedded pass-phrase recognizer."""
