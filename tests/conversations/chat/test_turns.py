"""The stored side of a turn, without a model."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import OperationalError, connection

from accounts.models import Role, User
from conversations.chat.events import Finished
from conversations.chat.request import Edit, TurnRequest
from conversations.message_text import message_text
from conversations.models import Conversation, Generation, Message
from conversations.services import generations, turns
from conversations.services.known import AlreadyStarted, ConversationBusy
from conversations.services.turns import Outcome, Status, Turn
from librechat_backend.lib.errors import AppError, Forbidden
from librechat_backend.lib.ids import NO_PARENT
from tests.conversations.factories import make_answer, make_conversation, make_message, make_project
from usage.entries import Face, RequestEntry
from usage.models import RequestLog
from usage.recorder import prepare

CountQueries = Callable[[int], AbstractContextManager[Any]]
ANSWER = [{"type": "text", "text": "At noon."}]


@pytest.fixture(autouse=True)
def offered(settings: Any) -> None:
    settings.DEMO_PROVIDER = "false"
    settings.PROVIDER_ENVIRONMENT = {"OPENAI_API_KEY": "sk-x", "OPENAI_MODELS": "gpt-4.1"}


def _begin(user: User, **fields: Any) -> Turn:
    values = {"text": "When?", "endpoint": "openAI", "model": "gpt-4.1"}
    return turns.begin_turn(user=user, request=TurnRequest(**values | fields), process="p1")


def _finish(turn: Turn, process: str = "p1", **fields: Any) -> Any:
    outcome = Outcome(**{"status": Status.COMPLETE, "content": ANSWER} | fields)
    return turns.finish_turn(generation_id=turn.generation.id, process=process, outcome=outcome)


def test_begin_stores_conversation_question_and_generation(alice: User) -> None:
    turn = _begin(alice, settings={"temperature": 0.5}, quotes=("the sea",), client_request_id="r")
    conversation = Conversation.objects.get()
    assert (conversation.title, conversation.settings) == ("New Chat", {"temperature": 0.5})
    message = Message.objects.get()
    assert (message.text, message.quotes, message.parent_message_id) == (
        "When?",
        ["the sea"],
        NO_PARENT,
    )
    generation = Generation.objects.get()
    assert (generation.status, generation.process) == ("running", "p1")
    assert generation.user_message_id == message.message_id
    assert (turn.is_new, turn.retained, turn.sender) == (True, [], "GPT-4.1")


def test_an_answer_is_stored_under_a_name_as_long_as_one_likes(alice: User) -> None:
    turn = _begin(alice, settings={"modelLabel": "x" * 5000})
    assert isinstance(_finish(turn), Finished)
    assert Message.objects.get(is_created_by_user=False).sender == "x" * 200


ODD: list[dict[str, Any]] = [{"type": "text", "text": "\ud800\x00."}]


@pytest.mark.parametrize(
    "refused",
    [{"token_count": -1}, {"token_count": -1, "content": ODD}, {"finish_reason": "\ud800"}],
)
def test_an_answer_no_row_takes_is_kept_in_words(alice: User, refused: dict[str, Any]) -> None:
    """Without an end it was tried, and waited for, for ever."""
    turn = _begin(alice)
    finished = _finish(turn, **refused)
    assert isinstance(finished, Finished)
    said = message_text("", refused.get("content", ANSWER)).replace("\ud800\x00", "?")
    assert finished.response["content"] == [
        {"type": "text", "text": said}, {"type": "error", "error": turns.NOT_AS_IT_WAS},
    ]  # fmt: skip
    assert Generation.objects.get().status == Status.ERROR


class _ProgramLimit(Exception):
    sqlstate = "54000"


def test_so_is_one_that_is_more_than_the_database_can_do(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn, finish = _begin(alice), turns._finish

    def too_much(generation_id: str, process: str, outcome: Outcome, **named: Any) -> Any:
        if outcome.content == ANSWER:
            raise OperationalError("string is too long") from _ProgramLimit()
        return finish(generation_id, process, outcome, **named)

    monkeypatch.setattr(turns, "_finish", too_much)
    assert _finish(turn).response["content"][-1]["error"] == turns.NOT_AS_IT_WAS


def test_an_answer_waits_for_a_database_that_is_away(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*asked: Any, **named: Any) -> Any:
        raise OperationalError("the connection is closed")

    turn = _begin(alice)
    with monkeypatch.context() as patch:
        patch.setattr(turns, "_finish", away)
        with pytest.raises(OperationalError):
            _finish(turn)
    assert _finish(turn).response["content"] == ANSWER


def test_query_count_of_a_begin(alice: User, django_assert_num_queries: CountQueries) -> None:
    turn = _begin(alice)
    _finish(turn)
    parent = turn.generation.response_message_id
    # PostgreSQL takes what is read at once, and so what is written; the rest is a savepoint.
    # What the model is asked is read, too.
    with django_assert_num_queries(4 if connection.vendor == "postgresql" else 15):
        _begin(
            alice,
            conversation_id=turn.conversation.conversation_id,
            parent_message_id=parent,
            client_request_id="r",
        )


def test_query_count_of_a_finish(alice: User, django_assert_num_queries: CountQueries) -> None:
    turn = _begin(alice)
    with django_assert_num_queries(4 if connection.vendor == "postgresql" else 11):
        _finish(turn)


def test_repetition_and_a_busy_conversation_are_told_apart(alice: User) -> None:
    turn = _begin(alice, client_request_id="r1")
    with pytest.raises(AlreadyStarted) as repeated:
        _begin(alice, client_request_id="r1")
    assert repeated.value.generation.pk == turn.generation.pk
    with pytest.raises(ConversationBusy) as busy:
        _begin(alice, conversation_id=turn.conversation.conversation_id)
    assert busy.value.generation.pk == turn.generation.pk
    assert Message.objects.count() == 1


def test_epochs_differ_within_one_millisecond(alice: User) -> None:
    turn = _begin(alice)
    epochs = [turn.generation.created_ms]
    for _ in range(5):
        _finish(turn)
        turn = _begin(alice, conversation_id=turn.conversation.conversation_id)
        epochs.append(turn.generation.created_ms)
    assert len(set(epochs)) == 6
    assert epochs == sorted(epochs)


def test_finish_belongs_to_the_owner_and_happens_once(alice: User) -> None:
    turn = _begin(alice)
    assert _finish(turn, process="another") is None
    finished = _finish(turn)
    assert finished.response["content"] == ANSWER
    assert finished.message_ids == list(Message.objects.values_list("id", flat=True))
    assert _finish(turn) is None
    assert Message.objects.count() == 2


def test_a_row_of_a_call_that_is_refused_costs_nobody_the_answer(alice: User) -> None:
    turn = _begin(alice)
    bad, good = (
        RequestEntry(face=Face.CHAT, operation="chat", user_id=alice.pk, endpoint=name)
        for name in ("bad", "good")
    )
    prepare(bad)
    prepare(good)
    bad.total_ms = None  # type: ignore[assignment]
    finished = _finish(turn, requests=(bad, good))
    assert finished.response["content"] == ANSWER
    assert Message.objects.count() == 2
    assert list(RequestLog.objects.values_list("endpoint", flat=True)) == ["good"]


def test_taken_over_turn_is_lost_to_its_first_owner(alice: User) -> None:
    turn = _begin(alice)
    taken = {"generation_id": turn.generation.id, "from_process": "p1", "to_process": "p2"}
    assert generations.take_over(**taken) is True
    assert generations.take_over(**taken) is False
    assert generations.beat(process="p1", addresses={turn.generation.id: ""}) == set()
    assert _finish(turn) is None
    assert _finish(turn, process="p2") is not None


@pytest.mark.parametrize(
    ("outcome", "row"),
    [
        ({"finish_reason": "length"}, {"finish_reason": "length", "error": False, "text": ""}),
        (
            {"content": None, "error_text": "429", "status": Status.ERROR},
            {"content": None, "error": True, "text": "429", "unfinished": False},
        ),
        (
            {"content": [], "status": Status.ABORTED, "is_unfinished": True},
            {"content": [], "error": False, "unfinished": True},
        ),
    ],
)
def test_answer_is_stored_as_it_ended(
    alice: User, outcome: dict[str, Any], row: dict[str, Any]
) -> None:
    turn = _begin(alice)
    finished = _finish(turn, **outcome)
    assert row.items() <= finished.response.items()
    assert Generation.objects.get().status == outcome.get("status", Status.COMPLETE)
    stored = turns.stored_result(generation_id=turn.generation.id)
    assert stored == finished


def test_deleted_conversation_takes_its_turn_along(alice: User) -> None:
    turn = _begin(alice)
    Conversation.objects.all().delete()
    assert _finish(turn) is None


def _edited_parts(alice: User, parts: list[dict[str, Any]], edit: Edit) -> list[dict[str, Any]]:
    conversation = make_conversation(alice)
    question = make_message(conversation)
    answer = make_answer(conversation, parent_message_id=question.message_id, content=parts)
    turn = _begin(
        alice,
        conversation_id=conversation.conversation_id,
        answered_message_id=question.message_id,
        replaced_answer_id=answer.message_id,
        edit=edit,
    )
    answer.refresh_from_db()
    assert answer.content == parts
    return turn.retained


def test_edit_rewrites_one_part_and_keeps_the_rest(alice: User) -> None:
    parts = [
        {"type": "think", "think": "Hm."},
        {"type": "text", "text": "At noon."},
        {"type": "text", "text": "Or not."},
    ]
    assert _edited_parts(alice, parts, Edit(1, "text", "I say: ")) == [
        {"type": "think", "think": "Hm."},
        {"type": "text", "text": "I say: "},
        {"type": "text", "text": "Or not."},
    ]


@pytest.mark.parametrize("edit", [Edit(1, "text", "a"), Edit(0, "think", "a")])
def test_edit_of_a_part_that_is_not_there_is_refused(alice: User, edit: Edit) -> None:
    with pytest.raises(AppError) as refusal:
        _edited_parts(alice, [{"type": "text", "text": "At noon."}], edit)
    assert refusal.value.status == 400
    assert not Generation.objects.exists()


def test_regenerated_answer_keeps_nothing(alice: User) -> None:
    conversation = make_conversation(alice)
    question = make_message(conversation)
    answer = make_answer(conversation, parent_message_id=question.message_id)
    turn = _begin(
        alice,
        conversation_id=conversation.conversation_id,
        answered_message_id=question.message_id,
        replaced_answer_id=answer.message_id,
    )
    assert turn.retained == []
    assert turn.user_message["message_id"] == question.message_id


def test_temporary_chat_needs_its_permission_and_has_an_end(alice: User, settings: Any) -> None:
    settings.TEMPORARY_CHAT_RETENTION_HOURS = 24
    turn = _begin(alice, is_temporary=True)
    conversation = Conversation.objects.get()
    assert conversation.expired_at is not None
    assert (conversation.expired_at - conversation.created_at).total_seconds() == 24 * 3600
    assert turn.user_message["expired_at"] == conversation.expired_at
    _finish(turn)
    assert Message.objects.filter(is_temporary=True).count() == 2
    Role.objects.update_or_create(
        name=alice.role, defaults={"permissions": {"TEMPORARY_CHAT": {"USE": False}}}
    )
    with pytest.raises(Forbidden):
        _begin(alice, is_temporary=True)


def test_each_turn_gives_a_temporary_chat_its_whole_time_again(alice: User) -> None:
    turn = _begin(alice, is_temporary=True)
    _finish(turn)
    chat = turn.conversation
    Conversation.objects.update(expired_at=chat.created_at)
    again = _begin(
        alice,
        conversation_id=chat.conversation_id,
        parent_message_id=turn.generation.response_message_id,
    )
    chat.refresh_from_db()
    assert chat.is_temporary
    assert chat.expired_at is not None
    assert (chat.expired_at - chat.updated_at).total_seconds() == 720 * 3600
    assert again.user_message["expired_at"] == chat.expired_at


def test_new_chat_begins_in_its_project_when_that_is_of_the_caller(alice: User, bob: User) -> None:
    mine, theirs = make_project(alice), make_project(bob)
    for asked, stored in [(mine.pk, mine.pk), (theirs.pk, None), ("f" * 24, None), (None, None)]:
        assert _begin(alice, project_id=asked).conversation.project_id == stored


def test_title_given_by_hand_stays(alice: User) -> None:
    turn = _begin(alice)
    assert generations.set_title(conversation=turn.conversation, title="Tides") is True
    assert generations.set_title(conversation=turn.conversation, title="Other") is False
    assert Conversation.objects.get().title == "Tides"
