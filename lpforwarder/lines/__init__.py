"""Lines of canonical JSON, many at once: see _scan.pyx and _write.pyx, which are compiled.

`Reader` and `Writer` are None where they could not be compiled; events are written one by one then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lpforwarder.lines._scan import Reader, Scan
    from lpforwarder.lines._write import Writer
else:
    try:
        from lpforwarder.lines._scan import Reader, Scan
        from lpforwarder.lines._write import Writer
    except ImportError:
        Reader = Scan = Writer = None

IS_COMPILED = Reader is not None

__all__ = ["IS_COMPILED", "Reader", "Scan", "Writer"]
