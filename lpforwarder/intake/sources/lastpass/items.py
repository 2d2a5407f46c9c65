"""The forms of `Data` that name vault items: sites, item numbers and secure notes, with their folder.

Names stand in brackets that are not escaped, so a text fits only when its brackets balance; sites hold no
white space. What the vendor says of an item is, from most to least: its name, its site, its number.
The item's own user name, which some accounts log, is content and becomes no field.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

Parts: TypeAlias = dict[str, Any]
"""Canonical field names and their values."""

NO_FOLDER = "INVALID SHARED FOLDER"
"""What the vendor writes in place of a folder it no longer knows."""

_MOST_BRACKETS = 2  # user name and item name; a third group means that the text is something else
_BRACKET = re.compile(r"[()]")
_NUMBER = re.compile(r"VID: ?([0-9]+)", re.IGNORECASE)
_NOTE = re.compile(r"Secure Note(?!\S)", re.IGNORECASE)
_NAME = r"(?: \(((?!\))[^()]*+(?:\([^()]*+\)[^()]*+)*+)\))?+"
_USUAL = {
    word: re.compile(rf"([^\s()]++){_NAME}{_NAME}(?:{word}([^()]++))?+").fullmatch
    for word in (" from ", " to ")
}
"""A site, its names and its folder; in names a bracket or two, but none within these."""


def is_word(text: str) -> bool:
    """Whether the text is not empty and holds no white space."""
    return text.split() == [text]


def read_one(data: str) -> Parts:
    """One item, perhaps with the shared folder it is in or left: `<item> from <folder>`."""
    return _item_and_folder(data, " from ")


def read_moved_to(data: str) -> Parts:
    """One item and the shared folder it was moved to: `<item> to <folder>`."""
    return _item_and_folder(data, " to ")


def read_note(data: str) -> Parts:
    """The note of `Secure Note (<name>)` in its forms, with its folder."""
    return read_one(data) if _NOTE.match(data) else {}


def read_several(data: str) -> Parts:
    """One item as in the other grammars, or several sites or item numbers with commas between them."""
    parts = (_names(data) if "," in data else {}) or read_one(data)
    site = parts.get("itemSite", "")
    if "," not in site:
        return parts
    # A comma inside a single site may part two sites or belong to a path: only the first can be told.
    names = _names(site)
    folder = {"folderName": parts["folderName"]} if "folderName" in parts else {}
    return names | folder if names and parts["itemName"] == site else {}


def _names(data: str) -> Parts:
    names = [name.strip() for name in data.split(",")]
    several = len(names) > 1 and all(_NUMBER.fullmatch(name) or _is_site(name) for name in names)
    return {"itemNames": names} if several else {}


def _is_site(text: str) -> bool:
    """Whether the text looks like a host, with or without a path; a bare word does not."""
    host = text.partition("/")[0]
    return is_word(text) and ("." in host or ":" in host)


def _item_and_folder(data: str, word: str) -> Parts:
    """`<item>`, `<item><word><folder>` or `<word><folder>` with an item that is not named."""
    return _usual(data, word) or _carefully(data, word)


def _usual(data: str, word: str) -> Parts:
    """What most texts are, read in a third of the time; nothing when it must be looked at carefully."""
    match = _USUAL[word](data)
    if match is None:
        return {}
    site, first, second, folder = match.groups()
    name = second or first or site
    is_number = (data[0] in "vV" and _NUMBER.match(data)) or (name[0] in "vV" and _NUMBER.match(name))
    if is_number or (folder is not None and not folder.strip()):
        return {}
    if folder is None or folder == NO_FOLDER:
        return {"itemName": name, "itemSite": site}
    return {"itemName": name, "itemSite": site, "folderName": folder}


def _carefully(data: str, word: str) -> Parts:
    item, rest, has_brackets = _head(data)
    if not rest or rest.isspace():
        return item
    folder = rest.removeprefix(word)
    if folder == rest or not folder.strip() or (has_brackets and not _is_balanced(folder)):
        return {}
    return item if folder == NO_FOLDER else item | {"folderName": folder}


def _head(data: str) -> tuple[Parts, str, bool]:
    """The item that `data` begins with, what follows it, and whether brackets were read.

    When the brackets do not fit they are left in what follows, where no grammar takes them.
    """
    first = data[:1]
    # Both begin with a letter that most sites do not have: a third of the time of asking the patterns.
    if first in "vV" and (number := _NUMBER.match(data)):
        return _numbered(number[1]), data[number.end() :], False
    if first in "sSſ" and (note := _NOTE.match(data)):
        groups, rest = _brackets(data[note.end() :])
        if len(groups) == 1:
            return _named(groups[0]), rest, True
        return {}, data[note.end() :], False
    site, blank, after = data.partition(" ")
    if not is_word(site):
        return {}, data, False
    groups, rest = _brackets(blank + after) if after.startswith("(") else ([], "")
    if 1 <= len(groups) <= _MOST_BRACKETS:
        return _named(groups[-1]) | {"itemSite": site}, rest, True
    return {"itemName": site, "itemSite": site}, blank + after, False


def _numbered(digits: str) -> Parts:
    """Item numbers have up to 19 digits and do not fit a float: they stay text."""
    return {"itemName": f"VID: {digits}", "itemId": digits}


def _named(name: str) -> Parts:
    if name[:1] in "vV" and (number := _NUMBER.fullmatch(name)):
        return _numbered(number[1])
    return {"itemName": name}


def _brackets(text: str) -> tuple[list[str], str]:
    """The contents of the ` (…)` groups that `text` begins with, and what follows; none if they are open."""
    groups: list[str] = []
    while text.startswith(" (") and len(groups) <= _MOST_BRACKETS:
        end = _closing(text)
        if end < 3:  # never closed, or nothing inside
            return [], text
        groups.append(text[2:end])
        text = text[end + 1 :]
    return groups, text


def _closing(text: str) -> int:
    """Where the first bracket of `text` is closed, -1 if it is not."""
    first = text.find(")")
    if text.count("(", 0, first) == 1:
        return first  # nothing nested: a fifth of the time
    depth = 0
    for found in _BRACKET.finditer(text):
        depth += 1 if found[0] == "(" else -1
        if depth == 0:
            return found.start()
    return -1


def _is_balanced(text: str) -> bool:
    depth = 0
    for found in _BRACKET.finditer(text):
        depth += 1 if found[0] == "(" else -1
        if depth < 0:
            return False
    return depth == 0
