"""Presets, who gets them, and the rules in between."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils import timezone

from accounts.models import Group
from accounts.models.stamp import Stamped
from librechat_backend.lib.ids import ObjectIdField, new_uuid
from librechat_backend.lib.json import JSONDict
from presets.fields import MAX_CACHE_SECONDS


def default_locked() -> list[str]:
    """Instructions are the administrator's unless they say otherwise."""
    return ["system_message"]


class Preset(Stamped):
    """A model with everything that belongs to it. Empty fields are inherited from ``extends``.

    ``slug`` names the preset for the client and for programs. It need not be unique: in a narrower
    scope the same slug replaces the broader preset. ``parameters`` are under canonical names
    (presets/fields.py); ``bounds`` is ``{parameter: {"min": x, "max": y}}``; ``locked`` names
    fields and parameters people cannot change.
    """

    id = ObjectIdField()
    slug = models.SlugField(max_length=100, db_index=True)
    name = models.CharField(max_length=200, blank=True)
    description = models.CharField(max_length=500, blank=True)
    icon_url = models.CharField("icon", max_length=1024, blank=True)
    menu_group = models.CharField("menu folder", max_length=100, blank=True)
    menu_group_icon = models.CharField("icon of the folder", max_length=1024, blank=True)
    conversation_starters = models.JSONField(default=list, blank=True)
    endpoint = models.CharField(max_length=100, blank=True)
    model = models.CharField(max_length=200, blank=True)
    system_message = models.TextField(blank=True)
    greeting = models.CharField(max_length=500, blank=True)
    model_label = models.CharField("name of the assistant", max_length=100, blank=True)
    show_in_menu = models.BooleanField(null=True, blank=True)
    show_on_landing = models.BooleanField(null=True, blank=True)
    show_icon_in_menu = models.BooleanField(null=True, blank=True)
    show_icon_in_header = models.BooleanField(null=True, blank=True)
    hide_badge_row = models.BooleanField(null=True, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    bounds = models.JSONField(default=dict, blank=True)
    locked = models.JSONField(default=default_locked, blank=True)
    tools = models.JSONField(default=dict, blank=True)
    max_output_tokens = models.PositiveIntegerField(null=True, blank=True)
    max_context_tokens = models.PositiveIntegerField(null=True, blank=True)
    cache_seconds = models.PositiveIntegerField(
        "remember answers for (seconds)",
        null=True,
        blank=True,
        validators=[MaxValueValidator(MAX_CACHE_SECONDS)],
    )
    extends = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="extensions"
    )
    # The group whose managers may change this preset; none: administrators only.
    owner_group = models.ForeignKey(
        Group, on_delete=models.SET_NULL, null=True, blank=True, related_name="presets"
    )
    is_active = models.BooleanField("active", default=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "slug"]

    def __str__(self) -> str:
        return self.name or self.slug


class PresetVersion(models.Model):
    """What a preset was: one row for each change, with who, when and why."""

    id = ObjectIdField()
    preset = models.ForeignKey(Preset, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    fields: models.JSONField[JSONDict] = models.JSONField()
    reason = models.CharField(max_length=500, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["preset", "version"], name="version_once_per_preset")
        ]

    def __str__(self) -> str:
        return f"{self.preset} v{self.version}"


