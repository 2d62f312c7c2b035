"""The person who signs in."""

from contextlib import nullcontext
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models

from accounts.models.stamp import changing_rules
from librechat_backend.lib.ids import ObjectIdField

ROLE_USER = "USER"
ROLE_ADMIN = "ADMIN"


def default_personalization() -> dict[str, Any]:
    return {"memories": True}


# Of those who have none: nobody can ever receive anything there.
NO_ADDRESS = "@people.invalid"


def normalize_email(email: str) -> str:
    """Addresses are compared trimmed and in lower case (contract 01 §4.2)."""
    return email.strip().lower()


class UserQuerySet(models.QuerySet["User"]):
    """Who may come in is part of who may use what: see accounts/models/stamp.py."""

    def update(self, **kwargs: Any) -> int:
        with changing_rules() if "is_active" in kwargs else nullcontext():
            return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        with changing_rules():
            return super().delete()


class UserManager(BaseUserManager["User"]):
    def get_queryset(self) -> UserQuerySet:
        return UserQuerySet(self.model, using=self._db)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=normalize_email(username or ""))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Save a new user; ``password`` None means that nobody can sign in with one."""
        user = self.model(email=normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(
            email, password, role=ROLE_ADMIN, is_staff=True, is_superuser=True, **fields
        )


class User(AbstractBaseUser, PermissionsMixin):
    """Fields as the client reads them: contract 01 §4.9."""

    id = ObjectIdField()
    email = models.EmailField(unique=True, max_length=254)
    name = models.CharField(max_length=80, blank=True)
    username = models.CharField(max_length=80, blank=True)
    avatar = models.CharField(max_length=1024, blank=True)
    role = models.CharField(max_length=64, default=ROLE_USER, db_index=True)
    provider = models.CharField(max_length=32, default="local")
    email_verified = models.BooleanField(default=False)
    two_factor_enabled = models.BooleanField(default=False)
    personalization = models.JSONField(default=default_personalization, blank=True)
    favorites = models.JSONField(default=list, blank=True)
    pinned_order = models.JSONField(default=list, blank=True)
    plugins = models.JSONField(default=list, blank=True)
    skill_states = models.JSONField(default=dict, blank=True)
    terms_accepted_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(
        null=True, blank=True, editable=False,
        help_text="When an account whose address nobody verified goes.",
    )  # fmt: skip
    awaits_approval = models.BooleanField(
        default=False, editable=False, help_text="Registered; an administrator has to say yes."
    )
    is_active = models.BooleanField(
        "active", default=True, help_text="Without it, the person can neither sign in nor chat."
    )
    is_staff = models.BooleanField(
        "may open the admin", default=False, help_text="What they see there is set by permissions."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = UserManager()

    USERNAME_FIELD = "email"

    class Meta:
        ordering = ["email"]
        permissions = [("support_user", "Can help users to sign in")]

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        columns = kwargs.get("update_fields")
        is_stamped = not self._state.adding and (columns is None or "is_active" in columns)
        with changing_rules() if is_stamped else nullcontext():
            super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with changing_rules():
            return super().delete(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        self.email = normalize_email(self.email)

    @property
    def display_name(self) -> str:
        return self.name or self.username or self.email
