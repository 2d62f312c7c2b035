"""The person who signs in."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models

from librechat_backend.lib.ids import ObjectIdField

ROLE_USER = "USER"
ROLE_ADMIN = "ADMIN"


def default_personalization() -> dict[str, Any]:
    return {"memories": True}


def normalize_email(email: str) -> str:
    """Addresses are compared trimmed and in lower case (contract 01 §4.2)."""
    return email.strip().lower()


class UserManager(BaseUserManager["User"]):
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

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        super().clean()
        self.email = normalize_email(self.email)

    @property
    def display_name(self) -> str:
        return self.name or self.username or self.email
