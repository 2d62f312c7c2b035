"""Temporary chats and their removal (contract 03 §15)."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import User
from conversations.models import Conversation, Message
from conversations.services import retention
from tests.conversations.factories import make_conversation, make_message

HOUR = timedelta(hours=1)


@pytest.fixture
def kept(alice: User) -> list[Conversation]:
    """Chats whose time is not over."""
    return [
        make_conversation(alice),
        make_conversation(alice, is_temporary=True, expired_at=timezone.now() + HOUR),
    ]


@pytest.fixture
def expired(alice: User, bob: User) -> list[Conversation]:
    """Chats whose time is over; one has two messages."""
    past = timezone.now() - HOUR
    chats = [
        make_conversation(alice, is_temporary=True, expired_at=past),
        make_conversation(bob, is_archived=True, expired_at=past),
    ]
    make_message(chats[0], is_temporary=True)
    make_message(chats[0], is_temporary=True)
    return chats


def apply_retention(*options: str) -> str:
    out = StringIO()
    call_command("apply_retention", *options, stdout=out)
    return out.getvalue()


def test_what_is_over_is_removed_and_nothing_else(
    kept: list[Conversation], expired: list[Conversation]
) -> None:
    message = make_message(kept[0])
    assert apply_retention() == "Removed 2 chats with 2 messages.\n"
    assert set(Conversation.objects.all()) == set(kept)
    assert list(Message.objects.all()) == [message]
    assert apply_retention() == "Removed 0 chats with 0 messages.\n"


def test_dry_run_removes_nothing(kept: list[Conversation], expired: list[Conversation]) -> None:
    assert apply_retention("--dry-run") == "Would remove 2 chats with 2 messages.\n"
    assert Conversation.objects.count() == len(kept) + len(expired)
    assert Message.objects.count() == 2


def test_everything_goes_however_many_batches_it_takes(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        make_conversation(alice, expired_at=timezone.now() - HOUR)
    assert retention.purge_expired() == retention.Purge(5, 0)
    assert not Conversation.objects.exists()


@pytest.mark.parametrize(
    ("mode", "is_temporary", "hours"),
    [("temporary", False, None), ("temporary", True, 2), ("all", False, 2), ("all", True, 2)],
)
def test_chat_is_over_when_its_mode_says(
    settings: Any, mode: str, is_temporary: bool, hours: int | None
) -> None:
    settings.RETENTION_MODE, settings.TEMPORARY_CHAT_RETENTION_HOURS = mode, 2
    now = timezone.now()
    expected = None if hours is None else now + hours * HOUR
    assert retention.expiry(is_temporary=is_temporary, now=now) == expected
