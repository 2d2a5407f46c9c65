"""How the page looks: the sheet beside this file, and its hash for the Content-Security-Policy."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")

HASH = "sha256-" + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
"""What a policy has to allow so that a browser takes this style, and no other."""
