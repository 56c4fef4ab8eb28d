"""Protocol version 1: messages, answers and events, used by client and server alike."""
