"""Pass-phrase recognizers, and the evidence for expected words."""
