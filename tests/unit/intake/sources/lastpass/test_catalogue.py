"""The catalogue against the action names that public sources attest, in every spelling."""

from __future__ import annotations

import time

import pytest

from lpforwarder import event_ids
from lpforwarder.intake.sources.lastpass import catalogue
from lpforwarder.intake.sources.lastpass.grammar import GRAMMARS

# spelling | event id | action | result
ATTESTED = """
Log in | 1001 | accessed | success
Login | 1001 | accessed | success
LastPass Login | 1001 | accessed | success
Failed Login Attempt | 1001 | accessed | failure
Failed login attempt | 1001 | accessed | failure
Authentication failed | 1001 | accessed | failure
Successful authentication | 1001 | accessed | success
SAML Login | 1001 | accessed | success
SAML login | 1001 | accessed | success
Login to Admin Console | 1003 | accessed | success
Login to admin console | 1003 | accessed | success
Login Verification Email Sent | 1004 | requested | unknown
Login verification email sent | 1004 | requested | unknown
Account Lockout | 1005 | locked | failure
Account lockout | 1005 | locked | failure
Employee Account Created | 2001 | created | success
Employee account created | 2001 | created | success
Employee Account Deleted | 2003 | deleted | success
Employee account deleted | 2003 | deleted | success
Employee account disabled | 2005 | disabled | success
Employee Account Requires Activation | 2007 | requested | unknown
Employee account requires activation | 2007 | requested | unknown
Employee Invited | 2006 | invited | success
Employee invited | 2006 | invited | success
Re-invite User | 2006 | invited | success
Creating user | 2001 | created | unknown
Created pending user | 2001 | created | success
Deactivated User | 2005 | disabled | success
Deactivated user | 2005 | disabled | success
Deactivating User | 2005 | disabled | unknown
Deactivating user | 2005 | disabled | unknown
Reactivated User | 2004 | enabled | success
Reactivated user | 2004 | enabled | success
Reactivating user | 2004 | enabled | unknown
Deleting user | 2003 | deleted | unknown
Remove User From Company | 2003 | deleted | success
Remove user from company | 2003 | deleted | success
Removing user from LastPass Business | 2003 | deleted | unknown
Set user name | 2002 | modified | success
User provisioned | 2001 | created | success
User deprovisioned | 2005 | disabled | success
Master Password Reset by Super Admin | 2010 | reset | success
Master password reset by super admin | 2010 | reset | success
master password reset by super admin | 2010 | reset | success
Reset master password | 2010 | reset | success
Password Reset | 2013 | reset | success
Require Password Change | 2011 | requested | unknown
Require password change | 2011 | requested | unknown
Stop Requiring Password Change | 2012 | cleared | success
Destroy All Sessions | 2008 | revoked | success
Make Admin | 2020 | granted | success
Make admin | 2020 | granted | success
Made admin | 2020 | granted | success
Remove Admin | 2021 | revoked | success
Remove admin | 2021 | revoked | success
Add Policy | 2030 | created | success
Add policy | 2030 | created | success
Edit Policy | 2031 | modified | success
Edit policy | 2031 | modified | success
Delete Policy | 2032 | deleted | success
Delete policy | 2032 | deleted | success
Update Policy Users | 2033 | modified | success
Update policy users | 2033 | modified | success
Enterprise API Secret regenerated | 2053 | reset | success
Enterprise API secret regenerated | 2053 | reset | success
SCIM Provisioning Hash Updated | 2055 | reset | success
Provisioning credential changed | 2055 | modified | success
Provisioning service added | 2050 | created | success
Provisioning service removed | 2052 | deleted | success
Provisioning sync happened | 2054 | accessed | success
Add Global Equiv Domain | 2050 | created | success
Remove Global Equiv Domain | 2052 | deleted | success
Add Global Never URLs | 2050 | created | success
Remove Global Never URLs | 2052 | deleted | success
Add Global Only URLs | 2050 | created | success
Create Group | 2040 | created | success
Create group | 2040 | created | success
Delete Group | 2041 | deleted | success
Delete group | 2041 | deleted | success
Rename Group | 2042 | modified | success
Rename group | 2042 | modified | success
Edit Group | 2042 | modified | success
Adding User to Group | 2043 | modified | success
Adding user to group | 2043 | modified | success
Add to Group | 2043 | modified | success
Add to group | 2043 | modified | success
Remove from Group | 2044 | modified | success
Remove from group | 2044 | modified | success
Removing user from group | 2044 | modified | unknown
Group Addition | 2042 | modified | success
Group addition | 2042 | modified | success
Group Removal | 2042 | modified | success
Group removal | 2042 | modified | success
Site Added | 4002 | created | success
Site added | 4002 | created | success
Site Changed | 4001 | modified | success
Site changed | 4001 | modified | success
Deleted Sites | 4003 | deleted | success
Deleted sites | 4003 | deleted | success
Site deleted | 4003 | deleted | success
Username Changed | 4001 | modified | success
Username changed | 4001 | modified | success
Password Changed | 4001 | modified | success
Password changed | 4001 | modified | success
Add Secure Note | 4010 | created | success
Add secure note | 4010 | created | success
Edit Secure Note | 4011 | modified | success
Edit secure note | 4011 | modified | success
Data import | 6003 | created | success
Personal Share | 4005 | shared | success
Open Secure Note | 4012 | accessed | success
Open secure note | 4012 | accessed | success
Form Filled | 4004 | accessed | success
Form filled | 4004 | accessed | success
Created Shared Folder | 5001 | created | success
Created shared folder | 5001 | created | success
Deleted Shared Folder | 5002 | deleted | success
Deleted shared folder | 5002 | deleted | success
Delete shared folder | 5002 | deleted | success
Permanently Deleted Shared Folder | 5003 | deleted | success
Permanently deleted shared folder | 5003 | deleted | success
Restored Shared Folder | 5004 | enabled | success
Restored shared folder | 5004 | enabled | success
Renamed Shared Folder | 5005 | modified | success
Renamed shared folder | 5005 | modified | success
Add to Shared Folder | 5006 | granted | success
Add to shared folder | 5006 | granted | success
Removed From Shared Folder | 5007 | revoked | success
Removed from shared folder | 5007 | revoked | success
Update Folder Permissions | 5008 | modified | success
Update folder permissions | 5008 | modified | success
Limit Shared Folder | 5009 | modified | success
Limit shared folder | 5009 | modified | success
Move to Shared Folder | 5010 | modified | success
Move to shared folder | 5010 | modified | success
Move from Shared Folder | 5011 | modified | success
Move from shared folder | 5011 | modified | success
Delete Shared Sites | 5012 | deleted | success
Delete shared sites | 5012 | deleted | success
Created LastPass Account | 3001 | created | success
Created LastPass account | 3001 | created | success
Master Password Changed | 3002 | modified | success
Master password changed | 3002 | modified | success
master password changed | 3002 | modified | success
master password reverted | 3003 | modified | success
Master Password Reuse | 3004 | modified | unknown
master password reuse | 3004 | modified | unknown
Password Reuse | 3005 | modified | unknown
Change password success | 3006 | modified | success
Change password failed | 3006 | modified | failure
Iterations Changed | 3007 | modified | success
Iterations changed | 3007 | modified | success
Sharing key updated | 3007 | modified | success
History cleared | 3008 | deleted | success
Multifactor Enabled | 3020 | enabled | success
Multifactor enabled | 3020 | enabled | success
Disabled Multifactor Authentication | 3021 | disabled | success
Disabled Google Authenticator | 3021 | disabled | success
Disabled Microsoft Authenticator | 3021 | disabled | success
Disabled Microsoft Authenticated | 3021 | disabled | success
Disabled LastPass Authentication | 3021 | disabled | success
Disabled Grid | 3021 | disabled | success
Disabled Toopher | 3021 | disabled | success
Disabled YubiKey | 3021 | disabled | success
Disabled | 3021 | disabled | success
Data export | 6001 | exported | success
Data printed | 6002 | exported | success
Reporting | 2060 | accessed | success
Get User Data | 2061 | accessed | success
Get user data | 2061 | accessed | success
Get Shared Folder Data | 2062 | accessed | success
Get shared folder data | 2062 | accessed | success
"""
ROWS = [line.split(" | ") for line in ATTESTED.strip().splitlines()]


