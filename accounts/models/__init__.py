from accounts.models.access import AccessEntry
from accounts.models.admin_session import AdminSession
from accounts.models.ban import Ban, Violation
from accounts.models.change import RuleChange
from accounts.models.group import Group, Membership
from accounts.models.identity_rule import IdentityRule
from accounts.models.invitation import Invitation
from accounts.models.one_time_token import OneTimeToken
from accounts.models.role import Role
from accounts.models.session import RefreshSession
from accounts.models.stamp import AccessStamp
from accounts.models.tool import FavoriteTool, ToolCredential
from accounts.models.two_factor import Authenticator, BackupCode
from accounts.models.user import User

__all__ = [
    "AccessEntry",
    "AccessStamp",
    "AdminSession",
    "Authenticator",
    "BackupCode",
    "Ban",
    "FavoriteTool",
    "Group",
    "IdentityRule",
    "Invitation",
    "Membership",
    "OneTimeToken",
    "RefreshSession",
    "Role",
    "ToolCredential",
    "RuleChange",
    "User",
    "Violation",
]
