"""Every publicly attested action name, who does it, and the forms of `Data` it comes with.

Written for the pretend vault alone. The service changed from title case to sentence case in late 2022, so
most actions have both spellings; a few have further ones. Where no public source shows the `Data` of an
action, the form is this project's guess. `forms.py` says what each form looks like.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Doer = Literal["user", "admin", "api"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action: its spellings, its doer and its forms of `Data`.

    `often` weighs it in an ordinary day's mix; 0 keeps it out. `doer == "admin"` is also what the `admin`
    filter goes by.
    """

    sentence: str
    title: str
    also: tuple[str, ...]
    doer: Doer
    forms: tuple[str, ...]
    often: int

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every attested spelling once, the present one first."""
        return tuple(dict.fromkeys((self.sentence, self.title, *self.also)))


_SITE = (
    "domain domain_path host_path domain_item domain_user_item vid vid_from"
    " domain_from domain_item_from domain_user_item_from"
)
_NOTE = "note note_name note_vid note_from note_name_from note_vid_from"
_API = "api api_label api_old"


def _action(
    sentence: str, title: str = "", *also: str, by: Doer = "user", says: str = "nothing", often: int = 1
) -> Action:
    return Action(
        sentence=sentence, title=title or sentence, also=also, doer=by, forms=tuple(says.split()), often=often
    )


def _admin(sentence: str, title: str = "", *also: str, says: str = "nothing") -> Action:
    return _action(sentence, title, *also, by="admin", says=says)


_SIGN_IN = (
    _action("Log in", says=f"client portal nothing {_SITE}", often=120),
    _action("Login"),
    _action("LastPass Login"),
    _action("Failed login attempt", "Failed Login Attempt", says="nothing client portal", often=20),
    _action("Authentication failed"),
    _action("Successful authentication"),
    _action("SAML login", "SAML Login", says="issuer", often=10),
    _action("Login to admin console", "Login to Admin Console", by="admin", says="user name", often=4),
    _action("Login verification email sent", "Login Verification Email Sent"),
    _action("Account lockout", "Account Lockout"),
)
_PEOPLE = (
    _admin("Employee account created", "Employee Account Created", says="user users"),
    _admin("Employee account deleted", "Employee Account Deleted", says="user users"),
    _admin("Employee account disabled", says="user"),
    _admin("Employee account requires activation", "Employee Account Requires Activation"),
    _admin("Employee invited", "Employee Invited", says="user users"),
    _admin("Re-invite User", says="nothing user"),
    _admin("Creating user", says="nothing user"),
    _admin("Created pending user", says="nothing user"),
    _admin("Deactivated user", "Deactivated User", says="user"),
    _admin("Deactivating user", "Deactivating User", says="user"),
    _admin("Reactivated user", "Reactivated User", says="user"),
    _admin("Reactivating user", says="user"),
    _admin("Deleting user", says="user"),
    _admin("Remove user from company", "Remove User From Company", says="user"),
    _admin("Removing user from LastPass Business", says="user"),
    _admin("Set user name", says="nothing user"),
    _admin("User provisioned", says="nothing user"),
    _admin("User deprovisioned", says="nothing user"),
    _admin(
        "Master password reset by super admin",
        "Master Password Reset by Super Admin",
        "master password reset by super admin",
        says="user name",
    ),
    _admin("Reset master password", says="user"),
    _admin("Password Reset", says="nothing user"),
    _admin("Require password change", "Require Password Change", says="user"),
    _admin("Stop Requiring Password Change", says="user"),
    _admin("Destroy All Sessions", says="nothing user"),
    _admin("Make admin", "Make Admin", "Made admin", says="user name"),
    _admin("Remove admin", "Remove Admin", says="user"),
)
_RULES = (
    _admin("Add policy", "Add Policy", says="policy policy_value"),
    _admin("Edit policy", "Edit Policy", says="policy policy_value"),
    _admin("Delete policy", "Delete Policy", says="policy"),
    _admin("Update policy users", "Update Policy Users", says="policy policy_value"),
    # Never by chance: without a secret that is really replaced it would be a lie.
    _action("Enterprise API secret regenerated", "Enterprise API Secret regenerated", by="admin", often=0),
    _admin("SCIM Provisioning Hash Updated"),
    _admin("Provisioning credential changed"),
    _admin("Provisioning service added"),
    _admin("Provisioning service removed"),
    _admin("Provisioning sync happened"),
    _admin("Add Global Equiv Domain", says="domains"),
    _admin("Remove Global Equiv Domain", says="domains"),
    _admin("Add Global Never URLs", says="domains domain_path"),
    _admin("Remove Global Never URLs", says="domains domain_path"),
    _admin("Add Global Only URLs", says="domains domain_path"),
    _admin("Create group", "Create Group", says="group"),
    _admin("Delete group", "Delete Group", says="group"),
    _admin("Rename group", "Rename Group", says="group_to_group"),
    _admin("Edit Group", says="nothing group"),
    _admin("Adding user to group", "Adding User to Group", says="user_dash_group"),
    _admin("Add to group", "Add to Group", says="group_user"),
    _admin("Remove from group", "Remove from Group", says="group_user"),
    _admin("Removing user from group", says="nothing group_user"),
    _admin("Group addition", "Group Addition"),
    _admin("Group removal", "Group Removal"),
)
_ITEMS = (
    _action("Site added", "Site Added", says=_SITE, often=12),
    _action("Site changed", "Site Changed", says=_SITE, often=12),
    _action("Deleted sites", "Deleted Sites", says="domain domains vid domain_path", often=4),
    _action("Site deleted", says="domain domains vid"),
    _action("Username changed", "Username Changed", says="vid domain_user_item domain", often=3),
    _action("Password changed", "Password Changed", says="vid domain_user_item domain", often=6),
    _action("Add secure note", "Add Secure Note", says=_NOTE, often=3),
    _action("Edit secure note", "Edit Secure Note", says=_NOTE, often=3),
    _action("Data import"),
    _action("Personal Share", says="nothing domain"),
    _action("Open secure note", "Open Secure Note", says=_NOTE, often=8),
    _action("Form filled", "Form Filled", says="domain nothing", often=6),
    _action("Data export"),
    _action("Data printed"),
)
_FOLDERS = (
    _action("Created shared folder", "Created Shared Folder", says="folder"),
    _action("Deleted shared folder", "Deleted Shared Folder", "Delete shared folder", says="folder"),
    _action("Permanently deleted shared folder", "Permanently Deleted Shared Folder", says="folder"),
    _action("Restored shared folder", "Restored Shared Folder", says="folder"),
    _action("Renamed shared folder", "Renamed Shared Folder", says="folder_folder"),
    _action("Add to shared folder", "Add to Shared Folder", says="folder_user", often=3),
    _action("Removed from shared folder", "Removed From Shared Folder", says="folder_user", often=3),
    _action("Update folder permissions", "Update Folder Permissions", says="folder_rights", often=2),
    _action("Limit shared folder", "Limit Shared Folder", says="folder_bare_user"),
    _action(
        "Move to shared folder", "Move to Shared Folder", says="domain_to nothing_to vid_to vid", often=2
    ),
    _action(
        "Move from shared folder",
        "Move from Shared Folder",
        says="domain_from vid_from nothing_from invalid_from",
        often=2,
    ),
    _action("Delete shared sites", "Delete Shared Sites", says="domain_from vid_from nothing_from"),
)
_ACCOUNT = (
    _action("Created LastPass account", "Created LastPass Account", says="shared_account nothing"),
    _action("Master password changed", "Master Password Changed", "master password changed"),
    _action("master password reverted"),
    _action("master password reuse", "Master Password Reuse"),
    _action("Password Reuse"),
    _action("Change password success"),
    _action("Change password failed"),
    _action("Iterations changed", "Iterations Changed"),
    _action("Sharing key updated"),
    _action("History cleared"),
    _action("Multifactor enabled", "Multifactor Enabled"),
    _action("Disabled Multifactor Authentication", says="nothing user"),
    _action("Disabled Google Authenticator"),
    _action("Disabled Microsoft Authenticator", "", "Disabled Microsoft Authenticated"),
    _action("Disabled LastPass Authentication"),
    _action("Disabled Grid"),
    _action("Disabled Toopher"),
    _action("Disabled YubiKey"),
    _action("Disabled"),
)
REPORTING = _action("Reporting", by="api", says=_API)
USER_DATA = _action("Get user data", "Get User Data", by="api", says=_API)
FOLDER_DATA = _action("Get shared folder data", "Get Shared Folder Data", by="api", says=_API)
SECRET_REGENERATED = "Enterprise API secret regenerated"

ACTIONS: tuple[Action, ...] = (
    *_SIGN_IN, *_PEOPLE, *_RULES, *_ITEMS, *_FOLDERS, *_ACCOUNT, REPORTING, USER_DATA, FOLDER_DATA,
)  # fmt: skip

ADMIN_NAMES = frozenset(name.casefold() for a in ACTIONS if a.doer == "admin" for name in a.spellings)
"""What the `admin` filter lets through, case folded. Which actions really count is not publicly known."""


def to_title_case() -> dict[str, str]:
    """Present spelling to the title-case one, as if the change of 2022 were undone."""
    return {action.sentence: action.title for action in ACTIONS if action.sentence != action.title}


def to_sentence_case() -> dict[str, str]:
    """Title-case spelling to the present one: the change of 2022."""
    return {title: sentence for sentence, title in to_title_case().items()}
