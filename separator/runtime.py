"""What the C library does with memory that is no longer used: keep it for the next step, or give it back.

Both are for glibc. Where there is none (musl, macOS, Windows), nothing happens.
"""

import ctypes
from contextlib import suppress

_NO_GLIBC = (OSError, AttributeError, TypeError)


def keep_freed_memory() -> None:
    """Make glibc keep freed memory instead of returning it to the system after every step.

    A training step allocates and frees gigabytes, a segment of a song hundreds of megabytes; without this, a third of
    the former's time and a tenth of the latter's goes to clearing fresh pages (measured on two cores). For commands
    only: a page that serves others should give memory back.
    """
    trim_threshold, top_pad, mmap_max = -1, -2, -4  # from glibc's malloc.h
    with suppress(*_NO_GLIBC):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(mmap_max, 0)
        mallopt(trim_threshold, 2**31 - 1)
        mallopt(top_pad, 2**28)


def give_back_memory() -> None:
    """Make glibc return what is free to the operating system.

    It keeps what one thread has freed for that thread's arena, and Gradio and the jobs have many threads: without
    this, a page that trains and has served twenty separations holds 100 to 140 MB that nobody uses.
    """
    with suppress(*_NO_GLIBC):
        ctypes.CDLL(None).malloc_trim(0)
