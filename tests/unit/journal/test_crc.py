from __future__ import annotations

import subprocess
import sys
import zlib

from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.journal.crc import crc32

WITHOUT = """
import sys
sys.modules["isal"] = None
import zlib
from lpforwarder.journal.crc import crc32
print(crc32 is zlib.crc32)
"""


@given(st.binary(max_size=5000), st.integers(0, 2**32 - 1))
def test_it_is_the_checksum_of_zlib(octets: bytes, start: int) -> None:
    assert crc32(octets) == zlib.crc32(octets)
    assert crc32(octets, start) == zlib.crc32(octets, start)


def test_it_is_that_of_every_length_and_of_large_pages() -> None:
    octets = bytes(range(256)) * 4096
    for size in (*range(600), 4095, 4096, 4097, 2**16 - 1, 2**20):
        assert crc32(octets[:size]) == zlib.crc32(octets[:size])


def test_a_machine_without_the_package_goes_on_with_zlib() -> None:
    told = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    assert told.stdout == "True\n"
