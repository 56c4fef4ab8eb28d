"""The GE2E speaker encoder and its noise-robust student."""
