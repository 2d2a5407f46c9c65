"""The one table of event ids: what a number means, what it is called, how severe it is.

Codes never change their meaning. The hundreds: 1xxx authentication, 2xxx administrator activity, 3xxx user
account and multifactor, 4xxx items, 5xxx shared folders, 6xxx export and import, 8xxx the forwarder itself,
9xxx not in the catalogue. 1001 and 4001 were given by the wish that started the project.

Severity is the CEF scale 0 to 10: 3 routine, 4 change, 6 attention, 7 sensitive, 8 and more grave.
"""

from __future__ import annotations

from msgspec import Struct

ROUTINE = 3
ATTENTION = 6
FAILED = frozenset({"failure", "failed", "denied", "blocked"})
"""Results that count as a failure, whatever word the vault uses."""


class Kind(Struct, frozen=True):
    """One event id: `name` is the CEF Name, a fixed text without any data of the event."""

    event_id: str
    event_type: str
    name: str
    severity: int


_TABLE = (
    ("1001", "authentication", "Login", 3),
    ("1003", "adminlogin", "Admin console login", 4),
    ("1004", "loginverification", "Login verification requested", 4),
    ("1005", "accountlock", "Account locked", 7),
    ("2001", "usercreate", "User created", 5),
    ("2002", "usermodify", "User modified", 4),
    ("2003", "userdelete", "User deleted", 7),
    ("2004", "userenable", "User enabled", 5),
    ("2005", "userdisable", "User disabled", 6),
    ("2006", "userinvite", "User invited", 3),
    ("2007", "useractivation", "User activation required", 3),
    ("2008", "sessionrevoke", "Sessions of a user ended", 5),
    ("2010", "passwordreset", "Master password reset by an administrator", 8),
    ("2011", "passwordrequire", "Password change required", 5),
    ("2012", "passwordrelease", "Password change no longer required", 5),
    ("2013", "userpasswordreset", "Password of a user reset", 7),
    ("2020", "rolegrant", "Administrator role granted", 8),
    ("2021", "rolerevoke", "Administrator role revoked", 7),
    ("2022", "rolechange", "Role or permission changed", 7),
    ("2023", "roleassign", "Role assigned", 7),
    ("2030", "policycreate", "Policy added", 7),
    ("2031", "policychange", "Policy changed", 7),
    ("2032", "policydelete", "Policy deleted", 7),
    ("2033", "policyassign", "Users of a policy changed", 7),
    ("2040", "groupcreate", "Group created", 4),
    ("2041", "groupdelete", "Group deleted", 5),
    ("2042", "groupchange", "Group changed", 4),
    ("2043", "groupadd", "User added to a group", 4),
    ("2044", "groupremove", "User removed from a group", 4),
    ("2050", "configcreate", "Configuration added", 5),
    ("2051", "configchange", "Configuration changed", 5),
    ("2052", "configdelete", "Configuration removed", 5),
    ("2053", "secretreset", "API secret regenerated", 8),
    ("2054", "directorysync", "Directory synchronised", 1),
    ("2055", "provisioningsecret", "Provisioning credential changed", 7),
    ("2060", "apiaccess", "Audit report read through the API", 1),
    ("2061", "apiuserdata", "User data read through the API", 2),
    ("2062", "apifolderdata", "Shared folder data read through the API", 2),
    ("3001", "accountcreate", "LastPass account created", 4),
    ("3002", "masterpasswordchange", "Master password changed", 5),
    ("3003", "masterpasswordrevert", "Master password reverted", 6),
    ("3004", "masterpasswordreuse", "Master password reuse found", 5),
    ("3005", "passwordreuse", "Password reuse found", 4),
    ("3006", "accountpassword", "Account password change", 4),
    ("3007", "accountchange", "Account settings changed", 4),
    ("3008", "historyclear", "Account history cleared", 6),
    ("3020", "mfaenable", "Multifactor authentication enabled", 4),
    ("3021", "mfadisable", "Multifactor authentication disabled", 7),
    ("4001", "itemchange", "Vault item changed", 4),
    ("4002", "itemcreate", "Vault item added", 4),
    ("4003", "itemdelete", "Vault item deleted", 4),
    ("4004", "itemaccess", "Vault item used", 2),
    ("4005", "itemshare", "Vault item shared", 5),
    ("4010", "notecreate", "Secure note added", 4),
    ("4011", "notechange", "Secure note changed", 4),
    ("4012", "noteaccess", "Secure note opened", 3),
    ("4013", "notedelete", "Secure note deleted", 4),
    ("5001", "foldercreate", "Shared folder created", 4),
    ("5002", "folderdelete", "Shared folder deleted", 5),
    ("5003", "folderpurge", "Shared folder permanently deleted", 6),
    ("5004", "folderrestore", "Shared folder restored", 4),
    ("5005", "folderrename", "Shared folder renamed", 4),
    ("5006", "foldergrant", "User added to a shared folder", 5),
    ("5007", "folderrevoke", "User removed from a shared folder", 5),
    ("5008", "folderpermission", "Shared folder permissions changed", 6),
    ("5009", "folderlimit", "Shared folder limited for a user", 4),
    ("5010", "foldermovein", "Item moved into a shared folder", 5),
    ("5011", "foldermoveout", "Item moved out of a shared folder", 5),
    ("5012", "folderitemdelete", "Item deleted from a shared folder", 5),
    ("6001", "dataexport", "Vault data exported", 8),
    ("6002", "dataprint", "Vault data printed", 7),
    ("6003", "dataimport", "Vault data imported", 4),
    ("8001", "start", "Forwarder started", 3),
    ("8002", "stop", "Forwarder stopped", 4),
    ("8003", "configuration", "Forwarder configuration changed", 5),
    ("8004", "gap", "Events are missing", 8),
    ("8005", "sourcedown", "Source silent or blocked", 7),
    ("8006", "sourceup", "Source recovered", 4),
    ("8007", "collectordown", "Collector unreachable", 6),
    ("8008", "collectorup", "Collector recovered", 4),
    ("8009", "setaside", "Message set aside", 6),
    ("8010", "clockalarm", "Clock or time zone alarm", 7),
    ("8011", "certificate", "Certificate expires soon", 6),
    ("8012", "credentialalarm", "Credential about to fail", 8),
    ("8013", "apiread", "Events read through the pull API", 3),
    ("8014", "sourcealarm", "Source needs attention", 6),
    ("8015", "collectoralarm", "Collector needs attention", 6),
    ("8016", "journalalarm", "Journal needs attention", 7),
    ("8100", "heartbeat", "Heartbeat", 1),
    ("8101", "test", "Test message", 1),
    ("9001", "unknown", "Action not in the catalogue", 4),
)

EVENT_IDS: dict[str, Kind] = {row[0]: Kind(*row) for row in _TABLE}
EVENT_TYPES: dict[str, Kind] = {kind.event_type: kind for kind in EVENT_IDS.values()}


def severity(event_id: str, result: str) -> int:
    """The CEF severity 0 to 10 of an event with this id and result; unknown ids are routine.

    A failure is worth attention at least (reference: RFC 5424 warning).
    """
    kind = EVENT_IDS.get(event_id)
    usual = kind.severity if kind is not None else ROUTINE
    return max(usual, ATTENTION) if result in FAILED else usual
