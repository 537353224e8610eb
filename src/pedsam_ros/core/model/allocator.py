"""Lets a process keep the memory that torch frees, instead of giving it back at once.

The system fills every page that it hands out with zeros. torch allocates and frees large tensors
all the time, and with glibc's own settings each of them is made of new pages.
"""

from __future__ import annotations

import ctypes
import os

KEPT_BYTES = 2**28  # of free memory at the end of the heap; what is more is given back
OWN_CHOICE = ('MALLOC_', 'GLIBC_TUNABLES')  # the user's variables about it begin so
_SETTINGS = {  # glibc's numbers of its options; source: malloc.h
    -1: KEPT_BYTES,  # M_TRIM_THRESHOLD
    -2: 2**24,  # M_TOP_PAD: by how much more than needed the heap grows
    -4: 0,  # M_MMAP_MAX: no tensor gets pages of its own, which go when it is freed
    -8: 1,  # M_ARENA_MAX: all threads use this heap; those of their own hold no large tensors
}


def keep_memory() -> bool:
    """Sets the allocator of this process. Call it before other threads start.

    Returns whether it did. It does not if the user has chosen by environment variables, or if the
    C library is not glibc. Everything works without, only slower.
    """
    if any(name.startswith(OWN_CHOICE) for name in os.environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    return mallopt is not None and all(mallopt(*setting) == 1 for setting in _SETTINGS.items())
