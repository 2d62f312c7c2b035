"""Passwords of the administration's own sign-in page, checked as those of the chat's."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.models import User
from accounts.models.user import normalize_email
from accounts.services.bans import is_banned
from accounts.services.login import WrongCredentials, check_password


class PasswordBackend(ModelBackend):
    """A refusal costs the same hashes whoever it is for."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        if username is None or password is None:
            return None
        try:
            user = check_password(normalize_email(username), password)
        except WrongCredentials:
            return None
        return user if user.is_active and not is_banned(user=user) else None