class Assignment(Stamped):
    """Gives a preset to everyone (no group, no user), to a group, or to a person; or takes it."""

    class Effect(models.TextChoices):
        ALLOW = "allow", "give"
        DENY = "deny", "take away"

    id = ObjectIdField()
    preset = models.ForeignKey(Preset, on_delete=models.CASCADE, related_name="assignments")
    group = models.ForeignKey(
        Group, on_delete=models.CASCADE, null=True, blank=True, related_name="assignments"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="preset_assignments",
    )
    effect = models.CharField(max_length=5, choices=Effect.choices, default=Effect.ALLOW)
    is_final = models.BooleanField(
        "final", default=False, help_text="Nothing nearer to the person can undo it."
    )
    priority = models.IntegerField(default=0, help_text="Higher stands further up in the menu.")
    is_default = models.BooleanField(
        "default", default=False, help_text="New chats start with this preset."
    )
    is_active = models.BooleanField("active", default=True)
    starts_at = models.DateTimeField("from", null=True, blank=True)
    ends_at = models.DateTimeField("until", null=True, blank=True)
    rollout_percent = models.PositiveSmallIntegerField(
        "share of people (%)",
        default=100,
        validators=[MaxValueValidator(100)],
        help_text="Always the same people for the same assignment; more join as it grows.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "who gets what"
        ordering = ["-priority", "created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(group=None) | models.Q(user=None),
                name="assignment_has_one_principal",
            ),
            models.UniqueConstraint(
                fields=["preset", "group"],
                condition=models.Q(group__isnull=False),
                name="assignment_once_per_group",
            ),
            models.UniqueConstraint(
                fields=["preset", "user"],
                condition=models.Q(user__isnull=False),
                name="assignment_once_per_user",
            ),
            models.UniqueConstraint(
                fields=["preset"],
                condition=models.Q(group=None, user=None),
                name="assignment_once_for_everyone",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.preset} → {self.user or self.group or 'everyone'}"


class Experiment(Stamped):
    """Some of those who have a preset get something else under its name, and are compared.

    ``variants`` are ``{"name", "weight", "preset"}`` with the id of another preset, or ``{"name",
    "weight", "endpoint", "model"}``. While it runs they stay as they are: only the share changes.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "not begun"
        RUNNING = "running", "running"
        ENDED = "ended", "ended"

    id = ObjectIdField()
    # Stands in the log of requests; the hash of who takes part hangs on it, too.
    name = models.SlugField("short name", max_length=60, unique=True)
    notes = models.TextField("what is to be found out", blank=True)
    preset = models.ForeignKey(Preset, on_delete=models.CASCADE, related_name="experiments")
    variants = models.JSONField(default=list)
    share_percent = models.PositiveSmallIntegerField(
        "share of people (%)", default=0, validators=[MaxValueValidator(100)]
    )
    state = models.CharField(
        max_length=7, choices=State.choices, default=State.DRAFT, editable=False
    )
    started_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["preset"],
                condition=models.Q(state="running"),
                name="one_experiment_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Policy(Stamped):
    """The rules for everyone (no group) or for a group; an empty rule is inherited."""

    id = ObjectIdField()
    group = models.OneToOneField(
        Group, on_delete=models.CASCADE, null=True, blank=True, related_name="policy"
    )
    allows_personal_presets = models.BooleanField("personal presets", null=True, blank=True)
    allows_override = models.BooleanField(
        "people may change parameters that are not locked", null=True, blank=True
    )
    allows_group_presets = models.BooleanField("presets of groups", null=True, blank=True)
    scope_precedence = models.JSONField("whose preset comes first", null=True, blank=True)
    enforce = models.BooleanField(
        "only presets", null=True, blank=True, help_text="Other models cannot be used at all."
    )
    prioritize = models.BooleanField("new chats start with a preset", null=True, blank=True)
    default_is_soft = models.BooleanField(
        "the default yields to what a person chose last", null=True, blank=True
    )
    added_endpoints = models.JSONField("endpoints besides presets", null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = verbose_name_plural = "rules"
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=models.Q(group=None), name="one_policy_for_everyone"
            )
        ]

    def __str__(self) -> str:
        return f"Rules for {self.group or 'everyone'}"


class PersonalPreset(models.Model):
    """A preset a person saved for themselves in the client (contract 03 §1.3)."""

    id = ObjectIdField()
    preset_id = models.CharField(max_length=64, unique=True, default=new_uuid)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="personal_presets"
    )
    title = models.CharField(max_length=1024, default="New Chat", blank=True)
    endpoint = models.CharField(max_length=100, blank=True)
    endpoint_type = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=200, blank=True)
    spec = models.CharField(max_length=200, blank=True)
    icon_url = models.CharField(max_length=1024, blank=True)
    settings = models.JSONField(default=dict, blank=True)
    is_default = models.BooleanField(null=True, blank=True)
    order = models.IntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["order", "-updated_at"]
        indexes = [models.Index(fields=["user", "-updated_at"])]

    def __str__(self) -> str:
        return self.preset_id


class Banner(models.Model):
    """An announcement above the chat (contract 03 §1.11, §14).

    ``banner_id`` is what a browser remembers when somebody closes it, so a new text has a new one.
    """

    class Kind(models.TextChoices):
        BANNER = "banner", "above the chat"
        POPUP = "popup", "a window (the client does not show it)"

    id = ObjectIdField()
    banner_id = models.CharField(max_length=64, editable=False)
    message = models.TextField(
        help_text="HTML: bold, italic, links, line breaks. Everything else is shown as its text."
    )
    kind = models.CharField("shown as", max_length=10, choices=Kind.choices, default=Kind.BANNER)
    display_from = models.DateTimeField("from", default=timezone.now)
    display_to = models.DateTimeField("until", null=True, blank=True)
    is_public = models.BooleanField(
        "for everybody", default=False, help_text="On the sign-in page, too."
    )
    is_persistent = models.BooleanField("cannot be closed", default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-display_from"]

    def __str__(self) -> str:
        return self.message[:80]
