"""Channels: the ways models are reached."""

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from librechat_backend.lib.ids import ObjectIdField
from providers.querysets import ChannelQuerySet


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


class ChannelVersion(models.Model):
    """One row whose stamp changes with every change of a channel or key.

    Processes keep the channels in memory and compare the stamp on each request.
    """

    SINGLE_ID = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=SINGLE_ID, editable=False)
    stamp = models.CharField(max_length=36)

    def __str__(self) -> str:
        return self.stamp
