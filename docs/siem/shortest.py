"""The least client: shortest.py URL TOKEN_FILE CURSOR_FILE prints each event as a line of JSON."""

import json
import sys
import time
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

url, token, place = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
cursor = place.read_text() if place.exists() else ""
while True:
    ask = Request(f"{url}/v1/events?wait=50" + (f"&after={cursor}" if cursor else ""))
    ask.add_header("Authorization", "Bearer " + token.read_text().strip())
    try:
        with urlopen(ask, timeout=90) as answer:
            events, cursor = json.load(answer), answer.headers["Lpforwarder-Cursor"]
    except (OSError, HTTPException) as error:  # with 410 (away too long) comes the cursor to go on with
        events, cursor = [], getattr(error, "headers", {}).get("Lpforwarder-Cursor", cursor)
        time.sleep(10)
    sys.stdout.writelines(json.dumps(event) + "\n" for event in events)
    sys.stdout.flush()
    place.write_text(cursor)
