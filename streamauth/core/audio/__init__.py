"""From bytes of any format and rate to 16 kHz mono frames and their quality."""
