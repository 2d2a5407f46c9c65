"""What _write.pyx offers; its docstrings tell."""

from collections.abc import Sequence

from lpforwarder.lines._scan import Reader, Scan
from lpforwarder.lines.parts import Part

class Writer:
    def __init__(self, reader: Reader, parts: Sequence[Part], most: int) -> None: ...
    def write(self, scan: Scan, places: list[int], first: int = 0) -> list[bytes]: ...

def framed(messages: list[bytes]) -> bytes: ...
