"""What a process gives up before it touches a file of a stranger: files, network, other processes, time and memory.

Each step holds by itself: limits of resources (POSIX), another user where this one is root, a network namespace with
nothing in it, and Landlock (Linux 5.13, documented in Documentation/userspace-api/landlock.rst), by which no file can
be opened any more that is not open yet. A kernel that lacks one of the last two leaves the others.
"""

import ctypes
import os
import resource
import struct
from contextlib import suppress

_NEW_NETWORK, _NEW_USER = 0x4000_0000, 0x1000_0000
_NO_NEW_PRIVILEGES, _SET_DUMPABLE = 38, 4
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_BENEATH, _READ_FILE = 1, 1 << 2
_FILES_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15}
_FILES_NEWEST = 16
_NOBODY = 65_534


def confine(file: int, *, memory_bytes: int, cpu_s: int, descriptors: int) -> None:
    """Give all of it up, for good; what is open stays usable.

    Args:
        file: Descriptor of the one file that may be opened anew, for reading.
        memory_bytes: Address space that may still be added.
        cpu_s: Processor time until the process is killed.
        descriptors: As many may be open at once.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _leave_network(libc)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    # a process that changed its user may not look at its own descriptors by their names otherwise
    libc.prctl(_SET_DUMPABLE, 1, 0, 0, 0)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    limits = {
        resource.RLIMIT_AS: _address_space() + memory_bytes,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: descriptors,
        resource.RLIMIT_NPROC: 0,
    }
    for which, limit in limits.items():
        resource.setrlimit(which, (limit, limit))
    _leave_files(libc, file)


def _leave_network(libc: ctypes.CDLL) -> None:
    if libc.unshare(_NEW_NETWORK) != 0:
        libc.unshare(_NEW_NETWORK | _NEW_USER)


def _leave_files(libc: ctypes.CDLL, but: int) -> None:
    abi = libc.syscall(_CREATE_RULESET, None, 0, 1)
    if abi < 1:
        return
    files = (1 << _FILES_BY_ABI.get(abi, _FILES_NEWEST)) - 1
    network, scopes = (3 if abi >= 4 else 0), (3 if abi >= 6 else 0)
    # everything is handled, and one rule allows one thing
    ruleset = struct.pack("<QQQ", files, network, scopes)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    handle = libc.syscall(_CREATE_RULESET, ruleset, len(ruleset), 0)
    if handle >= 0:
        # a file of memory needs no rule, and may have none
        libc.syscall(_ADD_RULE, handle, _BENEATH, struct.pack("<Qi", _READ_FILE, but), 0)
        libc.syscall(_RESTRICT_SELF, handle, 0)
        os.close(handle)


def _address_space() -> int:
    with suppress(OSError, ValueError), open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
    return 0
