"""Mail that is sent while a test looks, and notes that can be shared."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings

from accounts import mail, permissions
from accounts.permissions import Bit, PermissionType
from tests.accounts.notes import SHAREABLE, forget_notes


class AtOnce:
    """Stands for the threads that send mail."""

    def submit(self, function: Callable[..., None], *args: Any) -> None:
        function(*args)


@pytest.fixture(autouse=True)
def mail_at_once(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Tasks, too: the links people ask for are made in one."""
    monkeypatch.setattr(mail, "_senders", AtOnce())
    monkeypatch.setattr(mail, "SPREAD_SECONDS", 0)
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}


@pytest.fixture
def with_mail(settings: Settings) -> None:
    """A mail server is set; what is sent is in ``django.core.mail.outbox``."""
    settings.EMAIL_ENABLED = True
    settings.DEFAULT_FROM_EMAIL = "chat@example.com"


@pytest.fixture
def resets_allowed(settings: Settings) -> None:
    settings.ALLOW_PASSWORD_RESET = True


@pytest.fixture
def notes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Notes are shareable, and sharing prompts is a feature of this release."""
    settings.SHAREABLE = SHAREABLE
    built = {(PermissionType.PROMPTS, bit) for bit in (Bit.SHARE, Bit.SHARE_PUBLIC)}
    built.add((PermissionType.SHARED_LINKS, Bit.SHARE))
    monkeypatch.setattr(permissions, "BUILT", permissions.BUILT | built)
    yield
    forget_notes()
