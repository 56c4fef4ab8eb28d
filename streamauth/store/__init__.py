"""Profiles, voiceprints and failed attempts, kept in a database and sealed at rest."""
