"""A real browser without a window, spoken to over two pipes in the DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_WITHIN = 90.0
"""Seconds for anything it is asked: it shares the machine with all the other tests."""

Message = dict[str, Any]


class Browser:
    """Chromium with a profile of its own in `folder`, and one page; ends with the context.

    `complaints` are errors of the page: console, policy, failed loads. `requests` are the URLs it asked for.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._rest = b""
        self._session = ""
        self._loads = 0
        self._loaded: set[str] = set()
        self.complaints: list[str] = []
        self.requests: list[str] = []

    def __enter__(self) -> Self:
        program = shutil.which("chromium")
        if program is None:
            raise RuntimeError("there is no chromium: run scripts/install-peers")
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()
        # It reads from 3 and writes to 4, whatever the pipes are called here.
        script = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        arguments = [program, *_FLAGS, f"--user-data-dir={self._folder / 'profile'}", "about:blank"]
        with (self._folder / "browser.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["bash", "-c", script, "bash", *arguments],
                pass_fds=(theirs_in, theirs_out),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            self._attach()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends it: without its pipe it goes by itself."""
        os.close(self._to)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._from)

    # ---- what it is asked -----------------------------------------------------------------------------

    def show(self, url: str, *, width: int = 1000, height: int = 800, dark: bool = False) -> None:
        """Loads a page as a screen of that size shows it."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", {"features": [scheme]})
        loader = self.ask("Page.navigate", {"url": url})["loaderId"]
        give_up_at = time.monotonic() + _WITHIN
        while loader not in self._loaded:  # a page that loads itself again is not what was asked for
            self._note(self._receive(give_up_at))

    @property
    def loads(self) -> int:
        """How many pages it has loaded."""
        return self._loads

    def wait_for_load(self, before: int) -> None:
        """Returns when more than `before` pages were loaded."""
        give_up_at = time.monotonic() + _WITHIN
        while self._loads <= before:
            self._note(self._receive(give_up_at))

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        asked = {"expression": expression, "returnByValue": True}
        result = self.ask("Runtime.evaluate", asked)["result"]
        if "value" not in result:
            raise ValueError(f"{expression}: {result}")
        return result["value"]

    def text(self) -> str:
        """All that a person can read."""
        return str(self.evaluate("document.body.innerText"))

    def picture(self, path: Path) -> None:
        """The whole page as a PNG."""
        asked = {"format": "png", "captureBeyondViewport": True}
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", asked)["data"]))

    def ask(self, method: str, parameters: Mapping[str, Any]) -> Message:
        """The result of one command of the protocol."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": dict(parameters)}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        give_up_at = time.monotonic() + _WITHIN
        while True:
            answer = self._receive(give_up_at)
            if answer.get("id") == number:
                if "error" in answer:
                    raise ValueError(f"{method}: {answer['error']}")
                result: Message = answer["result"]
                return result
            self._note(answer)

    # ---- its parts ------------------------------------------------------------------------------------

    def _attach(self) -> None:
        target = self.ask("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = self.ask("Target.attachToTarget", {"targetId": target, "flatten": True})
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable", {})
        self.ask("Page.setLifecycleEventsEnabled", {"enabled": True})

    def _receive(self, give_up_at: float) -> Message:
        """The next message; TimeoutError when none comes, EOFError when the browser has ended."""
        while b"\0" not in self._rest:
            left = give_up_at - time.monotonic()
            if left <= 0 or not select.select([self._from], [], [], left)[0]:
                raise TimeoutError(f"the browser is silent: {self._log()}")
            chunk = os.read(self._from, 65_536)
            if not chunk:
                raise EOFError(f"the browser has ended: {self._log()}")
            self._rest += chunk
        raw, _, self._rest = self._rest.partition(b"\0")
        message: Message = json.loads(raw)
        return message

    def _log(self) -> str:
        return (self._folder / "browser.log").read_text(errors="replace")[-2000:]

    def _note(self, message: Message) -> None:
        """Keeps what happened without being asked for."""
        method, told = message.get("method", ""), message.get("params", {})
        if method == "Page.loadEventFired":
            self._loads += 1
        elif method == "Page.lifecycleEvent" and told["name"] == "load":
            self._loaded.add(told["loaderId"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Network.loadingFailed" and not told.get("canceled"):  # by another page to show
            self.complaints.append(f"{method}: {told.get('errorText')}")
        elif method == "Log.entryAdded":
            self.complaints.append(f"{method}: {told['entry']['text']}")
        elif method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            self.complaints.append(f"{method}: {json.dumps(told)[:500]}")
