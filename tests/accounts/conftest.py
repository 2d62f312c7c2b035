"""Mail that is sent while a test looks."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from accounts import mail


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
