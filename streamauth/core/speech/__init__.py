"""From speech probabilities of frames to utterances."""
