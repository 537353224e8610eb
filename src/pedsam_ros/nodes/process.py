"""How our processes end: on Ctrl-C and SIGTERM with status 0, however early they come, and soon.

A program calls `begin`, then imports what takes time, then calls `finish`. Hence this file must
import nothing slow.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def begin() -> None:
    """Lets Ctrl-C and SIGTERM end the process at once, with status 0.

    That holds until somebody handles them in another way: while a process loads, it has nothing
    to lose.
    """
    on_signal(lambda: leave(0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


@contextmanager
def held() -> Iterator[None]:
    """Holds signals back from a process that is started meanwhile, until it calls `begin`.

    Python itself would end with another status.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def on_signal(react: Callable[[], object]) -> None:
    """Calls `react` on Ctrl-C and SIGTERM. Only the main thread may set that."""
    for number in SIGNALS:
        signal.signal(number, lambda *_: react())


def finish(main: Callable[[], int]) -> NoReturn:
    """Runs `main` and ends the process with the status that it returns, or 1 if it raises."""
    status: object = 1
    try:
        status = main()
    except SystemExit as ended:
        status = ended.code
    except BaseException:
        traceback.print_exc()
    if status is not None and not isinstance(status, int):  # sys.exit('what is wrong')
        print(status, file=sys.stderr)
        status = 1
    leave(status or 0)


def leave(status: int) -> NoReturn:
    """Ends the process now. Calls what `atexit` holds and flushes what was printed or logged.

    It leaves out exit(), in which torch deregisters its operators one by one. That takes seconds,
    and ten times as long on a busy machine.
    """
    with suppress(ValueError):  # not on the main thread
        for number in SIGNALS:  # a second Ctrl-C must not kill what is already ending
            signal.signal(number, signal.SIG_IGN)
    for flush in (atexit._run_exitfuncs, _flush):
        with suppress(Exception):
            flush()
    os._exit(status)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # closed, or a pipe that nobody reads any more
            stream.flush()
    ctypes.CDLL(None).fflush(None)  # what C and C++ wrote, such as ROS's log
