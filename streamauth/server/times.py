"""How long closing a connection may take, whatever its peer does."""

TELL_S = 1.0
"""Longest time for a last message to a peer that may not be reading."""
CLOSE_S = 2.0
"""Longest time for the closing handshake."""
