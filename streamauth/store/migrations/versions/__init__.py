"""Revisions of the schema, oldest first. A revision never changes once released."""
