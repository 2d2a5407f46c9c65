"""Packages of strangers with plug-ins, as pip would have installed them, without installing anything."""

from __future__ import annotations

from pathlib import Path

PICKY = '''
"""A format with a mistake: it cannot write events whose message says so, and quotes them in its complaint."""

from lpforwarder.config.options import Options


class PickyFormat:
    Options = Options

    def __init__(self, options):
        pass

    def format(self, event):
        if "poison" in event.text("message"):
            raise ValueError(f"cannot write {event.text('message')} of {event.text('sourceUser')}")
        return event.line
'''

MENDED = PICKY.replace('if "poison" in', 'if "really bad" in')

RAISING = '''
"""A source with a mistake: it gives what it was configured with, then fails with it."""

from lpforwarder.event import Event, Reject
from lpforwarder.intake.contract import Cursor, Page, SourceOptions


class RaisingOptions(SourceOptions):
    text: str


class RaisingSource:
    Options = RaisingOptions

    def __init__(self, options):
        self._text = options.text

    def pull(self, after):
        if after is None:
            reject = Reject(where="somewhere", reason="not a record", raw=self._text.encode())
            return Page(events=(), rejects=[reject], cursor=Cursor("1"))
        raise KeyError(self._text)

    def close(self):
        pass
'''


def install(folder: Path, kind: str, name: str, code: str, plugin: str) -> dict[str, str]:
    """Puts a module with this plug-in class into `folder`; the variables a process needs to find it there.

    May be called again for other plug-ins, and to replace the code of one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    module = f"{name}_{kind}"
    (folder / f"{module}.py").write_text(code)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[lpforwarder.{kind}]\n{name} = {module}:{plugin}\n")
    return {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
