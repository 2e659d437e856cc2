"""Memory of dropped arrays is used again."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import resource
import numpy as np
from sim.allocation import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

told = keep_freed_memory() if {keeps} else None
for _ in range(2):
    before = faults()
    arrays = [np.ones(400_000) for _ in range(8)]  # below the size from which numpy asks for huge pages
    del arrays
    again = faults() - before
print(told, again)
"""


def page_faults(*, keeps: bool) -> tuple[str, int]:
    """Whether the C library was told, and the pages that a second round of the same arrays had to be given."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(keeps=keeps)], check=True, capture_output=True, text=True
    )
    told, again = done.stdout.split()
    return told, int(again)


@pytest.mark.skipif(sys.platform != "linux", reason="only the GNU C library can be told")
def test_arrays_of_the_same_size_take_no_new_pages() -> None:
    told, again = page_faults(keeps=True)
    if told != "True":
        pytest.skip("another C library")
    n_pages = 8 * 400_000 * 8 // 4096
    assert again < 0.01 * n_pages