def variants(name: str) -> list[str]:
    """One name as a careless service might write it."""
    wide = name.replace(" ", " \t ")
    return [name, name.upper(), name.lower(), name.title(), name.swapcase(), f"  {wide}\n"]


@pytest.mark.parametrize(("name", "event_id", "verb", "result"), ROWS, ids=[row[0] for row in ROWS])
def test_every_attested_spelling_is_known_in_every_case(
    name: str, event_id: str, verb: str, result: str
) -> None:
    for written in variants(name):
        action = catalogue.find(written)
        assert (action.event_id, action.verb, action.result) == (event_id, verb, result)
        assert action.is_known
    assert name in catalogue.find(name).spellings


def test_the_catalogue_holds_nothing_that_is_not_attested() -> None:
    spellings = [name for action in catalogue.ACTIONS for name in action.spellings]
    assert sorted(spellings) == sorted(row[0] for row in ROWS)


def test_no_name_belongs_to_two_actions() -> None:
    names = [(catalogue.fold(name), a.key) for a in catalogue.ACTIONS for name in a.spellings]
    assert len({name for name, _ in set(names)}) == len(set(names))
    keys = [action.key for action in catalogue.ACTIONS]
    assert len(set(keys)) == len(keys) == 109


def test_every_action_has_an_event_id_a_severity_and_a_grammar() -> None:
    for action in (*catalogue.ACTIONS, catalogue.ITEM_LAUNCH):
        assert action.event_type == event_ids.EVENT_IDS[action.event_id].event_type
        assert action.severity == event_ids.severity(action.event_id, action.result)
        assert action.grammar in GRAMMARS
        assert action.result in ("success", "failure", "unknown")


