"""Lines of canonical JSON, many at once: see _scan.pyx and _write.pyx, which are compiled.

Where they could not be compiled, lines_of() is slower, and others are None: events are written one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lpforwarder.lines._scan import Key, Reader, Scan, lines_of
    from lpforwarder.lines._write import Writer, framed
else:
    try:
        from lpforwarder.lines._scan import Key, Reader, Scan, lines_of
        from lpforwarder.lines._write import Writer, framed
    except ImportError:
        Key = Reader = Scan = Writer = framed = None

        def lines_of(blob: bytes, most: int = -1) -> list[bytes]:
            return blob.split(b"\n", most)


IS_COMPILED = Reader is not None

__all__ = ["IS_COMPILED", "Key", "Reader", "Scan", "Writer", "framed", "lines_of"]
