"""Microphone login on Linux: the daemon that PAM asks, and what sets it up."""
