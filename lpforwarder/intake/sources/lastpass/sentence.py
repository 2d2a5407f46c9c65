"""The `message` of an event: one plain English sentence of fixed words and the event's own values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from lpforwarder.event import JSON
from lpforwarder.intake.sources.lastpass.catalogue import Action

_NAMED_AT_MOST = 3  # of a long list; the fields have all of it
_LONGEST_VALUE = 200  # characters of one value; the fields have all of it
_CALLER = "An API caller"
_NOBODY = "An unknown user"

Fields = Mapping[str, JSON]
Place: TypeAlias = Callable[[Fields], str]
"""Fills a place between fixed words."""


class Sentence(msgspec.Struct, frozen=True, gc=False):
    """What happened, but for who did it: the words around the name, if there is one in the sentence."""

    before: str
    has_who: bool
    after: str

    def by(self, who: str) -> str:
        """The whole sentence, for example `ana@example.org added "Shop" in folder "Team".`"""
        if not self.has_who:
            return self.after
        return f"{self.before}{within(who) if self.before else who}{self.after}"


class Phrase:
    """The sentences for one action; `name` is what the vendor calls it.

    `before` and `has_who` are those of all its sentences.
    """

    def __init__(self, action: Action, name: str) -> None:
        if action.is_known:
            phrase = _BY_KEY.get(action.key) or _BY_ID[action.event_id]
            self.before, who, after = phrase.rpartition("{who}")
            self.has_who = who != ""
            self._after, self._places = _form(after)
        else:
            called = f"action {_quoted(name)}" if name.strip() else "nameless action"
            self.before, self.has_who = f"The {called} of ", True
            self._after, self._places = " is not in the catalogue.", ()

    def after(self, parts: Fields) -> str:
        """What follows the name, with what `parts` holds; for a name that is not there a general word."""
        return self._after % tuple([place(parts) for place in self._places]) if self._places else self._after


def who(name: str, caller: str) -> str:
    """The one who did it: a person's name, else the label of an API caller, `unknown` if it has none."""
    if name:
        return _short(name)
    if caller == "unknown":
        return _CALLER
    return f"API caller {_quoted(caller)}" if caller else _NOBODY


def within(who: str) -> str:
    """The same in the middle of a sentence."""
    return "an" + who[2:] if who in (_CALLER, _NOBODY) else who


def _form(phrase: str) -> tuple[str, Sequence[Place]]:
    """The phrase with `%s` in its places, and what fills them."""
    return _PLACEHOLDER.sub("%s", phrase), [_PARTS[name] for name in _PLACEHOLDER.findall(phrase)]


def _users(fields: Fields) -> str:
    several = fields.get("targetUsers")
    if several:
        return _listed([_short(name) for name in several])
    return _short(str(fields.get("targetUser", ""))) or "a user"


def _for_users(fields: Fields) -> str:
    return f" for {_users(fields)}" if "targetUser" in fields or "targetUsers" in fields else ""


def _item(fields: Fields) -> str:
    if "itemName" in fields:
        return _quoted(fields["itemName"])
    several = fields.get("itemNames")
    return _listed([_quoted(name) for name in several]) if several else "an item"


def _note(fields: Fields) -> str:
    return f"secure note {_quoted(fields['itemName'])}" if "itemName" in fields else "a secure note"


def _attribute(fields: Fields) -> str:
    return f"the {fields['attribute']} attribute on " if "attribute" in fields else ""


def _in_folder(fields: Fields) -> str:
    return f" in folder {_quoted(fields['folderName'])}" if "folderName" in fields else ""


def _folder(fields: Fields) -> str:
    return f"folder {_quoted(fields['folderName'])}" if "folderName" in fields else "a shared folder"


def _renamed_folder(fields: Fields) -> str:
    if "folderNameBefore" not in fields:
        return "a shared folder"
    return f"folder {_quoted(fields['folderNameBefore'])} to {_quoted(fields['folderName'])}"


def _permissions(fields: Fields) -> str:
    if "readOnly" not in fields:
        return ""
    said = {"read only": "readOnly", "administrator": "admin", "passwords hidden": "hidePasswords"}
    return " to " + ", ".join(f"{words} {'yes' if fields[name] else 'no'}" for words, name in said.items())


def _group(fields: Fields) -> str:
    return f"group {_quoted(fields['groupName'])}" if "groupName" in fields else "a group"


def _renamed_group(fields: Fields) -> str:
    if "groupNameBefore" not in fields:
        return "a group"
    return f"group {_quoted(fields['groupNameBefore'])} to {_quoted(fields['groupName'])}"


def _policy(fields: Fields) -> str:
    return f"policy {_quoted(fields['policyName'])}" if "policyName" in fields else "a policy"


def _value(fields: Fields) -> str:
    return f", value {_quoted(fields['policyValue'])}" if "policyValue" in fields else ""


def _factor(fields: Fields) -> str:
    kind = fields.get("mfaType", "unknown")
    return "" if kind == "unknown" else f" ({kind})"


def _listed(names: Sequence[str]) -> str:
    if len(names) > _NAMED_AT_MOST:
        return f"{', '.join(names[:_NAMED_AT_MOST])} and {len(names) - _NAMED_AT_MOST} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _quoted(value: JSON) -> str:
    text = value if type(value) is str else str(value)
    return f'"{text}"' if len(text) <= _LONGEST_VALUE else f'"{_short(text)}"'


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_PARTS: Mapping[str, Callable[[Fields], str]] = {
    "users": _users,
    "for_users": _for_users,
    "item": _item,
    "note": _note,
    "attribute": _attribute,
    "in_folder": _in_folder,
    "folder": _folder,
    "renamed_folder": _renamed_folder,
    "permissions": _permissions,
    "group": _group,
    "renamed_group": _renamed_group,
    "policy": _policy,
    "value": _value,
    "factor": _factor,
}

