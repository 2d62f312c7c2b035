"""On PostgreSQL the first entries of each person stay outside of the full-text index."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from conversations import search
from conversations.message_text import message_text
from conversations.models import Message, SearchEntry
from conversations.words import words
from moving import listing
from tests.conftest import ClientFor
from tests.moving.commands import env_file, move_in
from tests.moving.dumps import write_dump
from tests.moving.librechat_database import OldDatabase

PEOPLE, FIRST = 2, 7
SOME = OldDatabase(people=PEOPLE, conversations=2, length=6, with_hazards=False)
MORE = OldDatabase(people=PEOPLE, conversations=4, length=6, with_hazards=False)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def few_are_many(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SPOOL_DIR = tmp_path / "spool"
    monkeypatch.setattr(listing, "RECENT_ENTRIES", FIRST)
    monkeypatch.setattr(search, "RECENT_ENTRIES", 2)  # or the index would never be asked


def take(directory: Path, old: OldDatabase) -> None:
    directory.mkdir()
    said = move_in(write_dump(directory / "dump", old), "--env", str(env_file(directory))).said
    assert "samples" in said


def unlisted() -> Counter[str]:
    outside = SearchEntry.objects.filter(is_listed=False, owner__startswith=search.MESSAGE)
    return Counter(outside.values_list("owner", flat=True))


def test_first_ones_of_each_stay_outside_also_when_they_come_in_two_moves(tmp_path: Path) -> None:
    is_postgresql = connection.vendor == "postgresql"
    take(tmp_path / "some", SOME)
    assert set(unlisted().values()) == ({6} if is_postgresql else set())
    take(tmp_path / "more", MORE)
    assert set(unlisted().values()) == ({FIRST} if is_postgresql else set())
    assert len(unlisted()) == (PEOPLE if is_postgresql else 0)
    messages = SearchEntry.objects.filter(owner__startswith=search.MESSAGE)
    outside = PEOPLE * FIRST if is_postgresql else 0
    assert messages.filter(is_listed=True).count() == 24 - outside
    if is_postgresql:
        oldest = messages.order_by("owner", "pk").values_list("is_listed", flat=True)
        assert list(oldest) == ([False] * FIRST + [True] * (12 - FIRST)) * PEOPLE


def test_all_are_found_wherever_they_are(tmp_path: Path, client_for: ClientFor) -> None:
    take(tmp_path / "more", MORE)
    for person in User.objects.all():
        client = client_for(person)
        said = {
            each.message_id: set(words(message_text(each.text, each.content)))
            for each in Message.objects.filter(user=person)
        }
        assert len(said) == 12
        for word in sorted(set().union(*said.values()))[::7]:
            answer = client.get("/api/messages", {"search": word}).json()
            found = {each["messageId"] for each in answer["messages"]}
            assert found >= {name for name, own in said.items() if word in own}
