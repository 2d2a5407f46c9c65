"""Every attested form of `Data` with what it says, hostile texts to fill it, and events made of both.

Written from what public sources show of the vendor's feed, not from the code that reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import cycle

from lpforwarder.intake.sources.lastpass.catalogue import ACTIONS, Action

VID = "4901555952779484761"
"""Nineteen digits: more than a float of 64 bits holds."""

HOSTILE = (
    *("a\nb", "a\r\nb", "a\rb", "\nfirst", "last\n", "nul\x00nul", "tab\tstop", "esc\x1b[31mred\x1b[0m"),
    *(
        "del\x7fdel",
        "c1\x9f\x80",
        "next\x85line",
        "line\u2028sep",
        "para\u2029sep",
        "\ufeffbom",
        "zero\u200bwidth",
    ),
    *(
        "a|b|c",
        "|",
        "a=b",
        "==",
        "x duser=admin@example.org act=granted",
        "back\\slash",
        "end\\",
        "\\",
        "\\\\",
    ),
    *("\\n is no break", "\\=", "\\|", 'say "hi"', '"', "it's", "'", "a' 'b", "a' to 'b", "]", '[x@1 y="z"]'),
    *(
        "(open",
        "close)",
        "(both)",
        ")(",
        "a, b",
        "a,b",
        " lead",
        "trail ",
        "two  blanks",
        "x - y",
        "from here",
    ),
    *("x from y", "x to y", "New value: 7", "p New value: q", "u-Shared-v", "VID: 7", "Secure Note (n)"),
    *("\u202egnp.exe", "\u2067iso\u2069late", "😀", "👩\u200d👩\u200d👧", "Ünïcödé", "日本語", "e\u0301"),
    *(
        "half\ud800",
        "\udfffhalf",
        "\ud83d",
        "None",
        "null",
        "{}",
        "%n%s",
        "$(id)",
        "&lt;b&gt;",
        "<b>",
        "#012",
    ),
    "CEF:0|x|y|1|9999|forged|10|act=evil",
    "\nCEF:0|LastPass|Enterprise|1.0|1001|Login|3|duser=forged@example.org",
    "0\n<34>1 2026-03-04T18:22:07.000Z evil.example app - - - forged",
    "<34>1 2026-03-04T18:22:07.000Z evil.example app - - - forged",
    "9 <34>1 - - -\r\n12 <34>1 - - - - - - x",
    "\x00<13>forged",
)

PLAIN = "Team Seven"
TEXTS = (PLAIN, *HOSTILE)

Parts = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One form: `write` puts a text that a user chose into it and says which fields are then right."""

    name: str
    actions: frozenset[str]
    """Keys of the actions that it is attested for."""
    write: Callable[[str], tuple[str, Parts]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One event of the feed, and what is known of it: `parts` is None where the form is not the action's."""

    action: Action
    spelling: str
    form: str
    text: str
    data: str
    parts: Parts | None


def word(text: str) -> str:
    """The text without white space, for what never has any: sites and user names."""
    return "".join(text.split()) or "word"


def user(text: str) -> str:
    return f"{word(text).replace(',', '')}@example.org"


def _one(field: str, pattern: str = "{}") -> Callable[[str], tuple[str, Parts]]:
    return lambda text: (pattern.format(text), {field: text})


def _fixed(data: str, **parts: object) -> Callable[[str], tuple[str, Parts]]:
    return lambda _: (data, parts)


def _item(pattern: str, **parts: str) -> Callable[[str], tuple[str, Parts]]:
    """`{w}` is a site made of the text, `{t}` the text itself; in `parts` as well."""

    def write(text: str) -> tuple[str, Parts]:
        site = f"{word(text)}.example.org"
        filled = {name: value.format(t=text, w=site, vid=VID) for name, value in parts.items()}
        return pattern.format(t=text, w=site, vid=VID), filled

    return write


def _people(text: str) -> tuple[str, Parts]:
    names = [user(text), "bo@example.org", user(text + "2")]
    return ",".join(names), {"targetUsers": names}


def _permissions(text: str) -> tuple[str, Parts]:
    parts = {
        "targetUser": user(text),
        "folderName": text,
        "readOnly": True,
        "admin": False,
        "hidePasswords": True,
    }
    return f"'{text}' '{user(text)}' 'Read only:yes Admin:no Hide PW:yes'", parts


def _with_user(pattern: str, field: str) -> Callable[[str], tuple[str, Parts]]:
    return lambda text: (pattern.format(t=text, u=user(text)), {"targetUser": user(text), field: text})


def _renamed(pattern: str, field: str) -> Callable[[str], tuple[str, Parts]]:
    return lambda text: (pattern.format(text), {field: text, f"{field}Before": "Old"})


def _sites(text: str) -> tuple[str, Parts]:
    names = ["a.example.org", f"{word(text).replace(',', '')}.example.org"]
    return ",".join(names), {"itemNames": names}


def _form(name: str, keys: str, write: Callable[[str], tuple[str, Parts]]) -> Form:
    actions = frozenset(keys.split())
    assert actions <= {action.key for action in ACTIONS}
    return Form(name=name, actions=actions, write=write)


_SIGN_IN = "log_in failed_login_attempt"
_SITES = "log_in site_added deleted_sites username_changed password_changed"
_NOTES = "add_secure_note edit_secure_note open_secure_note"
_LEAVING = "move_from_shared_folder delete_shared_sites"
_MEMBERS = "add_to_shared_folder removed_from_shared_folder"
_FOLDERS = (
    "created_shared_folder deleted_shared_folder permanently_deleted_shared_folder restored_shared_folder"
)
_POLICIES = "add_policy edit_policy"
_CREATED = "employee_account_created employee_invited"
_CALLS = "reporting get_user_data get_shared_folder_data"

FORMS = (
    _form("nothing", f"{_SIGN_IN} multifactor_enabled data_export", _fixed("")),
    _form("client", _SIGN_IN, _item("LastPass via {w}", client="{w}")),
    _form("portal", "log_in", _fixed("lastpass.com")),
    _form("site", _SITES, _item("{w}", itemName="{w}", itemSite="{w}")),
    _form("site and path", _SITES, _item("{w}/a/b", itemName="{w}/a/b")),
    _form("address and path", _SITES, _fixed("192.0.2.7:8443/ui", itemName="192.0.2.7:8443/ui")),
    _form("site (item)", _SITES, _item("{w} ({t})", itemName="{t}", itemSite="{w}")),
    _form("site (user) (item)", _SITES, _item("{w} (bo) ({t})", itemName="{t}", itemSite="{w}")),
    _form("vid", _SITES, _fixed(f"VID: {VID}", itemName=f"VID: {VID}", itemId=VID)),
    _form("vid from", _SITES, _item("VID: {vid} from {t}", itemId="{vid}", folderName="{t}")),
    _form("vid to", "move_to_shared_folder", _item("VID: {vid} to {t}", itemId="{vid}", folderName="{t}")),
    _form("note", _NOTES, _fixed("Secure Note")),
    _form("note (name)", _NOTES, _item("Secure Note ({t})", itemName="{t}")),
    _form("note (vid)", _NOTES, _fixed(f"Secure Note (VID: {VID})", itemId=VID)),
    _form("note from", _NOTES, _item("Secure Note from {t}", folderName="{t}")),
    _form("note (name) from", _NOTES, _item("Secure Note (N) from {t}", itemName="N", folderName="{t}")),
    _form(
        "note (vid) from",
        _NOTES,
        _item("Secure Note (VID: {vid}) from {t}", itemId="{vid}", folderName="{t}"),
    ),
    _form("site to folder", "move_to_shared_folder", _item("{w} to {t}", itemName="{w}", folderName="{t}")),
    _form("nothing to folder", "move_to_shared_folder", _one("folderName", " to {}")),
    _form("site from folder", _LEAVING, _item("{w} from {t}", itemName="{w}", folderName="{t}")),
    _form("nothing from folder", _LEAVING, _one("folderName", " from {}")),
    _form("invalid folder", _LEAVING, _fixed(" from INVALID SHARED FOLDER")),
    _form("folder and user", _MEMBERS, _with_user("'{t}' '{u}'", "folderName")),
    _form("permissions", "update_folder_permissions", _permissions),
    _form("folder renamed", "renamed_shared_folder", _renamed("'Old' '{}'", "folderName")),
    _form("folder limited", "limit_shared_folder", _with_user("{t} {u}", "folderName")),
    _form("folder", _FOLDERS, _one("folderName")),
    _form("group", "create_group delete_group", _one("groupName", "'{}'")),
    _form("group renamed", "rename_group", _renamed("'Old' to '{}'", "groupName")),
    _form("group and user", "remove_from_group", _with_user("'{t}' '{u}'", "groupName")),
    _form("user and group", "adding_user_to_group", _with_user("{u} - {t}", "groupName")),
    _form("policy", f"{_POLICIES} delete_policy update_policy_users", _one("policyName")),
    _form("policy with value", _POLICIES, _item("P New value: {t}", policyName="P", policyValue="{t}")),
    _form("user", _CREATED, lambda text: (user(text), {"targetUser": user(text)})),
    _form("users", _CREATED, _people),
    _form(
        "technical account",
        "created_lastpass_account",
        _item("bo@example.org-Shared-{t}", targetUser="bo@example.org", folderName="{t}"),
    ),
    _form("sites", "deleted_sites", _sites),
    _form("api", _CALLS, _fixed("Initiated by API", apiUser="unknown")),
    _form("api, old", _CALLS, _fixed("(initiated by API)", apiUser="unknown")),
    _form("api with label", _CALLS, lambda text: (f"Initiated by API: {text}", {"apiUser": text.strip()})),
)


def cases() -> list[Case]:
    """Every spelling and case with every form of its action, every form of an action with every text, and
    every action with every form there is, whether attested or not."""
    turn = cycle(TEXTS)
    made: list[Case] = []
    for action in ACTIONS:
        for form in FORMS:
            belongs = action.key in form.actions
            if belongs:
                made += [_case(action, action.spellings[-1], form, text) for text in TEXTS]
                made += [_case(action, name, form, next(turn)) for name in spelled(action.spellings)]
            else:
                made.append(_case(action, action.spellings[0], form, next(turn)))
        made += [_case(action, name, FORMS[0], PLAIN) for name in spelled(action.spellings)]
    return made


def spelled(names: Iterable[str]) -> list[str]:
    """Each name as it is, in other cases, and with more blanks than it needs."""
    found = [
        variant
        for name in names
        for variant in (name, name.upper(), name.lower(), name.swapcase(), f" {name.replace(' ', '  ')} ")
    ]
    return list(dict.fromkeys(found))


def _case(action: Action, spelling: str, form: Form, text: str) -> Case:
    data, parts = form.write(text)
    known = parts if action.key in form.actions else None
    return Case(action=action, spelling=spelling, form=form.name, text=text, data=data, parts=known)
