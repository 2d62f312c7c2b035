"""What can be found: one entry per message, and one per title of a conversation."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from conversations.models.conversation import Conversation
from conversations.models.message import Message


class DocumentField(models.TextField):  # type: ignore[type-arg]
    """Words as the database indexes them: a tsvector on PostgreSQL, text for FTS5 on SQLite."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return "tsvector" if connection.vendor == "postgresql" else super().db_type(connection)

    def get_placeholder(self, value: Any, compiler: Any, connection: BaseDatabaseWrapper) -> str:
        return "%s::tsvector" if connection.vendor == "postgresql" else "%s"


class SearchEntry(models.Model):
    """``owner`` says whose it is and whether it is a message or a title; see conversations.search.
    ``is_listed``: PostgreSQL's full-text index has it; others are read one by one.

    Later entries have larger ids. The entry of a message goes with its conversation, or by
    ``remove_message``: a cascade from messages would load each message of a deleted conversation.
    """

    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="search_entries"
    )
    message = models.OneToOneField(
        Message,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="search_entry",
    )
    owner = models.CharField(max_length=25)
    document = DocumentField()
    is_listed = models.BooleanField(default=True, db_default=True)

    id = models.BigAutoField(primary_key=True)

    class Meta:
        verbose_name_plural = "search entries"

    def __str__(self) -> str:
        return str(self.pk)
