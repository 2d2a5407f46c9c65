#!/usr/bin/env python3
"""Prints the audit events of lpforwarder as NDJSON, oldest first. Needs Python 3.8 or newer, nothing else.

pull.py URL TOKEN_FILE CURSOR_FILE           waits for new events, for ever
pull.py URL TOKEN_FILE CURSOR_FILE --once    prints what there is, and ends
"""

import os
import sys
import time
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

url, token, place = sys.argv[1].rstrip("/"), Path(sys.argv[2]), Path(sys.argv[3])
once, patience = "--once" in sys.argv, float(os.environ.get("PULL_PAUSE", "10"))
cursor = place.read_text() if place.exists() else ""
with suppress(OSError):  # no file
    if os.lseek(1, 0, os.SEEK_END):  # a file that is continued: its last line may have been cut by a kill
        sys.stdout.write("\n")
while True:
    asked = {"limit": 1000, "wait": 0 if once else 50, **({"after": cursor} if cursor else {})}
    body, pause, trouble = b"", 0.0, ""
    try:
        headers = {"Authorization": "Bearer " + token.read_text().strip(), "Accept": "application/x-ndjson"}
        with urlopen(Request(f"{url}/v1/events?{urlencode(asked)}", headers=headers), timeout=90) as answer:
            body, cursor = answer.read(), answer.headers.get("Lpforwarder-Cursor", cursor)
    except HTTPError as error:
        trouble = error.read().decode(errors="replace")
        pause = float(error.headers.get("Retry-After", patience))
        if error.code == 410:  # we were away too long: what came between is gone here; go on with the oldest
            cursor, pause = error.headers["Lpforwarder-Cursor"], 0.0
    except (OSError, HTTPException) as error:
        trouble, pause = str(error), patience
    if trouble:
        sys.stderr.write(f"pull.py: {trouble}\n")
        sys.stderr.flush()
    sys.stdout.buffer.write(body)
    sys.stdout.flush()
    if cursor:  # only now: what was printed and not noted is printed again, and nothing is left out
        new = place.with_name(place.name + ".new")
        new.write_text(cursor)
        new.replace(place)
    if once and (pause or not (body or trouble)):
        sys.exit(1 if pause else 0)
    time.sleep(pause)
