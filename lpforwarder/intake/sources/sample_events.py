"""Pretend audit events of every category: what the sample source sends. Pure: seed and index decide it all.

Names are those of RFC 2606, addresses those of RFC 5737 and RFC 3849: nobody's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias, TypeVar

from lpforwarder import rfc3339
from lpforwarder.event import JSON, Event
from lpforwarder.event_ids import EVENT_TYPES, severity

Fields: TypeAlias = dict[str, JSON]
_T = TypeVar("_T")

AUTHENTICATION, ITEMS, ADMINISTRATION, POLICY = 620, 220, 110, 50
"""How many of a thousand events belong to which group; real accounts look like this."""
IPV6 = 80
"""How many of a thousand come from an IPv6 address."""
DIFFICULT = 60
"""How many of a thousand carry text that a careless formatter breaks on."""


def sample_event(seed: int, index: int, milliseconds: int, source: str) -> Event:
    """Event number `index` of the series `seed`, at that time; its id does not depend on time or source."""
    draw = Draw(seed, index)
    kind, build, text = _KINDS[draw.per_mille(0)]
    fields: Fields = {
        "id": draw.uuid(),
        "timestamp": f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z",
        "eventId": kind.event_id,
        "eventType": kind.event_type,
        "sourceIp": _address(draw),
    }
    values = build(draw)
    message = text.format_map(values)
    del values["thing"]
    fields.update(values)
    fields["message"] = message
    fields["source"] = source
    fields["severity"] = severity(kind.event_id, values["result"])
    return Event.of(fields)


class Draw:
    """Forty-eight random octets of one event; whoever asks names the ones it uses."""

    __slots__ = ("_octets",)

    def __init__(self, seed: int, index: int) -> None:
        # A generator that is seeded anew for each event would cost ten times as much.
        self._octets = hashlib.blake2b(b"%d:%d" % (seed, index), digest_size=48).digest()

    def uuid(self) -> str:
        """An id in the shape of a version 5 UUID, from octets nobody else uses."""
        text = self._octets[32:].hex()
        variant = "89ab"[self._octets[31] & 3]
        return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    def per_mille(self, at: int) -> int:
        """0 to 999, from the octets `at` and `at` + 1."""
        return (self._octets[at] << 8 | self._octets[at + 1]) % 1000

    def octet(self, at: int) -> int:
        """0 to 255."""
        return self._octets[at]

    def one_of(self, choices: Sequence[_T], at: int) -> _T:
        """One of at most 256 choices."""
        return choices[self._octets[at] * len(choices) >> 8]


Build: TypeAlias = Callable[[Draw], Fields]
"""The fields between `sourceIp` and `message`; under `thing` the name that only the message mentions."""

_FIRST = (
    "ana",
    "bo",
    "chen",
    "dora",
    "emeka",
    "farah",
    "goran",
    "hana",
    "ivo",
    "jun",
    "kaya",
    "lena",
    "marek",
)
_LAST = ("lind", "okafor", "silva", "novak", "haddad", "kim", "weber", "rossi")
_DOMAINS = ("example.com", "example.org", "example.net")
_USERS = tuple(f"{first}.{last}@{_DOMAINS[len(first + last) % 3]}" for first in _FIRST for last in _LAST)
_ADMINS = tuple(f"{first}.admin@example.com" for first in _FIRST[:4])
_BLOCKS = ("192.0.2", "198.51.100", "203.0.113")
_DEVICES = ("Firefox on Linux", "Chrome on Windows", "Safari on macOS", "an Android phone", "an iPhone")
_ITEMS = (
    "Company Amazon account",
    "Payroll portal",
    "Router of the branch office",
    "Travel booking",
    "Domain registrar",
    "Staging database",
    "Build server",
    "Press photos",
)
_FOLDERS = ("Shared-Company Web Accounts", "Shared-Finance", "Shared-Operations", "Shared-Marketing")
_ATTRIBUTES = ("username", "password", "url", "notes", "name", "totp")
_ACTIONS = ("changed", "cleared", "added")
_GROUPS = ("Finance", "Operations", "Contractors", "Everyone in Berlin")
_ROLES = ("Super Admin", "Helpdesk Admin", "Admin", "Auditor")
_POLICIES = (
    "Require multifactor authentication",
    "Minimum master password length",
    "Prohibit export",
    "Restrict sign-in to countries",
)
_FACTORS = ("totp", "push", "webauthn", "sms")
_SIGN_INS = (
    *(("local", True, factor) for factor in _FACTORS * 2),
    *(("local", False, "none"),) * 4,
    *(("saml", "unknown", "unknown"), ("oidc", "unknown", "unknown")) * 2,
)
_DIFFICULT = (
    'The "real" admin account',
    "C:\\Keys\\old\\",
    "budget=2024|draft",
    "tab\there",
    "two\nlines",
    "key=value \\= |pipe| \\",
    "Zugänge für München",
    "Ключи отдела",
    "経理の共有",
    "חשבון ראשי",
    "Launch 🚀 keys 🔑",
    "line\r\nCEF:0|Not|Real|1|1|forged|10|act=x",
)


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    """The time without its milliseconds; many events share it."""
    return rfc3339.render(seconds * 1000)[:-5]


def _address(draw: Draw) -> str:
    if draw.per_mille(3) < IPV6:
        return f"2001:db8:{draw.octet(5):x}::{draw.octet(6) + 1:x}"
    return f"{draw.one_of(_BLOCKS, 5)}.{draw.octet(6) or 1}"


def _name(draw: Draw, usual: Sequence[str]) -> str:
    return draw.one_of(_DIFFICULT, 9) if draw.per_mille(7) < DIFFICULT else draw.one_of(usual, 9)


def _sign_in(draw: Draw) -> Fields:
    method, mfa, mfa_type = draw.one_of(_SIGN_INS, 11)
    return {
        "targetUser": draw.one_of(_USERS, 10),
        "result": "success",
        "method": method,
        "mfa": mfa,
        "mfaType": mfa_type,
        "thing": _name(draw, _DEVICES),
    }


def _failed_sign_in(draw: Draw) -> Fields:
    return {**_sign_in(draw), "result": "failure"}


def _admin_sign_in(draw: Draw) -> Fields:
    return {**_sign_in(draw), "targetUser": draw.one_of(_ADMINS, 10)}


def _item_change(draw: Draw) -> Fields:
    return {
        **_item(draw),
        "attribute": draw.one_of(_ATTRIBUTES, 13),
        "action": draw.one_of(_ACTIONS, 14),
    }


def _item(draw: Draw) -> Fields:
    return {
        "sourceUser": draw.one_of(_USERS, 10),
        "result": "success",
        "itemName": _name(draw, _ITEMS),
        "folderName": draw.one_of(_FOLDERS, 12),
        "thing": "",
    }


def _folder(draw: Draw) -> Fields:
    return {
        "sourceUser": draw.one_of(_USERS, 10),
        "result": "success",
        "folderName": _name(draw, _FOLDERS),
        "thing": "",
    }


def _folder_user(draw: Draw) -> Fields:
    folder = _folder(draw)
    return {"sourceUser": folder.pop("sourceUser"), "targetUser": draw.one_of(_USERS, 15), **folder}


def _export(draw: Draw) -> Fields:
    return {"sourceUser": draw.one_of(_USERS, 10), "result": "success", "thing": _name(draw, _DEVICES)}


def _account(draw: Draw) -> Fields:
    return {"sourceUser": draw.one_of(_USERS, 10), "result": "success", "thing": _name(draw, _DEVICES)}


def _multifactor(draw: Draw) -> Fields:
    return {
        "targetUser": draw.one_of(_USERS, 10),
        "result": "success",
        "mfaType": draw.one_of(_FACTORS, 11),
        "thing": _name(draw, _DEVICES),
    }


def _administration(usual: Sequence[str]) -> Build:
    """An administrator does something to a user; the message names one of `usual`."""

    def build(draw: Draw) -> Fields:
        return {
            "sourceUser": draw.one_of(_ADMINS, 10),
            "targetUser": draw.one_of(_USERS, 15),
            "result": "success",
            "thing": _name(draw, usual),
        }

    return build


def _setting(usual: Sequence[str]) -> Build:
    """An administrator changes something that is no user."""

    def build(draw: Draw) -> Fields:
        return {"sourceUser": draw.one_of(_ADMINS, 10), "result": "success", "thing": _name(draw, usual)}

    return build


_user = _administration(_GROUPS)
_group = _setting(_GROUPS)
_role = _administration(_ROLES)
_policy = _setting(_POLICIES)
_IN_FOLDER = '"{itemName}" in folder "{folderName}".'

_TABLE: tuple[tuple[int, str, Build, str], ...] = (
    (490, "authentication", _sign_in, "{targetUser} successfully logged in from {thing}."),
    (70, "authentication", _failed_sign_in, "{targetUser} failed to log in from {thing}."),
    (20, "adminlogin", _admin_sign_in, "{targetUser} logged in to the admin console from {thing}."),
    (30, "loginverification", _sign_in, "{targetUser} was asked to verify a login from {thing}."),
    (10, "accountlock", _failed_sign_in, "{targetUser} was locked out after failed logins from {thing}."),
    (80, "itemchange", _item_change, "{sourceUser} {action} the {attribute} attribute on " + _IN_FOLDER),
    (35, "itemcreate", _item, "{sourceUser} added " + _IN_FOLDER),
    (10, "itemdelete", _item, "{sourceUser} deleted " + _IN_FOLDER),
    (40, "itemaccess", _item, "{sourceUser} used " + _IN_FOLDER),
    (8, "itemshare", _item, "{sourceUser} shared " + _IN_FOLDER),
    (5, "notecreate", _item, "{sourceUser} added the secure note " + _IN_FOLDER),
    (5, "notechange", _item, "{sourceUser} changed the secure note " + _IN_FOLDER),
    (7, "noteaccess", _item, "{sourceUser} opened the secure note " + _IN_FOLDER),
    (2, "notedelete", _item, "{sourceUser} deleted the secure note " + _IN_FOLDER),
    (4, "foldercreate", _folder, '{sourceUser} created the folder "{folderName}".'),
    (1, "folderrename", _folder, '{sourceUser} renamed a folder to "{folderName}".'),
    (1, "folderdelete", _folder, '{sourceUser} deleted the folder "{folderName}".'),
    (6, "foldergrant", _folder_user, '{sourceUser} added {targetUser} to the folder "{folderName}".'),
    (3, "folderrevoke", _folder_user, '{sourceUser} removed {targetUser} from the folder "{folderName}".'),
    (3, "folderpermission", _folder_user, '{sourceUser} let {targetUser} edit the folder "{folderName}".'),
    (4, "foldermovein", _item, "{sourceUser} moved " + _IN_FOLDER),
    (2, "foldermoveout", _item, "{sourceUser} took away " + _IN_FOLDER),
    (3, "dataexport", _export, "{sourceUser} exported the vault to {thing}."),
    (1, "dataimport", _export, "{sourceUser} imported data from {thing}."),
    (14, "usercreate", _user, '{sourceUser} created {targetUser} in the group "{thing}".'),
    (12, "usermodify", _user, '{sourceUser} modified {targetUser} of the group "{thing}".'),
    (6, "userdelete", _user, '{sourceUser} deleted {targetUser} of the group "{thing}".'),
    (4, "userenable", _user, '{sourceUser} enabled {targetUser} of the group "{thing}".'),
    (6, "userdisable", _user, '{sourceUser} disabled {targetUser} of the group "{thing}".'),
    (8, "userinvite", _user, '{sourceUser} invited {targetUser} to the group "{thing}".'),
    (4, "passwordreset", _user, '{sourceUser} reset the master password of {targetUser} in "{thing}".'),
    (3, "rolegrant", _role, '{sourceUser} granted the role "{thing}" to {targetUser}.'),
    (2, "rolerevoke", _role, '{sourceUser} revoked the role "{thing}" of {targetUser}.'),
    (3, "rolechange", _role, '{sourceUser} changed the role "{thing}" of {targetUser}.'),
    (4, "roleassign", _role, '{sourceUser} assigned the role "{thing}" to {targetUser}.'),
    (3, "groupcreate", _group, '{sourceUser} created the group "{thing}".'),
    (3, "groupchange", _group, '{sourceUser} changed the group "{thing}".'),
    (10, "groupadd", _user, '{sourceUser} added {targetUser} to the group "{thing}".'),
    (4, "groupremove", _user, '{sourceUser} removed {targetUser} from the group "{thing}".'),
    (3, "configchange", _group, '{sourceUser} changed the configuration of "{thing}".'),
    (3, "directorysync", _group, '{sourceUser} synchronised the directory group "{thing}".'),
    (7, "mfaenable", _multifactor, "{targetUser} enabled {mfaType} on {thing}."),
    (3, "mfadisable", _multifactor, "{targetUser} disabled {mfaType} on {thing}."),
    (4, "masterpasswordchange", _account, "{sourceUser} changed the master password on {thing}."),
    (2, "accountcreate", _account, "{sourceUser} created a LastPass account on {thing}."),
    (2, "accountchange", _account, "{sourceUser} changed the account settings on {thing}."),
    (10, "policycreate", _policy, '{sourceUser} added the policy "{thing}".'),
    (22, "policychange", _policy, '{sourceUser} changed the policy "{thing}".'),
    (4, "policydelete", _policy, '{sourceUser} deleted the policy "{thing}".'),
    (14, "policyassign", _policy, '{sourceUser} changed the users of the policy "{thing}".'),
)
"""How many of a thousand, event type, fields, message."""

_KINDS = tuple(
    (EVENT_TYPES[event_type], build, text) for share, event_type, build, text in _TABLE for _ in range(share)
)
