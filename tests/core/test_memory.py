"""What decoders took goes back; measured in a process of its own."""

import subprocess
import sys

import pytest

from tests.conftest import PROJECT

PROGRAM = """
import sys, threading
from core import memory

if sys.argv[1] == "set":
    assert memory.give_back()

def resident():
    for line in open("/proc/self/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024

def decode():
    blocks = [bytearray(b"x" * 3_000_000) for _ in range(20)]
    small = [bytes(40_000) for _ in range(500)]
    kept.append(small[-1])
    del blocks, small

kept = []
decode()
before = resident()
for _ in range(3):
    threads = [threading.Thread(target=decode) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
print(resident() - before)
"""


def _left(how: str) -> int:
    """Return the MB that eight threads leave behind."""
    command = [sys.executable, "-c", PROGRAM, how]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator that is set is glibc's")
def test_threads_that_took_large_blocks_leave_less_than_half_behind() -> None:
    assert _left("set") * 2 < _left("as it was")
