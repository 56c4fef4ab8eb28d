"""The frame-wise speaker encoder: its people, what they sound like, the network, the training, the file."""
