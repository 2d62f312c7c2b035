"""What follows from the claims of people who sign in through a provider."""

from django.core.exceptions import ValidationError
from django.db import models

from accounts.models.group import Group


class IdentityRule(models.Model):
    """One consequence of one claim."""

    class Provider(models.TextChoices):
        ANY = "", "any of them"
        OPENID = "openid", "OpenID Connect"
        SAML = "saml", "SAML"
        LDAP = "ldap", "LDAP"
        GOOGLE = "google", "Google"
        GITHUB = "github", "GitHub"
        DISCORD = "discord", "Discord"
        FACEBOOK = "facebook", "Facebook"
        APPLE = "apple", "Apple"

    class Effect(models.TextChoices):
        REQUIRE = "require", "may sign in (people who match no such rule may not)"
        GROUP = "group", "is a member of the group"
        GROUPS = "groups", "is a member of the group each value names"
        ROLE = "role", "has the role"

    provider = models.CharField(
        "signs in through", max_length=20, choices=Provider.choices, blank=True, default=""
    )
    claim = models.CharField(
        max_length=200,
        help_text="Name of the claim or attribute, such as groups, realm_access.roles or memberOf.",
    )
    value = models.CharField(
        max_length=500,
        blank=True,
        help_text="Whoever has exactly this value matches. Empty for “the group each value names”.",
    )
    effect = models.CharField("whoever matches …", max_length=10, choices=Effect.choices)
    group = models.ForeignKey(
        Group,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="identity_rules",
        help_text="The group to join. For “the group each value names”: the group below which "
        "these are; missing ones are made.",
    )
    role = models.CharField(max_length=64, blank=True)
    position = models.PositiveIntegerField(
        default=0, help_text="Of several roles that match, the one with the lowest number counts."
    )
    is_active = models.BooleanField("active", default=True)

    class Meta:
        ordering = ["effect", "position", "pk"]

    def __str__(self) -> str:
        return f"{self.claim} {self.value}".strip()

    def clean(self) -> None:
        """Raises ValidationError beside what is missing."""
        if not self.value and self.effect != self.Effect.GROUPS:
            raise ValidationError({"value": "Which value has to be there?"})
        if self.value and self.effect == self.Effect.GROUPS:
            raise ValidationError({"value": "Leave this empty: each value names a group."})
        if self.effect == self.Effect.GROUP and self.group is None:
            raise ValidationError({"group": "Which group?"})
        if self.effect == self.Effect.ROLE and not self.role:
            raise ValidationError({"role": "Which role?"})
