"""The HTTP API of Microsoft's Speaker Recognition, in its three generations, on our own profiles and decisions."""
