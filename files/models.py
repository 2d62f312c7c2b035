"""Uploaded files, the bytes behind them, and the rules for uploading."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from accounts.models import Group
from accounts.models.stamp import Stamped
from files.querysets import BlobQuerySet, FileQuerySet
from librechat_backend.lib.ids import ObjectIdField, new_uuid

# Beyond it, megabytes counted in bytes do not survive JSON in the browser.
_MAX_MEGABYTES = 2**32
_SIZE = [MinValueValidator(1), MaxValueValidator(_MAX_MEGABYTES)]
_COUNT = [MinValueValidator(1), MaxValueValidator(1000)]
# A hundred years. Beyond some thousand, no date tells the end.
_DAYS = [MinValueValidator(1), MaxValueValidator(36_500)]
_PIXELS = [MinValueValidator(1), MaxValueValidator(50_000)]
_PATTERNS_HELP = (
    "Instead of the kinds: regular expressions for media types, one a line, such as ^image/.*"
)


class Blob(models.Model):
    """Bytes in a storage. Several files may share one; one that no file has is waste.

    The row is there before the bytes and stays until they are gone, so nothing in the storage is
    ever forgotten: neither when a process dies nor when an account takes its files with it.
    ``checksum`` (SHA-256) is empty while the bytes are being written.
    """

    class Storage(models.TextChoices):
        DISK = "disk", "disk"
        S3 = "s3", "S3"

    id = ObjectIdField()
    key = models.CharField(max_length=200, unique=True)
    storage = models.CharField(max_length=8, choices=Storage.choices)
    byte_count = models.BigIntegerField(default=0)
    checksum = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = BlobQuerySet.as_manager()

    def __str__(self) -> str:
        return self.key


class File(models.Model):
    """Fields of contract 04 §1.1. ``name`` is the last part of the address the client is told."""

    class Context(models.TextChoices):
        MESSAGE = "message_attachment", "attached to a message"
        AGENTS = "agents", "belongs to an agent"
        AVATAR = "avatar", "avatar"
        GENERATED = "image_generation", "made by a model"
        UNKNOWN = "unknown", "unknown"

    class TextState(models.TextChoices):
        """What is known of the text inside."""

        UNREAD = "", "not needed so far"
        READ = "ready", "extracted"
        FAILED = "failed", "failed"

    id = ObjectIdField()
    file_id = models.CharField(max_length=64, unique=True, default=new_uuid)
    temp_file_id = models.CharField(max_length=64, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="files", db_index=False
    )
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="files")
    name = models.CharField(max_length=400)
    filename = models.CharField(max_length=255)
    media_type = models.CharField("type", max_length=255)
    byte_count = models.BigIntegerField("bytes")
    context = models.CharField(
        "what for", max_length=32, choices=Context.choices, default=Context.MESSAGE
    )
    is_text = models.BooleanField("uploaded as text", default=False)
    text = models.TextField(blank=True)
    text_state = models.CharField(
        "text inside", max_length=8, choices=TextState.choices, blank=True
    )
    text_problem = models.CharField("why not", max_length=200, blank=True)
    page_count = models.PositiveIntegerField("pages", null=True, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    usage = models.PositiveIntegerField("times used", default=0)
    is_embedded = models.BooleanField("in the knowledge base", default=False)
    conversation_id = models.CharField(max_length=36, blank=True)
    message_id = models.CharField(max_length=64, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    expires_at = models.DateTimeField("removed after", null=True, blank=True, db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = FileQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at"]
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="file_name_once_per_user")
        ]
        indexes = [models.Index(fields=["user", "-updated_at", "-id"])]

    def __str__(self) -> str:
        return self.filename

    @property
    def is_image(self) -> bool:
        """Whether the client shows it as a picture."""
        return self.width is not None and self.height is not None

    @property
    def path(self) -> str:
        """The stable address: same origin, never signed, the same wherever the bytes are."""
        folder = "images" if self.is_image else "uploads"
        return f"/{folder}/{self.user_id}/{self.name}"


class FileRules(Stamped):
    """What may be uploaded: for everyone (no group) or a group; what is empty is inherited.

    Sizes are in megabytes of 1024² bytes, as the client counts them. ``families`` are names of
    files/media_types.py.
    """

    class ImageFormat(models.TextChoices):
        AUTO = "auto", "JPEG stays JPEG, everything else becomes PNG"
        PNG = "png", "PNG"
        JPEG = "jpeg", "JPEG"
        WEBP = "webp", "WebP"

    id = ObjectIdField()
    group = models.OneToOneField(
        Group, on_delete=models.CASCADE, null=True, blank=True, related_name="file_rules"
    )
    is_enabled = models.BooleanField("uploads", null=True, blank=True)
    file_limit = models.PositiveIntegerField(
        "files per message", null=True, blank=True, validators=_COUNT
    )
    file_megabytes = models.PositiveBigIntegerField(
        "size of a file (MB)", null=True, blank=True, validators=_SIZE
    )
    total_megabytes = models.PositiveBigIntegerField(
        "size of all files of a message (MB)", null=True, blank=True, validators=_SIZE
    )
    families = models.JSONField("kinds of files", null=True, blank=True)
    patterns = models.JSONField("types", null=True, blank=True, help_text=_PATTERNS_HELP)
    avatar_megabytes = models.PositiveBigIntegerField(
        "size of an avatar (MB)", null=True, blank=True, validators=_SIZE
    )
    text_token_limit = models.PositiveIntegerField(
        "tokens of text per file", null=True, blank=True, validators=[MinValueValidator(1)],
        help_text="Longer texts are cut before they reach a model.",
    )  # fmt: skip
    quota_megabytes = models.PositiveBigIntegerField(
        "space per person (MB)", null=True, blank=True, validators=_SIZE,
        help_text="For all files of a person together. Empty for everyone: no limit.",
    )  # fmt: skip
    retention_days = models.PositiveIntegerField(
        "days files are kept", null=True, blank=True, validators=_DAYS,
        help_text="Counted from the upload. Empty for everyone: until somebody deletes them.",
    )  # fmt: skip
    shrinks_pictures = models.BooleanField(
        "browsers shrink pictures before the upload", null=True, blank=True,
        help_text="Inherited and nowhere said: each person decides.",
    )  # fmt: skip
    picture_width = models.PositiveIntegerField(
        "to a width of (px)", null=True, blank=True, validators=_PIXELS
    )
    picture_height = models.PositiveIntegerField(
        "to a height of (px)", null=True, blank=True, validators=_PIXELS
    )
    picture_quality = models.FloatField(
        "with a quality of (0 to 1)", null=True, blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
    )  # fmt: skip
    image_format = models.CharField(
        "pictures are stored as", max_length=8, choices=ImageFormat.choices, blank=True
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = verbose_name_plural = "upload rules"
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=models.Q(group=None), name="one_file_rules_for_everyone"
            )
        ]

    def __str__(self) -> str:
        return f"Upload rules for {self.group or 'everyone'}"


class EndpointRules(Stamped):
    """What differs for one endpoint."""

    rules = models.ForeignKey(FileRules, on_delete=models.CASCADE, related_name="endpoints")
    endpoint = models.CharField(max_length=100)
    is_enabled = models.BooleanField("uploads", null=True, blank=True)
    file_limit = models.PositiveIntegerField(
        "files per message", null=True, blank=True, validators=_COUNT
    )
    file_megabytes = models.PositiveBigIntegerField(
        "size of a file (MB)", null=True, blank=True, validators=_SIZE
    )
    total_megabytes = models.PositiveBigIntegerField(
        "size of all files (MB)", null=True, blank=True, validators=_SIZE
    )
    families = models.JSONField("kinds of files", null=True, blank=True)
    patterns = models.JSONField("types", null=True, blank=True, help_text=_PATTERNS_HELP)

    class Meta:
        verbose_name = "exception for an endpoint"
        verbose_name_plural = "exceptions for single endpoints"
        constraints = [
            models.UniqueConstraint(fields=["rules", "endpoint"], name="endpoint_once_per_rules")
        ]

    def __str__(self) -> str:
        return self.endpoint
