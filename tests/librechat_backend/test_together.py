"""Statements that go to the database together."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import CharField

from accounts.models import Group, User
from conversations.models import Conversation
from librechat_backend.lib.compiled import CompiledInsert, CompiledQuery, CompiledUpdate, Given
from librechat_backend.lib.together import run_together
from tests.conversations.factories import make_conversation

pytestmark = pytest.mark.django_db

OWN = CompiledQuery(
    lambda: Conversation.objects.filter(user=Given("user_id", CharField())).order_by("title")
)
NAMES = CompiledQuery(lambda: Group.objects.order_by("name").values_list("name", flat=True))
NEW = CompiledInsert(Conversation)
RENAMED = CompiledUpdate(
    lambda: Conversation.objects.filter(pk=Given("pk", CharField())), ["title", "tags"]
)


def _copy(chat: Conversation, **fields: Any) -> Conversation:
    columns = {field.attname: getattr(chat, field.attname) for field in chat._meta.concrete_fields}
    return Conversation(**{**columns, "id": None, **fields})


def test_each_answers_for_itself_and_sees_what_came_before(
    alice: User, bob: User, django_assert_num_queries: Any
) -> None:
    chat = make_conversation(alice, title="one", settings={"temperature": 0.5})
    other = _copy(chat, id="f" * 24, conversation_id="other", title="50 % off; 'two'")
    statements = (
        OWN.asking(user_id=alice.pk),
        NEW.inserting(other),
        RENAMED.updating(pk=chat.pk, title="three", tags=["a", "%s"]),
        RENAMED.updating(pk="nobody", title="", tags=[]),
        OWN.asking(user_id=alice.pk),
        NAMES.asking(),
        OWN.asking(user_id=bob.pk),
    )
    count = 1 if connection.vendor == "postgresql" else len(statements)
    with django_assert_num_queries(count):
        before, new, renamed, nobody, after, names, of_bob = run_together(*statements)
    assert [row.title for row in before] == ["one"]
    assert (new, renamed, nobody) == (1, 1, 0)
    assert [(row.title, row.tags) for row in after] == [
        ("50 % off; 'two'", []),
        ("three", ["a", "%s"]),
    ]
    assert [row.settings for row in after] == [{"temperature": 0.5}] * 2
    assert (names, of_bob) == ([], [])
    assert Conversation.objects.get(pk=other.pk).created_at == chat.created_at


def test_what_one_of_them_is_refused_undoes_all_in_a_transaction(alice: User) -> None:
    chat = make_conversation(alice, title="one")
    twin = _copy(chat, id="f" * 24)
    renamed = RENAMED.updating(pk=chat.pk, title="two", tags=[])
    with pytest.raises(IntegrityError), transaction.atomic():
        run_together(renamed, NEW.inserting(twin))
    assert Conversation.objects.get().title == "one"
