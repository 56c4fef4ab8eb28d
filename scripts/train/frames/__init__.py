"""The frame-wise speaker encoder: its training speech, degradations, network, training and export."""
