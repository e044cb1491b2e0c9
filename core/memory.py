"""Memory that decoders took goes back to the system.

glibc keeps an arena for each of a server's threads and learns to keep large blocks for itself, so a
few photos left 290 MB in a process. One arena (the interpreter's own lock lets one thread allocate
at a time anyway) and fixed thresholds brought the same process to 135 MB.
"""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGE = 128 * 1024


def give_back() -> bool:
    """Set the allocator of this process; say whether it is one that can be set (glibc)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    wanted = ((M_ARENA_MAX, 1), (M_MMAP_THRESHOLD, LARGE), (M_TRIM_THRESHOLD, LARGE))
    return all(mallopt(option, value) == 1 for option, value in wanted)
