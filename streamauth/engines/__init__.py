"""Engines behind the ports: models and their runtimes, each imported only when it is chosen."""