_BY_ID = {
    "1001": "{who} successfully logged in.",
    "1003": "{who} successfully logged in to the admin console.",
    "1004": "A login verification was sent to {who} by email.",
    "1005": "The account of {who} was locked.",
    "2001": "{who} created {users}.",
    "2002": "{who} modified {users}.",
    "2003": "{who} deleted {users}.",
    "2004": "{who} enabled {users}.",
    "2005": "{who} disabled {users}.",
    "2006": "{who} invited {users}.",
    "2007": "The account of {users} requires activation.",
    "2008": "{who} ended all sessions{for_users}.",
    "2010": "{who} reset the master password of {users}.",
    "2011": "{who} required a password change of {users}.",
    "2012": "{who} stopped requiring a password change of {users}.",
    "2013": "{who} reset the password of {users}.",
    "2020": "{who} granted the administrator role to {users}.",
    "2021": "{who} revoked the administrator role of {users}.",
    "2030": "{who} added {policy}{value}.",
    "2031": "{who} changed {policy}{value}.",
    "2032": "{who} deleted {policy}{value}.",
    "2033": "{who} changed the users of {policy}{value}.",
    "2040": "{who} created {group}.",
    "2041": "{who} deleted {group}.",
    "2042": "{who} changed {group}.",
    "2043": "{who} added {users} to {group}.",
    "2044": "{who} removed {users} from {group}.",
    "2050": "{who} added configuration.",
    "2052": "{who} removed configuration.",
    "2053": "{who} regenerated the secret of the Enterprise API.",
    "2054": "The directory was synchronised.",
    "2055": "{who} changed the provisioning credential.",
    "2060": "{who} read the audit report.",
    "2061": "{who} read user data.",
    "2062": "{who} read shared folder data.",
    "3001": "{who} created a LastPass account{for_users}{in_folder}.",
    "3002": "{who} changed the master password.",
    "3003": "{who} reverted the master password.",
    "3004": "Reuse of the master password was found for {who}.",
    "3005": "Reuse of a password was found for {who}.",
    "3006": "{who} changed an account password.",
    "3007": "{who} changed account settings.",
    "3008": "{who} cleared the account history.",
    "3020": "{who} enabled multifactor authentication.",
    "3021": "{who} disabled multifactor authentication{factor}{for_users}.",
    "4001": "{who} changed {attribute}{item}{in_folder}.",
    "4002": "{who} added {item}{in_folder}.",
    "4003": "{who} deleted {item}{in_folder}.",
    "4004": "{who} used {item}{in_folder}.",
    "4005": "{who} shared {item}.",
    "4010": "{who} added {note}{in_folder}.",
    "4011": "{who} changed {note}{in_folder}.",
    "4012": "{who} opened {note}{in_folder}.",
    "5001": "{who} created {folder}.",
    "5002": "{who} deleted {folder}.",
    "5003": "{who} permanently deleted {folder}.",
    "5004": "{who} restored {folder}.",
    "5005": "{who} renamed {renamed_folder}.",
    "5006": "{who} added {users} to {folder}.",
    "5007": "{who} removed {users} from {folder}.",
    "5008": "{who} changed the permissions of {users} in {folder}{permissions}.",
    "5009": "{who} limited {folder} for {users}.",
    "5010": "{who} moved {item} into {folder}.",
    "5011": "{who} moved {item} out of {folder}.",
    "5012": "{who} deleted {item} from {folder}.",
    "6001": "{who} exported vault data.",
    "6002": "{who} printed vault data.",
    "6003": "{who} imported vault data.",
}

_BY_KEY = {
    # Where the usual words for the event id would say too much or too little.
    "failed_login_attempt": "{who} failed to log in.",
    "authentication_failed": "{who} failed to log in.",
    "creating_user": "{who} began to create {users}.",
    "created_pending_user": "{who} created {users}, pending.",
    "reactivating_user": "{who} began to enable {users}.",
    "deactivating_user": "{who} began to disable {users}.",
    "deleting_user": "{who} began to delete {users}.",
    "remove_user_from_company": "{who} removed {users} from the company.",
    "removing_user_from_lastpass_business": "{who} began to remove {users} from LastPass Business.",
    "reinvite_user": "{who} invited {users} again.",
    "set_user_name": "{who} set the name of {users}.",
    "user_provisioned": "{who} provisioned {users}.",
    "user_deprovisioned": "{who} deprovisioned {users}.",
    "rename_group": "{who} renamed {renamed_group}.",
    "removing_user_from_group": "{who} began to remove {users} from {group}.",
    "provisioning_service_added": "{who} added a provisioning service.",
    "provisioning_service_removed": "{who} removed a provisioning service.",
    "scim_hash_updated": "{who} updated the SCIM provisioning hash.",
    "add_global_equiv_domain": "{who} added globally equivalent domains.",
    "remove_global_equiv_domain": "{who} removed globally equivalent domains.",
    "add_global_never_urls": "{who} added global never URLs.",
    "remove_global_never_urls": "{who} removed global never URLs.",
    "add_global_only_urls": "{who} added global only URLs.",
    "change_password_failed": "{who} failed to change an account password.",
    "iterations_changed": "{who} changed the number of password iterations.",
    "sharing_key_updated": "{who} updated the sharing key.",
}
