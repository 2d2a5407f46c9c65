"""The forms of `Data`: one small function each, by the name the catalogue uses.

Names of people, folders and items are made up; hosts and addresses are the documentation ones. A share of
the names that users choose is hostile, because nothing in the real service stops them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

HOSTILE = (
    "a|b=c\\d]e\"f'g",
    "CEF:0|Evil|Corp|1|1|x|10|act=none",
    "line\nbreak\r\nand\ttab",
    "<13>1 2026-01-01T00:00:00Z host app - - - forged",
    '] [fake@32473 x="y"',
    "a' 'b",
    "' to '",
    "x New value: y",
    "one,two,,three",
    "trailing \\",
    "  two  spaces  ",
    "nul\x00bell\x07escape\x1b[31mred\x7f",
    "next\x85line\u2028and\u2029paragraph",
    "\u202egnp.exe",
    "zero\u200bwidth\ufeffmark",
    "e\u0301 ünïcödé 日本語 🔐👩🏽‍💻",
    "&lt;b&gt; <script>alert(1)</script> &amp;",
    "{'Event1': {}} ${jndi:ldap://host.example.org/a} %s%n {0}",
    "\U0010ffff\ufffe",
    "Initiated by API: not really",
    " from INVALID SHARED FOLDER",
    "VID: 9223372036854775808 from VID: 1",
    "long " + "word " * 400 + "end",
)
ODD_ADDRESSES = ("", "999.1.300.2", "203.0.113.7:443", "2001:DB8::A", "fe80::1%eth0", "unknown")

_FIRST = ("ana", "ben", "chloe", "dmitri", "elif", "femi", "grace", "hugo", "ines", "jun", "kofi", "lena")
_LAST = ("ruiz", "okafor", "smith", "novak", "yilmaz", "tanaka", "larsen", "costa", "weber", "moreau")
_SITES = ("mail", "shop", "bank", "wiki", "git", "crm", "payroll", "travel", "print", "vpn", "forum", "cloud")
_ITEMS = ("Payroll", "Front desk printer", "Bank (main)", "Wiki", "Build server", "Travel portal")
_FOLDERS = ("Shared-Finance", "Shared-IT Admins", "Shared-Marketing", "Shared-Human Resources", "Shared-Ops")
_GROUPS = ("Engineering", "Finance - EMEA", "All staff", "Help desk", "Contractors")
_POLICIES = (
    "Require use of multifactor",
    "Length of master password",
    "Restrict IP addresses",
    "Prohibit export",
    "Account logout on browser close",
)
_VALUES = ("1", "12", "203.0.113.0/24=office", "yes", "a=1 b=2; c=3")
_CLIENTS = ("Website", "Chrome v4.134.0", "Firefox v4.130.1", "iOS", "Android", "Desktop app")
_LABELS = ("reports/nightly", "siem", "export script")

PEOPLE = tuple(
    f"{first}.{last}@{host}" for host in ("example.org", "example.com") for first in _FIRST for last in _LAST
)
ADMINS = PEOPLE[::29]
ADDRESSES = (
    *(f"192.0.2.{last}" for last in range(1, 40)),
    *(f"198.51.100.{last}" for last in range(1, 40)),
    *(f"203.0.113.{last}" for last in range(1, 40)),
    *(f"2001:db8::{last:x}:1" for last in range(1, 20)),
)
DOMAINS = tuple(f"{site}.{host}" for host in ("example.org", "example.com", "example.net") for site in _SITES)

T = TypeVar("T")


class Draw:
    """Seeded choices of names; `hostile_share` of those that users choose freely are hostile."""

    def __init__(self, rng: Random, hostile_share: float) -> None:
        self._rng = rng
        self._share = hostile_share

    def one(self, choices: Sequence[T]) -> T:
        return choices[int(self._rng.random() * len(choices))]

    def chosen(self, choices: Sequence[str], odd: Sequence[str] = HOSTILE) -> str:
        """A name somebody typed: one of `choices`, or now and then one of `odd`."""
        return self.one(odd if self._rng.random() < self._share else choices)

    def several(self, choices: Sequence[str]) -> str:
        """Two to five of them, comma-separated without spaces, as the service lists many targets."""
        return ",".join(self.one(choices) for _ in range(self._rng.randrange(2, 6)))

    def vid(self) -> str:
        """`VID: ` and up to 19 digits, more than 53 bits hold."""
        return f"VID: {self._rng.randrange(1, 10 ** self._rng.randrange(4, 20))}"

    def yes_or_no(self) -> str:
        return self.one(("yes", "no"))

    def domain(self) -> str:
        return self.one(DOMAINS)

    def person(self) -> str:
        return self.one(PEOPLE)

    def folder(self) -> str:
        return self.chosen(_FOLDERS)

    def group(self) -> str:
        return self.chosen(_GROUPS)

    def item(self) -> str:
        return self.chosen(_ITEMS)

    def policy(self) -> str:
        return self.chosen(_POLICIES)

    def value(self) -> str:
        return self.chosen(_VALUES)

    def label(self) -> str:
        return self.chosen(_LABELS)

    def username(self, doer: str) -> str:
        """The actor: a mail address, for the API one of its three forms, rarely something odd."""
        if doer == "api":
            return self.one(("", "API", f"API: {self.label()}"))
        return self.chosen(ADMINS if doer == "admin" else PEOPLE, ("jsmith", "eve|x=y@example.org", *HOSTILE))

    def address(self) -> str:
        return self.chosen(ADDRESSES, ODD_ADDRESSES)


def _rights(draw: Draw) -> str:
    values = f"Read only:{draw.yes_or_no()} Admin:{draw.yes_or_no()} Hide PW:{draw.yes_or_no()}"
    return f"'{draw.folder()}' '{draw.person()}' '{values}'"


Form = Callable[[Draw], str]

_PLAIN: dict[str, Form] = {
    "nothing": lambda _draw: "",
    "client": lambda draw: f"LastPass via {draw.one(_CLIENTS)}",
    "portal": lambda _draw: "lastpass.com",
    "issuer": lambda draw: draw.one(("authorizationserver.oidc", "https://sso.example.org/saml")),
    "user": lambda draw: draw.person(),
    "name": lambda draw: draw.person().partition("@")[0],
    "users": lambda draw: draw.several(PEOPLE),
    "policy": lambda draw: draw.policy(),
    "policy_value": lambda draw: f"{draw.policy()} New value: {draw.value()}",
    "group": lambda draw: f"'{draw.group()}'",
    "group_to_group": lambda draw: f"'{draw.group()}' to '{draw.group()}'",
    "group_user": lambda draw: f"'{draw.group()}' '{draw.person()}'",
    "user_dash_group": lambda draw: f"{draw.person()} - {draw.group()}",
    "shared_account": lambda draw: f"{draw.person()}-Shared-{draw.chosen(('Finance', 'IT Admins', 'Ops'))}",
    "api": lambda _draw: "Initiated by API",
    "api_label": lambda draw: f"Initiated by API: {draw.label()}",
    "api_old": lambda _draw: "(initiated by API)",
}
_ITEM: dict[str, Form] = {
    "domain": lambda draw: draw.domain(),
    "domains": lambda draw: draw.several(DOMAINS),
    "domain_path": lambda draw: f"{draw.domain()}/{draw.one(('login', 'a/b', 'sso?next=%2F'))}",
    "host_path": lambda draw: f"192.0.2.{draw.one(range(1, 255))}:8443/{draw.one(('admin', 'ui'))}",
    "domain_item": lambda draw: f"{draw.domain()} ({draw.item()})",
    "domain_user_item": lambda draw: f"{draw.domain()} ({draw.person()}) ({draw.item()})",
    "vid": lambda draw: draw.vid(),
    "note": lambda _draw: "Secure Note",
    "note_name": lambda draw: f"Secure Note ({draw.item()})",
    "note_vid": lambda draw: f"Secure Note ({draw.vid()})",
}
_FOLDER: dict[str, Form] = {
    "folder": lambda draw: draw.folder(),
    "folder_folder": lambda draw: f"'{draw.folder()}' '{draw.folder()}'",
    "folder_user": lambda draw: f"'{draw.folder()}' '{draw.person()}'",
    "folder_rights": _rights,
    "folder_bare_user": lambda draw: f"{draw.folder()} {draw.person()}",
    "nothing_from": lambda draw: f" from {draw.folder()}",
    "nothing_to": lambda draw: f" to {draw.folder()}",
    "invalid_from": lambda _draw: " from INVALID SHARED FOLDER",
}


def _with_folder(form: Form, word: str) -> Form:
    return lambda draw: f"{form(draw)} {word} {draw.folder()}"


FORMS: dict[str, Form] = {
    **_PLAIN,
    **_ITEM,
    **_FOLDER,
    **{f"{name}_from": _with_folder(form, "from") for name, form in _ITEM.items()},
    **{f"{name}_to": _with_folder(form, "to") for name, form in _ITEM.items()},
}
