"""Whisper tiny.en written as ONNX from the weights that a package carries; nothing is trained."""
