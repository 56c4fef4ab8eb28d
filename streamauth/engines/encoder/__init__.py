"""Speaker encoders on ONNX Runtime, their features and their self-test."""
