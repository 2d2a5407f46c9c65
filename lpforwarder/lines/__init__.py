"""Lines of canonical JSON, many at once: see _scan.pyx and _write.pyx, which are compiled.

All of these are None where they could not be compiled; events are written one by one then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lpforwarder.lines._scan import Key, Reader, Scan
    from lpforwarder.lines._write import Writer, framed
else:
    try:
        from lpforwarder.lines._scan import Key, Reader, Scan
        from lpforwarder.lines._write import Writer, framed
    except ImportError:
        Key = Reader = Scan = Writer = framed = None

IS_COMPILED = Reader is not None

__all__ = ["IS_COMPILED", "Key", "Reader", "Scan", "Writer", "framed"]
