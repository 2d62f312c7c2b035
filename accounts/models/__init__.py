from accounts.models.ban import Ban, Violation
from accounts.models.group import Group, Membership
from accounts.models.invitation import Invitation
from accounts.models.one_time_token import OneTimeToken
from accounts.models.role import Role
from accounts.models.session import RefreshSession
from accounts.models.stamp import AccessStamp
from accounts.models.two_factor import Authenticator, BackupCode
from accounts.models.user import User

__all__ = [
    "AccessStamp",
    "Authenticator",
    "BackupCode",
    "Ban",
    "Group",
    "Invitation",
    "Membership",
    "OneTimeToken",
    "RefreshSession",
    "Role",
    "User",
    "Violation",
]
