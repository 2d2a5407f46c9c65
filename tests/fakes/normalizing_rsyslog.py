"""rsyslog that takes CEF apart with its own liblognorm, as it would for a SIEM behind it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.fakes.peers import Rsyslog


class NormalizingRsyslog(Rsyslog):
    """Writes for each message what its CEF parser made of it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._rules = folder / "cef.rulebase"
        self._rules.write_text("version=2\nrule=:%cef:cef%\n")
        super().__init__(folder)

    def parsed(self) -> list[dict[str, Any]]:
        """Each message as liblognorm 2 understood it, in order of arrival; `unparsed-data` if it did not."""
        return [json.loads(line) for line in self.lines()]

    def _settings(self) -> str:
        return f"""
global(workDirectory="{self.folder}" maxMessageSize="65536" net.enableDNS="off"
       parser.escapeControlCharactersOnReceive="off")
module(load="imtcp" maxSessions="2000" maxFrameSize="200000")
module(load="mmnormalize")
template(name="parsed" type="list") {{ property(name="$!all-json-plain") constant(value="\\n") }}
ruleset(name="received" queue.type="Direct") {{
  action(type="mmnormalize" rulebase="{self._rules}" useRawMsg="off")
  action(type="omfile" file="{self.file}" template="parsed" flushOnTXEnd="on")
}}
input(type="imtcp" address="127.0.0.1" port="{self.port}" ruleset="received")
action(type="omfile" file="{self.folder}/own-messages")
"""
