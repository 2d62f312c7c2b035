"""Who asks: a token of the console, or the chat's own access token."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.authentication import active_user, bearer_token, user_for_token
from accounts.models import User
from accounts.tokens import password_mark, verify_console_token
from librechat_backend.lib.errors import NotAuthenticated
from librechat_backend.lib.throttling import client_ip


class ConsoleAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, str]:
        """Raises NotAuthenticated, Banned."""
        token, address = bearer_token(request), client_ip(request)
        claims = verify_console_token(token)
        if claims:
            user = active_user(claims.user_id, ip_address=address)
        else:
            user = user_for_token(token, ip_address=address)
        # A console's token lives long: a new password ends it before its time.
        if claims and claims.mark != password_mark(user):
            raise NotAuthenticated("jwt expired")
        return user, token
