"""The streaming server: protocol version 1 on a websocket."""
