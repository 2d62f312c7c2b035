"""Groups of people: a tree of any depth. What a group is given, its subgroups inherit."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from accounts.models.stamp import Stamped
from librechat_backend.lib.ids import ObjectIdField


class Group(Stamped):
    parent = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="children",
        verbose_name="belongs to",
        help_text="What that group is given, this one gets, too.",
    )
    object_id = ObjectIdField(primary_key=False, unique=True)
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=100, unique=True)
    description = models.CharField(max_length=500, blank=True)
    is_active = models.BooleanField(
        "active", default=True, help_text="An inactive group gives its members nothing."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raises ValidationError beside ``parent`` for a loop."""
        if self.parent is not None and self.parent.pk == self.pk:
            raise ValidationError({"parent": f"“{self}” cannot belong to itself."})
        above, seen = self.parent, {self.pk}
        while above is not None:
            if above.pk in seen:
                raise ValidationError(
                    {"parent": f"“{self.parent}” belongs to “{self}”: this would be a loop."}
                )
            seen.add(above.pk)
            above = above.parent


class Membership(Stamped):
    """One person in one group."""

    class Role(models.TextChoices):
        MEMBER = "member"
        MANAGER = "manager"

    class Source(models.TextChoices):
        MANUAL = "manual"
        CLAIM = "claim", "sign-in provider"
        PLAN = "plan", "paid plan"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(
        max_length=10,
        choices=Role.choices,
        default=Role.MEMBER,
        help_text="Managers may change this group and all groups below it.",
    )
    source = models.CharField(
        max_length=10, choices=Source.choices, default=Source.MANUAL, editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "group"], name="member_once_per_group")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.group}"
