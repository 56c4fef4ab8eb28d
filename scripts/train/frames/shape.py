"""The numbers that the network, its file and its features share."""

BANDS, PAIR, HIDDEN, LAYERS, DIM = 40, 2, 256, 3, 256
"""Mel bands; mel frames of 10 ms in one step; width and number of layers; length of an embedding."""
DECAY = 0.99
"""Of the running level and mean, per step of 20 ms: a time constant of 2 s."""
LEVEL = 30_000 * 10 ** (-24 / 10)
"""Summed power of a frame's 201 spectral bins (400 points, Hann) at -24 dBFS, which GE2E was trained near."""
LOG_FLOOR, LOG_MEAN, LOG_SCALE = 1e-5, -7.0, 0.02
"""As in the encoder that the weights come from."""
LOUDEST_LOGIT = 4.0
"""Bound of what a frame can weigh against others, in nats."""
SILENCE = 1e-9
"""Added to a power before it divides."""
