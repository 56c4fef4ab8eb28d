"""Memory of this process."""

import resource

import psutil


def resident_mb() -> float:
    """What it holds now."""
    return float(psutil.Process().memory_info().rss) / 1e6


def most_resident_mb() -> float:
    """The most that it has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
