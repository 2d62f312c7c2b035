from accounts.models.group import Group, Membership
from accounts.models.role import Role
from accounts.models.session import RefreshSession
from accounts.models.stamp import AccessStamp
from accounts.models.user import User

__all__ = ["AccessStamp", "Group", "Membership", "RefreshSession", "Role", "User"]