def test_failures_deserve_attention() -> None:
    assert all(a.severity >= event_ids.ATTENTION for a in catalogue.ACTIONS if a.result == "failure")


@pytest.mark.parametrize(
    ("name", "verb", "result", "severity"),
    [
        ("Failed Something New", "accessed", "failure", 6),
        ("Disabled Sundial", "disabled", "unknown", 7),
        ("ADD TO something", "granted", "unknown", 5),
        ("add something", "created", "unknown", 4),
        ("Permanently deleted thing", "deleted", "unknown", 6),
        ("Deleted thing", "deleted", "unknown", 5),
        ("Deactivation of a thing", "disabled", "unknown", 6),
        ("Removing thing failed", "revoked", "failure", 6),
        ("Get thing", "accessed", "unknown", 2),
        ("Get thing FAILED", "accessed", "failure", 6),
        ("Something else", "unknown", "unknown", 3),
        ("Unfailing", "unknown", "failure", 6),
        ("", "unknown", "unknown", 3),
    ],
)
def test_unknown_actions_pass_through_as_9001_with_a_suggestion(
    name: str, verb: str, result: str, severity: int
) -> None:
    action = catalogue.find(name)
    assert not action.is_known
    assert (action.event_id, action.event_type) == ("9001", "unknown")
    assert (action.verb, action.result, action.severity) == (verb, result, severity)


@pytest.mark.parametrize(
    "data",
    ["", "  ", "LastPass via Website", "lastpass VIA Chrome v4.134.0", "lastpass.com", "LastPass.com "],
)
def test_log_in_is_a_sign_in_when_its_data_speaks_of_lastpass_itself(data: str) -> None:
    assert catalogue.meaning("LOG IN", data).event_id == "1001"


@pytest.mark.parametrize(
    "data",
    [
        "example.com",
        "192.0.2.1:8080/path",
        "VID: 4901555952779484761 from Team",
        "lastpass.com/vault",
        "LastPass via",
        "xLastPass via Website",
    ],
)
def test_log_in_is_the_launch_of_an_item_otherwise(data: str) -> None:
    action = catalogue.meaning("Log in", data)
    assert (action.event_id, action.event_type, action.verb) == ("4004", "itemaccess", "accessed")
    assert action.severity == 2
    assert action.is_known


def test_only_log_in_has_two_meanings() -> None:
    for name in ("Login", "Failed login attempt", "SAML login", "LastPass Login"):
        assert catalogue.meaning(name, "example.com").event_id == "1001"


def test_the_loss_of_our_own_credential_can_be_recognised() -> None:
    assert catalogue.find("Enterprise api secret REGENERATED").key == catalogue.API_SECRET_REGENERATED


def test_building_the_table_is_cheap() -> None:
    started = time.process_time()
    for _ in range(20):
        {catalogue.fold(name): action for action in catalogue.ACTIONS for name in action.spellings}
    assert (time.process_time() - started) / 20 < 0.005
