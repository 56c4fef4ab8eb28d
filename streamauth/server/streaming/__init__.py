"""The websocket endpoint: one connection from its first message to its close."""
