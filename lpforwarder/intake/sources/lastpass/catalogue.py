"""The catalogue: every action name known of LastPass, and what it means in canonical terms.

The names are those seen in the vendor's documentation and in public integrations; LastPass keeps the full
list behind a sign-in, so names that are missing here are expected. They pass through as event id 9001.
Most names changed from title case to sentence case in late 2022, so names are compared without case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from lpforwarder import event_ids

UNKNOWN_ID = "9001"
API_SECRET_REGENERATED = "api_secret_regenerated"
"""Key of the action after which our own credential is no longer valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What one action name means.

    `verb` is the canonical `action`, `grammar` names the form of its `Data` (see grammar.py), `extra` are
    fields that the name alone gives away. `severity` is the CEF scale 0 to 10.
    """

    key: str
    """Our name of it, for example `site_added`; "" when the catalogue does not know the name."""
    event_id: str
    verb: str
    result: str
    severity: int
    grammar: str
    spellings: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        """Whether the catalogue has this name."""
        return self.key != ""

    @property
    def event_type(self) -> str:
        """The canonical `eventType`."""
        return event_ids.EVENT_IDS[self.event_id].event_type


def fold(name: str) -> str:
    """The form in which names are compared: trimmed, white space collapsed, without case."""
    return " ".join(name.split()).casefold()


@lru_cache(maxsize=1024)
def find(name: str) -> Action:
    """The action of this name in any spelling; an unknown name gives an action with an empty key.

    What an unknown name did is suggested by how it begins; its result is `failure` when it holds "fail"
    and `unknown` otherwise, because nothing says that it succeeded.
    """
    folded = fold(name)
    return _BY_NAME.get(folded) or _suggestion(folded)


def _suggestion(folded: str) -> Action:
    verb, usual = next(
        ((verb, severity) for prefix, verb, severity in PREFIXES if folded.startswith(prefix)),
        ("unknown", event_ids.ROUTINE),
    )
    result = "failure" if "fail" in folded else "unknown"
    severity = max(usual, event_ids.ATTENTION) if result == "failure" else usual
    return Action(key="", event_id=UNKNOWN_ID, verb=verb, result=result, severity=severity, grammar="none")


# fmt: off
PREFIXES = (
    # The first that fits wins: how an unknown name begins, the verb it suggests, the severity.
    ("failed ", "accessed", 6), ("disabled ", "disabled", 7),
    ("add to ", "granted", 5), ("add ", "created", 4),
    ("created ", "created", 4), ("create ", "created", 4), ("creating ", "created", 4),
    ("permanently deleted ", "deleted", 6),
    ("deleted ", "deleted", 5), ("delete ", "deleted", 5), ("deleting ", "deleted", 5),
    ("deactivat", "disabled", 6), ("reactivat", "enabled", 5),
    ("removed ", "revoked", 5), ("remove ", "revoked", 5), ("removing ", "revoked", 5),
    ("renamed ", "modified", 3), ("rename ", "modified", 3),
    ("edit ", "modified", 4), ("update ", "modified", 4), ("get ", "accessed", 2),
)

_TABLE: tuple[tuple[Any, ...], ...] = (
    # key, event id, verb, result, grammar of Data, spellings, what the name itself says
    # authentication
    ("log_in", "1001", "accessed", "success", "client", ("Log in",)),
    ("login", "1001", "accessed", "success", "client", ("Login",)),
    ("lastpass_login", "1001", "accessed", "success", "client", ("LastPass Login",)),
    ("failed_login_attempt", "1001", "accessed", "failure", "client",
     ("Failed Login Attempt", "Failed login attempt")),
    ("authentication_failed", "1001", "accessed", "failure", "client", ("Authentication failed",)),
    ("successful_authentication", "1001", "accessed", "success", "client", ("Successful authentication",)),
    ("saml_login", "1001", "accessed", "success", "application",
     ("SAML Login", "SAML login"), {"method": "saml"}),
    ("login_to_admin_console", "1003", "accessed", "success", "administrator",
     ("Login to Admin Console", "Login to admin console")),
    ("login_verification_email_sent", "1004", "requested", "unknown", "none",
     ("Login Verification Email Sent", "Login verification email sent")),
    ("account_lockout", "1005", "locked", "failure", "none", ("Account Lockout", "Account lockout")),
    # admin user
    ("employee_account_created", "2001", "created", "success", "users",
     ("Employee Account Created", "Employee account created")),
    ("employee_account_deleted", "2003", "deleted", "success", "users",
     ("Employee Account Deleted", "Employee account deleted")),
    ("employee_account_disabled", "2005", "disabled", "success", "addresses", ("Employee account disabled",)),
    ("employee_account_requires_activation", "2007", "requested", "unknown", "addresses",
     ("Employee Account Requires Activation", "Employee account requires activation")),
    ("employee_invited", "2006", "invited", "success", "users", ("Employee Invited", "Employee invited")),
    ("reinvite_user", "2006", "invited", "success", "addresses", ("Re-invite User",)),
    ("creating_user", "2001", "created", "unknown", "addresses", ("Creating user",)),
    ("created_pending_user", "2001", "created", "success", "addresses", ("Created pending user",)),
    ("deactivated_user", "2005", "disabled", "success", "addresses",
     ("Deactivated User", "Deactivated user")),
    ("deactivating_user", "2005", "disabled", "unknown", "addresses",
     ("Deactivating User", "Deactivating user")),
    ("reactivated_user", "2004", "enabled", "success", "addresses", ("Reactivated User", "Reactivated user")),
    ("reactivating_user", "2004", "enabled", "unknown", "addresses", ("Reactivating user",)),
    ("deleting_user", "2003", "deleted", "unknown", "addresses", ("Deleting user",)),
    ("remove_user_from_company", "2003", "deleted", "success", "addresses",
     ("Remove User From Company", "Remove user from company")),
    ("removing_user_from_lastpass_business", "2003", "deleted", "unknown", "addresses",
     ("Removing user from LastPass Business",)),
    ("set_user_name", "2002", "modified", "success", "none", ("Set user name",)),
    ("user_provisioned", "2001", "created", "success", "addresses", ("User provisioned",)),
    ("user_deprovisioned", "2005", "disabled", "success", "addresses", ("User deprovisioned",)),
    # admin credential
    ("mp_reset_by_super_admin", "2010", "reset", "success", "users",
     ("Master Password Reset by Super Admin", "Master password reset by super admin",
      "master password reset by super admin")),
    ("reset_master_password", "2010", "reset", "success", "addresses", ("Reset master password",)),
    ("password_reset", "2013", "reset", "success", "addresses", ("Password Reset",)),
    ("require_password_change", "2011", "requested", "unknown", "users",
     ("Require Password Change", "Require password change")),
    ("stop_requiring_password_change", "2012", "cleared", "success", "addresses",
     ("Stop Requiring Password Change",)),
    ("destroy_all_sessions", "2008", "revoked", "success", "addresses", ("Destroy All Sessions",)),
    # admin role
    ("make_admin", "2020", "granted", "success", "users", ("Make Admin", "Make admin", "Made admin")),
    ("remove_admin", "2021", "revoked", "success", "users", ("Remove Admin", "Remove admin")),
    # admin policy
    ("add_policy", "2030", "created", "success", "policy", ("Add Policy", "Add policy")),
    ("edit_policy", "2031", "modified", "success", "policy", ("Edit Policy", "Edit policy")),
    ("delete_policy", "2032", "deleted", "success", "policy", ("Delete Policy", "Delete policy")),
    ("update_policy_users", "2033", "modified", "success", "policy",
     ("Update Policy Users", "Update policy users")),
    # admin config
    ("api_secret_regenerated", "2053", "reset", "success", "none",
     ("Enterprise API Secret regenerated", "Enterprise API secret regenerated")),
    ("scim_hash_updated", "2055", "reset", "success", "none", ("SCIM Provisioning Hash Updated",)),
    ("provisioning_credential_changed", "2055", "modified", "success", "none",
     ("Provisioning credential changed",)),
    ("provisioning_service_added", "2050", "created", "success", "none", ("Provisioning service added",)),
    ("provisioning_service_removed", "2052", "deleted", "success", "none", ("Provisioning service removed",)),
    ("provisioning_sync_happened", "2054", "accessed", "success", "none", ("Provisioning sync happened",)),
    ("add_global_equiv_domain", "2050", "created", "success", "none", ("Add Global Equiv Domain",)),
    ("remove_global_equiv_domain", "2052", "deleted", "success", "none", ("Remove Global Equiv Domain",)),
    ("add_global_never_urls", "2050", "created", "success", "none", ("Add Global Never URLs",)),
    ("remove_global_never_urls", "2052", "deleted", "success", "none", ("Remove Global Never URLs",)),
    ("add_global_only_urls", "2050", "created", "success", "none", ("Add Global Only URLs",)),
    # admin group
    ("create_group", "2040", "created", "success", "group", ("Create Group", "Create group")),
    ("delete_group", "2041", "deleted", "success", "group", ("Delete Group", "Delete group")),
    ("rename_group", "2042", "modified", "success", "group_rename", ("Rename Group", "Rename group")),
    ("edit_group", "2042", "modified", "success", "none", ("Edit Group",)),
    ("adding_user_to_group", "2043", "modified", "success", "user_group",
     ("Adding User to Group", "Adding user to group")),
    ("add_to_group", "2043", "modified", "success", "group_user", ("Add to Group", "Add to group")),
    ("remove_from_group", "2044", "modified", "success", "group_user",
     ("Remove from Group", "Remove from group")),
    ("removing_user_from_group", "2044", "modified", "unknown", "none", ("Removing user from group",)),
    ("group_addition", "2042", "modified", "success", "none", ("Group Addition", "Group addition")),
    ("group_removal", "2042", "modified", "success", "none", ("Group Removal", "Group removal")),
    # item change
    ("site_added", "4002", "created", "success", "item", ("Site Added", "Site added")),
    ("site_changed", "4001", "modified", "success", "item", ("Site Changed", "Site changed")),
    ("deleted_sites", "4003", "deleted", "success", "items", ("Deleted Sites", "Deleted sites")),
    ("site_deleted", "4003", "deleted", "success", "items", ("Site deleted",)),
    ("username_changed", "4001", "modified", "success", "item",
     ("Username Changed", "Username changed"), {"attribute": "username"}),
    ("password_changed", "4001", "modified", "success", "item",
     ("Password Changed", "Password changed"), {"attribute": "password"}),
    ("add_secure_note", "4010", "created", "success", "note", ("Add Secure Note", "Add secure note")),
    ("edit_secure_note", "4011", "modified", "success", "note", ("Edit Secure Note", "Edit secure note")),
    ("data_import", "6003", "created", "success", "none", ("Data import",)),
    ("personal_share", "4005", "shared", "success", "none", ("Personal Share",)),
    # item access
    ("open_secure_note", "4012", "accessed", "success", "note", ("Open Secure Note", "Open secure note")),
    ("form_filled", "4004", "accessed", "success", "none", ("Form Filled", "Form filled")),
    # shared folder
    ("created_shared_folder", "5001", "created", "success", "folder",
     ("Created Shared Folder", "Created shared folder")),
    ("deleted_shared_folder", "5002", "deleted", "success", "folder",
     ("Deleted Shared Folder", "Deleted shared folder", "Delete shared folder")),
    ("permanently_deleted_shared_folder", "5003", "deleted", "success", "folder",
     ("Permanently Deleted Shared Folder", "Permanently deleted shared folder")),
    ("restored_shared_folder", "5004", "enabled", "success", "folder",
     ("Restored Shared Folder", "Restored shared folder")),
    ("renamed_shared_folder", "5005", "modified", "success", "folder_rename",
     ("Renamed Shared Folder", "Renamed shared folder")),
    ("add_to_shared_folder", "5006", "granted", "success", "folder_user",
     ("Add to Shared Folder", "Add to shared folder")),
    ("removed_from_shared_folder", "5007", "revoked", "success", "folder_user",
     ("Removed From Shared Folder", "Removed from shared folder")),
    ("update_folder_permissions", "5008", "modified", "success", "permissions",
     ("Update Folder Permissions", "Update folder permissions")),
    ("limit_shared_folder", "5009", "modified", "success", "limit",
     ("Limit Shared Folder", "Limit shared folder")),
    ("move_to_shared_folder", "5010", "modified", "success", "item_to",
     ("Move to Shared Folder", "Move to shared folder")),
    ("move_from_shared_folder", "5011", "modified", "success", "item_from",
     ("Move from Shared Folder", "Move from shared folder")),
    ("delete_shared_sites", "5012", "deleted", "success", "items",
     ("Delete Shared Sites", "Delete shared sites")),
    # user account
    ("created_lastpass_account", "3001", "created", "success", "account",
     ("Created LastPass Account", "Created LastPass account")),
    ("master_password_changed", "3002", "modified", "success", "none",
     ("Master Password Changed", "Master password changed", "master password changed")),
    ("master_password_reverted", "3003", "modified", "success", "none", ("master password reverted",)),
    ("master_password_reuse", "3004", "modified", "unknown", "none",
     ("Master Password Reuse", "master password reuse")),
    ("password_reuse", "3005", "modified", "unknown", "none", ("Password Reuse",)),
    ("change_password_success", "3006", "modified", "success", "none", ("Change password success",)),
    ("change_password_failed", "3006", "modified", "failure", "none", ("Change password failed",)),
    ("iterations_changed", "3007", "modified", "success", "none",
     ("Iterations Changed", "Iterations changed")),
    ("sharing_key_updated", "3007", "modified", "success", "none", ("Sharing key updated",)),
    ("history_cleared", "3008", "deleted", "success", "none", ("History cleared",)),
    # mfa
    ("multifactor_enabled", "3020", "enabled", "success", "none",
     ("Multifactor Enabled", "Multifactor enabled"), {"mfaType": "unknown"}),
    ("disabled_mfa", "3021", "disabled", "success", "addresses",
     ("Disabled Multifactor Authentication",), {"mfaType": "unknown"}),
    ("disabled_google_authenticator", "3021", "disabled", "success", "addresses",
     ("Disabled Google Authenticator",), {"mfaType": "totp"}),
    ("disabled_microsoft_authenticator", "3021", "disabled", "success", "addresses",
     ("Disabled Microsoft Authenticator", "Disabled Microsoft Authenticated"),
     {"mfaType": "microsoft-authenticator"}),
    ("disabled_lastpass_authentication", "3021", "disabled", "success", "addresses",
     ("Disabled LastPass Authentication",), {"mfaType": "lastpass-authentication"}),
    ("disabled_grid", "3021", "disabled", "success", "addresses", ("Disabled Grid",), {"mfaType": "grid"}),
    ("disabled_toopher", "3021", "disabled", "success", "addresses",
     ("Disabled Toopher",), {"mfaType": "toopher"}),
    ("disabled_yubikey", "3021", "disabled", "success", "addresses",
     ("Disabled YubiKey",), {"mfaType": "yubikey"}),
    ("disabled", "3021", "disabled", "success", "addresses", ("Disabled",), {"mfaType": "unknown"}),
    # data export
    ("data_export", "6001", "exported", "success", "none", ("Data export",)),
    ("data_printed", "6002", "exported", "success", "none", ("Data printed",)),
    # other
    ("reporting", "2060", "accessed", "success", "api", ("Reporting",)),
    ("get_user_data", "2061", "accessed", "success", "api", ("Get User Data", "Get user data")),
    ("get_shared_folder_data", "2062", "accessed", "success", "api",
     ("Get Shared Folder Data", "Get shared folder data")),
)
# fmt: on


def _action(
    key: str,
    event_id: str,
    verb: str,
    result: str,
    grammar: str,
    spellings: tuple[str, ...],
    extra: Mapping[str, Any] | None = None,
) -> Action:
    return Action(
        key=key,
        event_id=event_id,
        verb=verb,
        result=result,
        severity=event_ids.severity(event_id, result),
        grammar=grammar,
        spellings=spellings,
        extra=extra or {},
    )


ACTIONS: tuple[Action, ...] = tuple(_action(*row) for row in _TABLE)
"""Every known action, in the order of the event families."""

_BY_NAME: dict[str, Action] = {fold(name): action for action in ACTIONS for name in action.spellings}

ITEM_LAUNCH = _action("log_in", "4004", "accessed", "success", "item", ("Log in",))
"""What `Log in` means when its Data names a vault item: the item was opened or filled."""


def meaning(name: str, data: str) -> Action:
    """The action of this name, told apart by `Data` where one name has two meanings.

    `Log in` is a sign-in when Data is empty, begins with `LastPass via ` or, as a guess, is
    `lastpass.com`; everything else is a vault item that was launched.
    """
    action = find(name)
    return ITEM_LAUNCH if action.key == ITEM_LAUNCH.key and not is_sign_in(data) else action


def is_sign_in(data: str) -> bool:
    """Whether `Log in` with this Data is a sign-in to LastPass itself."""
    told = data.strip().casefold()
    return told in ("", "lastpass.com") or told.startswith("lastpass via ")
