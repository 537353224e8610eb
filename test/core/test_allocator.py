"""A process that keeps its memory takes no new pages for each large tensor."""

import os
import subprocess
import sys

import pytest

PAGES = 2**26 // os.sysconf('SC_PAGE_SIZE')  # of one tensor
PROGRAM = """
import resource, sys, threading
from pedsam_ros.core.model import allocator
told = allocator.keep_memory() if sys.argv[1] == 'keep' else None
import torch
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def work():
    torch.ones(2**24)
    before = faults()
    torch.ones(2**24)
    print(told, faults() - before)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def told(what: str, **variables: str) -> tuple[str, int]:
    """What `keep_memory` returned, and how many pages a second tensor took, of 64 MB and on
    another thread."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(('MALLOC_', 'GLIBC_'))}
    words = [sys.executable, '-c', PROGRAM, what]
    ended = subprocess.run(words, env=own | variables, capture_output=True, text=True, check=True)
    kept, pages = ended.stdout.split()
    return kept, int(pages)


@pytest.mark.skipif('glibc' not in str(os.confstr('CS_GNU_LIBC_VERSION')), reason='not glibc')
def test_a_tensor_takes_the_pages_of_the_one_before():
    """Also on another thread than the first, on which nodes compute."""
    kept, pages = told('keep')
    assert kept == 'True'
    assert pages < PAGES / 10
    assert told('leave')[1] > PAGES / 2  # so that the test can fail


def test_what_a_user_has_chosen_stays():
    """Environment variables of glibc win."""
    assert told('keep', MALLOC_ARENA_MAX='2')[0] == 'False'
