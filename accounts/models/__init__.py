from accounts.models.role import Role
from accounts.models.session import RefreshSession
from accounts.models.user import User

__all__ = ["RefreshSession", "Role", "User"]
