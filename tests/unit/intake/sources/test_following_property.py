"""Any order of writing, rotating, polling and restarting gives every event once and in order."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.log_writer import LogReader, LogWriter

STEPS = st.lists(
    st.sampled_from(["write", "write many", "rename", "copy", "step", "poll", "restart"]), max_size=25
)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_no_order_of_writing_rotating_and_restarting_loses_or_doubles(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = LogWriter(Path(folder) / "events.json")
        log.write(1)
        reader = LogReader(log.path)
        reader.step()
        actions = {
            "write": log.write,
            "write many": lambda: log.write(7),
            "rename": log.rename,
            "copy": log.copy_and_truncate,
            "step": reader.step,
            "poll": reader.poll,
            "restart": reader.restart,
        }
        for step in steps:
            actions[step]()
        log.write(1)
        reader.poll()
        reader.close()
        assert (reader.ids, reader.rejects) == (log.written, [])
