"""The pure core: samples in, events out; no clock, thread, socket, file or model runtime."""
