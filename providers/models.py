"""Channels: the ways models are reached."""

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from accounts.models import Group
from librechat_backend.lib.ids import ObjectIdField
from providers.querysets import ChannelQuerySet, KeyHealthQuerySet


def empty_list() -> list[str]:
    return []


class Channel(models.Model):
    """One account at one service. Several channels may serve the same endpoint and model."""

    id = ObjectIdField()
    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField("service", max_length=40, help_text="Which service this reaches.")
    endpoint = models.CharField(
        "shown as",
        max_length=100,
        blank=True,
        help_text="The endpoint's name in the chat's model menu. Empty: the service's own name. "
        "Channels with the same name share one menu entry.",
    )
    menu_label = models.CharField(
        "name of who answers",
        max_length=100,
        blank=True,
        help_text="Shown above answers where the model's name tells no other. Empty: the name in "
        "the menu.",
    )
    icon_url = models.CharField(
        "icon",
        max_length=1024,
        blank=True,
        help_text="An address, or the name of a service the client has an icon for.",
    )
    menu_order = models.PositiveIntegerField(
        "place in the menu", default=100, help_text="The lowest stands first."
    )
    title_model = models.CharField(
        "titles by",
        max_length=200,
        blank=True,
        help_text="The model that makes titles of chats. Empty: TITLE_MODEL, else the chat's own.",
    )
    # Not a URLField: its validator refuses host names without a dot, as containers have.
    base_url = models.CharField(
        "address",
        max_length=500,
        blank=True,
        validators=[RegexValidator(r"^https?://[^\s/]+", "Enter an address such as https://….")],
        help_text="Empty: the service's own address. Example: http://localhost:11434/v1",
    )
    model_names = models.JSONField(
        "models",
        default=empty_list,
        blank=True,
        help_text="Names of models, as the service spells them.",
    )
    model_mapping = models.JSONField(
        default=dict, blank=True, help_text="Name people see → name sent to the service."
    )
    headers = models.JSONField(default=dict, blank=True, help_text="Extra request headers.")
    options = models.JSONField(
        default=dict, blank=True, help_text="What this service needs besides, such as api_version."
    )
    priority = models.IntegerField(
        default=0, help_text="Higher is tried first; the others serve when it fails."
    )
    weight = models.PositiveIntegerField(
        default=1,
        validators=[MinValueValidator(1)],
        help_text="Share of the requests among channels of equal priority.",
    )
    is_active = models.BooleanField("active", default=True)
    parameter_overrides = models.JSONField(
        "fixed parameters",
        default=dict,
        blank=True,
        help_text="Fields of the request as the service spells them → what is sent instead.",
    )
    relay_url = models.CharField(
        "relay",
        max_length=500,
        blank=True,
        validators=[RegexValidator(r"^https?://[^\s/]+", "Enter an address such as https://….")],
        help_text="Requests go to this address, which passes them on. Empty: RELAY_PROXY_URL, "
        "else directly.",
    )
    encrypted_relay_key = models.TextField(editable=False, blank=True)
    is_for_everyone = models.BooleanField(
        "for everyone", default=True, help_text="Off: only for the groups below."
    )
    groups = models.ManyToManyField(
        Group,
        blank=True,
        related_name="channels",
        help_text="Who may use it when it is not for everyone; their subgroups may, too. "
        "None chosen: nobody.",
    )
    rollout_percent = models.PositiveSmallIntegerField(
        "roll-out (%)",
        default=100,
        validators=[MaxValueValidator(100)],
        help_text="Part of the people who may use it; the same people each time.",
    )
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty: no limit. At the limit other channels answer."
    )
    tokens_per_minute = models.PositiveIntegerField(null=True, blank=True)
    parallel_requests = models.PositiveIntegerField(null=True, blank=True)
    connect_timeout_seconds = models.PositiveIntegerField("wait to connect (seconds)", default=10)
    first_event_timeout_seconds = models.PositiveIntegerField(
        "wait for the first word (seconds)", default=300
    )
    idle_timeout_seconds = models.PositiveIntegerField("longest silence (seconds)", default=120)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ChannelQuerySet.as_manager()

    class Meta:
        ordering = ["-priority", "name"]

    def __str__(self) -> str:
        return self.name


class ChannelKey(models.Model):
    """A secret of a channel; encrypted, and never shown again after it was entered."""

    id = ObjectIdField()
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="keys")
    label = models.CharField(max_length=100, blank=True)
    encrypted = models.TextField(editable=False)
    hint = models.CharField(max_length=12, editable=False, help_text="Its last characters.")
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"{self.label or 'key'} …{self.hint}"


class ModelAlias(models.Model):
    """A name people use for a model, and what answers when that model fails."""

    id = ObjectIdField()
    name = models.CharField(
        max_length=200,
        unique=True,
        help_text="The name people choose: a new one, or that of a model to give it fallbacks.",
    )
    target = models.CharField(
        "stands for", max_length=200, help_text="The model, as a channel lists it."
    )
    hard_target = models.CharField(
        "for hard questions",
        max_length=200,
        blank=True,
        help_text="Set: hard questions go to this model, easy ones to the one above.",
    )
    fallbacks = models.JSONField(
        "when it fails",
        default=empty_list,
        blank=True,
        help_text="Models asked one after another when none of its channels answers.",
    )
    fallbacks_if_too_long = models.JSONField(
        "when the conversation is too long", default=empty_list, blank=True
    )
    fallbacks_if_filtered = models.JSONField(
        "when a content filter stops it", default=empty_list, blank=True
    )
    description = models.CharField(max_length=500, blank=True)
    is_active = models.BooleanField("active", default=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "model name"

    def __str__(self) -> str:
        return self.name


class NameRule(models.Model):
    """Names of one shape that no channel lists are sent to a channel."""

    id = ObjectIdField()
    pattern = models.CharField(
        max_length=200, help_text="* stands for anything: gpt-*, *gemini*, @cf/*."
    )
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="name_rules")
    order = models.PositiveIntegerField(default=100, help_text="The lowest is asked first.")
    is_active = models.BooleanField("active", default=True)

    class Meta:
        ordering = ["order", "pattern"]
        constraints = [
            models.UniqueConstraint(fields=["pattern", "channel"], name="rule_once_per_channel")
        ]

    def __str__(self) -> str:
        return f"{self.pattern} → {self.channel}"


class KeyHealth(models.Model):
    """A key that failed, and until when it rests. Keys in good health have no row.

    Ids are texts, for channels of the environment have no rows.
    """

    channel_id = models.CharField(max_length=64)
    key_id = models.CharField(max_length=24, blank=True)
    rests = models.PositiveIntegerField(default=0, help_text="How often in a row it had to rest.")
    rests_until = models.DateTimeField()
    probe_until = models.DateTimeField(null=True)
    error_kind = models.CharField(max_length=30)
    error_message = models.CharField(max_length=400, blank=True)
    failed_at = models.DateTimeField()

    objects = KeyHealthQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel_id", "key_id"], name="one_health_per_key")
        ]
        verbose_name_plural = "health of keys"

    def __str__(self) -> str:
        return f"{self.channel_id} {self.key_id}"


class ChannelVersion(models.Model):
    """One row whose stamp changes with every change of a channel, key, alias or rule.

    Processes keep the channels in memory and compare the stamp on each request.
    """

    SINGLE_ID = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=SINGLE_ID, editable=False)
    stamp = models.CharField(max_length=36)

    def __str__(self) -> str:
        return self.stamp
