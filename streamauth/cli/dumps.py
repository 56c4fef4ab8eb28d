"""No core dumps: a process that crashes must not write the voiceprints in its memory into a file."""

import sys
from contextlib import suppress

_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4


def switch_off() -> None:
    """Have no core of this process written, and no other process of the same user read its memory.

    The limit alone is not enough: Linux hands a core to a program, where ``core_pattern`` says so, whatever the limit
    (core(5), prctl(2) PR_SET_DUMPABLE). Processes forked from this one inherit both.
    """
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        _prctl(_PR_SET_DUMPABLE, 0)


def are_off() -> bool:
    """Whether no core of this process can be written, as far as the system tells."""
    if sys.platform == "linux":
        return _prctl(_PR_GET_DUMPABLE, 0) == 0
    try:
        import resource
    except ImportError:
        return False  # Windows: its error reporting is a matter of the machine
    return resource.getrlimit(resource.RLIMIT_CORE)[0] == 0


def _prctl(option: int, value: int) -> int:
    import ctypes

    return int(ctypes.CDLL(None).prctl(option, value, 0, 0, 0))
