"""Text that a line-based receiver can be given: what becomes of controls, line breaks and half characters.

For CEF values, CEF header fields and RFC 5424 header fields. JSON needs none of this: it escapes.
"""

from __future__ import annotations

import re

UNLIMITED = 2**31
"""For values that the CEF dictionary sets no length for; longer than any text in memory."""

_LINE_FEED = "\n"
_BREAKS = "\n\r\x85\u2028\u2029"


def _replacement(character: str) -> str:
    """What stands for one control or line break: at most four characters."""
    if character in _BREAKS:
        return character if character in "\n\r" else _LINE_FEED
    # Three octal digits behind a number sign, as in RFC 5424 §6.3.3 and in rsyslog.
    return " " if character == "\t" else f"#{ord(character):03o}"


_CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
_REPLACEMENTS = {character: _replacement(character) for character in (*_CONTROLS, "\u2028", "\u2029")}
_GROWTH = 3
"""Characters that one replacement adds at most."""
_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BREAK = re.compile(f"\r\n|[{_BREAKS}]")
_OUTSIDE_PRINTUSASCII = re.compile(r"[^!-~]")


def value(text: str, most: int = UNLIMITED) -> str:
    """`text` without controls and surrounding spaces, at most `most` characters; line breaks are LF or CR.

    NEL, U+2028 and U+2029 become LF, a tab a space, other controls `#` and three octal digits, a lone
    surrogate U+FFFD. Everything else stays, unnormalised.
    """
    if text.isprintable():
        return text.strip(" ")[:most].rstrip(" ")
    kept = text.strip(" \t")[:most]
    clean = _clean(kept)
    while len(clean) > most:
        # Cut the source, not the result: half of `#033` would say nothing.
        kept = kept[: -max(1, (len(clean) - most) // (1 + _GROWTH))]
        clean = _clean(kept)
    return clean.strip(" ")


def one_line(text: str, most: int = UNLIMITED) -> str:
    """Like value(), with each line break (CR LF counts as one) as a space."""
    return value(_BREAK.sub(" ", text), most)


def token(text: str, most: int) -> str:
    """An RFC 5424 header field: what is not printable ASCII becomes `_`; cut at `most`; empty is `-`."""
    return _OUTSIDE_PRINTUSASCII.sub("_", text[:most]) or "-"


def _clean(text: str) -> str:
    # What is unwanted and has no replacement of its own is a lone surrogate.
    return _UNWANTED.sub(lambda match: _REPLACEMENTS.get(match[0], "\ufffd"), text)
