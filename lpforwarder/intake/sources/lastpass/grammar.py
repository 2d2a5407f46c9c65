"""The forms of `Data`: free text whose grammar depends on the action, taken apart into canonical fields.

Inner quotes and brackets are not escaped by the vendor, and folder, group and item names are chosen by
users, so a text can be read in two ways. The rule is: a text that fits its grammar in exactly one way gives
its fields; everything else gives none, and only `vendorData` carries it. Nothing is guessed, nothing raises.

What decides between readings is that user names hold no white space. Vault items are read in items.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from lpforwarder.intake.sources.lastpass import items
from lpforwarder.intake.sources.lastpass.items import Parts, is_word


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """One form of `Data`: how it looks, what comes out, and the pure function that reads it."""

    forms: tuple[str, ...]
    fields: tuple[str, ...]
    examples: tuple[str, ...]
    read: Callable[[str], Parts]


def read(name: str, data: str) -> Parts:
    """The fields that `data` holds in the grammar of this name; none when it does not fit."""
    return GRAMMARS[name].read(data)


def _nothing(_: str) -> Parts:
    return {}


# People


def _users(data: str) -> Parts:
    if "," not in data:
        name = data.strip()
        return {"targetUser": name} if is_word(name) else {}
    names = [name.strip() for name in data.split(",")]
    return {"targetUsers": names} if all(map(is_word, names)) else {}


def _addresses(data: str) -> Parts:
    """Like users, for actions whose Data is not documented: only mail addresses are believed."""
    return _users(data) if "@" in data and all("@" in name for name in data.split(",")) else {}


def _administrator(data: str) -> Parts:
    return {"adminUser": data} if is_word(data) else {}


def _account(data: str) -> Parts:
    """The technical account behind a shared folder, with the mail address of the one who made it."""
    first_word = data.split(None, 1)[0] if data.strip() else ""
    if data[:1].isspace() or first_word.count(_SHARED) != 1:
        return {}
    user, _, folder = data.partition(_SHARED)
    return {"targetUser": user, "folderName": folder} if user and folder.strip() else {}


# Callers


def _client(data: str) -> Parts:
    match = _CLIENT.fullmatch(data)
    return {"client": match[1]} if match else {}


def _application(data: str) -> Parts:
    return {"samlApplication": data} if data.strip() else {}


def _api(data: str) -> Parts:
    match = _API.fullmatch(data)
    return {"apiUser": (match[1] or "").strip() or "unknown"} if match else {}


# Policies and groups


def _policy(data: str) -> Parts:
    name, *values = (data + " " if data.endswith(_NEW_VALUE[:-1]) else data).split(_NEW_VALUE)
    if not name.strip() or len(values) > 1:
        return {}
    value = "".join(values)
    return {"policyName": name, "policyValue": value} if value else {"policyName": name}


def _group(data: str) -> Parts:
    name = _unquoted(data)
    return {"groupName": name} if name else {}


def _group_rename(data: str) -> Parts:
    names = _unquoted(data).split("' to '")
    if len(names) != 2 or not all(names):
        return {}
    return {"groupName": names[1], "groupNameBefore": names[0]}


def _group_user(data: str) -> Parts:
    group, _, user = _unquoted(data).rpartition("' '")
    return {"targetUser": user, "groupName": group} if group and is_word(user) else {}


def _user_group(data: str) -> Parts:
    user, _, group = data.partition(" - ")
    return {"targetUser": user, "groupName": group} if group and is_word(user) else {}


# Shared folders


def _folder(data: str) -> Parts:
    return {"folderName": data} if data.strip() else {}


def _folder_rename(data: str) -> Parts:
    names = _unquoted(data).split("' '")
    if len(names) != 2 or not all(names):
        return {}
    return {"folderName": names[1], "folderNameBefore": names[0]}


def _folder_user(data: str) -> Parts:
    folder, _, user = _unquoted(data).rpartition("' '")
    return {"targetUser": user, "folderName": folder} if folder and is_word(user) else {}


def _permissions(data: str) -> Parts:
    match = _PERMISSIONS.search(data, max(len(data) - _LONGEST_PERMISSIONS, 0))
    parts = _folder_user(data[: match.start()]) if match else {}
    if match is None or not parts:
        return {}
    names = ("readOnly", "admin", "hidePasswords")
    return parts | {name: said.lower() == "yes" for name, said in zip(names, match.groups(), strict=True)}


def _limit(data: str) -> Parts:
    folder, _, user = data.rpartition(" ")
    return {"targetUser": user, "folderName": folder} if folder.strip() and user else {}


def _unquoted(text: str) -> str:
    """What stands between the quotes around the whole text; "" when there are none."""
    return text[1:-1] if len(text) > 2 and text[0] == text[-1] == "'" else ""


_SHARED = "-Shared-"
_NEW_VALUE = " New value: "
_CLIENT = re.compile(r"\s*LastPass via (\S.*)", re.IGNORECASE | re.DOTALL)
_API = re.compile(r"\(?initiated by API\)?(?::(.*))?", re.IGNORECASE | re.DOTALL)
_LONGEST_PERMISSIONS = 60  # characters; what is said stands at the end, and names may be long
_PERMISSIONS = re.compile(
    # One public sample lacks the closing quote.
    r" 'Read only:(yes|no) Admin:(yes|no) Hide PW:(yes|no)'?\Z",
    re.IGNORECASE,
)

_SITE_FORMS = (
    "<site>",
    "<site> (<item>)",
    "<site> (<item's user name>) (<item>)",
    "VID: <digits>",
    "… from <folder>",
)
_PEOPLE = ("targetUser", "targetUsers")
_ITEM = ("itemName", "itemSite", "itemId", "folderName")

GRAMMARS: dict[str, Grammar] = {
    "none": Grammar(forms=(), fields=(), examples=("",), read=_nothing),
    "client": Grammar(
        forms=("LastPass via <client>",),
        fields=("client",),
        examples=("LastPass via Chrome v4.134.0",),
        read=_client,
    ),
    "application": Grammar(
        forms=("<application or issuer>",),
        fields=("samlApplication",),
        examples=("idp.example.org",),
        read=_application,
    ),
    "administrator": Grammar(
        forms=("<user>",), fields=("adminUser",), examples=("root@example.org",), read=_administrator
    ),
    "users": Grammar(
        forms=("<user>", "<user>,<user>,…"),
        fields=_PEOPLE,
        examples=("bo@example.org", "bo@example.org,cy@example.org"),
        read=_users,
    ),
    "addresses": Grammar(
        forms=("<mail address>", "<mail address>,…"),
        fields=_PEOPLE,
        examples=("bo@example.org", "bo@example.org,cy@example.org"),
        read=_addresses,
    ),
    "account": Grammar(
        forms=("<user>-Shared-<folder>",),
        fields=("targetUser", "folderName"),
        examples=("bo@example.org-Shared-Team",),
        read=_account,
    ),
    "api": Grammar(
        forms=("Initiated by API", "Initiated by API: <label>", "(initiated by API)"),
        fields=("apiUser",),
        examples=("Initiated by API: inventory", "Initiated by API", "(initiated by API)"),
        read=_api,
    ),
    "policy": Grammar(
        forms=("<policy>", "<policy> New value: <value>"),
        fields=("policyName", "policyValue"),
        examples=("Length of site passwords New value: 12", "Length of site passwords"),
        read=_policy,
    ),
    "group": Grammar(forms=("'<group>'",), fields=("groupName",), examples=("'Sales'",), read=_group),
    "group_rename": Grammar(
        forms=("'<old>' to '<new>'",),
        fields=("groupName", "groupNameBefore"),
        examples=("'Sales' to 'Sales EU'",),
        read=_group_rename,
    ),
    "group_user": Grammar(
        forms=("'<group>' '<user>'",),
        fields=("targetUser", "groupName"),
        examples=("'Sales' 'bo@example.org'",),
        read=_group_user,
    ),
    "user_group": Grammar(
        forms=("<user> - <group>",),
        fields=("targetUser", "groupName"),
        examples=("bo@example.org - Sales",),
        read=_user_group,
    ),
    "folder": Grammar(forms=("<folder>",), fields=("folderName",), examples=("Team",), read=_folder),
    "folder_rename": Grammar(
        forms=("'<old>' '<new>'",),
        fields=("folderName", "folderNameBefore"),
        examples=("'Team' 'Team EU'",),
        read=_folder_rename,
    ),
    "folder_user": Grammar(
        forms=("'<folder>' '<user>'",),
        fields=("targetUser", "folderName"),
        examples=("'Team' 'bo@example.org'",),
        read=_folder_user,
    ),
    "permissions": Grammar(
        forms=("'<folder>' '<user>' 'Read only:<yes|no> Admin:<yes|no> Hide PW:<yes|no>'",),
        fields=("targetUser", "folderName", "readOnly", "admin", "hidePasswords"),
        examples=("'Team' 'bo@example.org' 'Read only:no Admin:yes Hide PW:no'",),
        read=_permissions,
    ),
    "limit": Grammar(
        forms=("<folder> <user>",),
        fields=("targetUser", "folderName"),
        examples=("Team Europe bo@example.org",),
        read=_limit,
    ),
    "item": Grammar(
        forms=_SITE_FORMS,
        fields=_ITEM,
        examples=("shop.example.org (bo) (Shop) from Team", "shop.example.org", "VID: 4901555952779484761"),
        read=items.read_one,
    ),
    "items": Grammar(
        forms=("<site>,<site>,…", *_SITE_FORMS),
        fields=("itemNames", *_ITEM),
        examples=("a.example.org,b.example.org", "shop.example.org from Team", "VID: 4901555952779484761"),
        read=items.read_several,
    ),
    "item_to": Grammar(
        forms=("<site> to <folder>", " to <folder>", "VID: <digits> to <folder>", "VID: <digits>"),
        fields=_ITEM,
        examples=("shop.example.org to Team", " to Team", "VID: 4901555952779484761 to Team"),
        read=items.read_moved_to,
    ),
    "item_from": Grammar(
        forms=("<site> from <folder>", " from <folder>", f" from {items.NO_FOLDER}"),
        fields=_ITEM,
        examples=("shop.example.org from Team", " from Team", f" from {items.NO_FOLDER}"),
        read=items.read_one,
    ),
    "note": Grammar(
        forms=("Secure Note", "Secure Note (<note>)", "Secure Note (VID: <digits>)", "… from <folder>"),
        fields=("itemName", "itemId", "folderName"),
        examples=("Secure Note (Wi-Fi) from Team", "Secure Note (VID: 4901555952779484761)", "Secure Note"),
        read=items.read_note,
    ),
}
"""Every grammar by its name in the catalogue. The examples are made up in the attested forms."""
