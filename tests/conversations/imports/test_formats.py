"""What chats of other programs become here (contract 03 §4)."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from conversations.models import ChatImport, Conversation, Message
from conversations.search import find_messages, find_titles
from conversations.services import imports
from conversations.services.storing import store_chat
from conversations.tasks import start_import
from librechat_backend.lib.errors import TooManyRequests
from librechat_backend.lib.ids import NO_PARENT, is_uuid
from librechat_backend.lib.task_worker import Worker, run_again
from librechat_backend.lib.times import to_iso
from tests.conversations.factories import make_project, make_tag
from tests.conversations.imports.conftest import Import, zipped
from tests.conversations.imports.sources import (
    chatbotui,
    chatgpt,
    claude,
    librechat,
    node,
    said,
    tides,
)

pytestmark = pytest.mark.django_db


def only_chat() -> Conversation:
    return Conversation.objects.get()


def rows(chat: Conversation) -> list[tuple[Any, ...]]:
    """Sender, text, text of the parent, date of each message, oldest first."""
    messages = list(chat.messages.order_by("created_at", "id"))
    texts = {message.message_id: message.text for message in messages} | {NO_PARENT: ""}
    return [(m.sender, m.text, texts[m.parent_message_id], to_iso(m.created_at)) for m in messages]


def test_chatgpt_chat_keeps_branches_dates_and_thoughts(alice: User, import_file: Import) -> None:
    done = import_file(alice, [tides()])
    assert (done.status, done.problem, done.found, done.added) == ("done", "", 1, 1)
    chat = only_chat()
    assert rows(chat) == [
        ("user", "When is high tide?", "", "2023-11-14T22:13:21.250Z"),
        ("GPT-4o", "At noon.", "When is high tide?", "2023-11-14T22:13:23.250Z"),
        # Its own date is before that of the answer it follows.
        ("user", "And low tide?", "At noon.", "2023-11-14T22:13:23.251Z"),
        ("GPT-4o", "At midnight.", "When is high tide?", "2023-11-14T22:13:29.250Z"),
    ]
    answer = chat.messages.get(text="At noon.")
    assert answer.content == [
        {"type": "think", "think": "Moon first."},
        {"type": "text", "text": "At noon."},
    ]
    assert (answer.model, answer.endpoint, answer.is_created_by_user) == ("gpt-4o", "openAI", False)
    assert (chat.title, to_iso(chat.created_at)) == ("Tides", "2023-11-14T22:13:20.250Z")
    assert chat.updated_at == chat.created_at
    assert is_uuid(chat.conversation_id)
    assert all(is_uuid(message.message_id) for message in chat.messages.all())


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("code", {"language": "python", "text": "1+1"}, "```python\n1+1\n```"),
        ("execution_output", {"text": "2"}, "Execution Output:\n> 2"),
        (
            "multimodal_text",
            {"parts": ["see", {"asset": 1}]},
            'see ```json\n{\n  "asset": 1\n}\n```',
        ),
        (
            "gizmo",
            {"x": [1]},
            '```json\n{\n  "content_type": "gizmo",\n  "x": [\n    1\n  ]\n}\n```',
        ),
    ],
)
def test_chatgpt_content_of_other_kinds_becomes_text(
    kind: str, content: dict[str, Any], text: str, alice: User, import_file: Import
) -> None:
    import_file(alice, [chatgpt(node("a", None, role="tool", kind=kind, **content))])
    assert only_chat().messages.get().text == text


def test_chatgpt_citations_become_links(alice: User, import_file: Import) -> None:
    page = {"type": "webpage", "title": "Moon", "url": "https://moon.example"}
    citations = [
        {"start_ix": 0, "end_ix": 3, "metadata": page},
        {"start_ix": 9, "end_ix": 12, "metadata": page},
        {"start_ix": "x", "end_ix": 3, "metadata": page},
        {"start_ix": 1, "end_ix": 2, "metadata": {"type": "file"}},
        "nonsense",
    ]
    answer = node(
        "a", None, "【1】 tide 【2】", role="assistant", metadata={"citations": citations}
    )
    import_file(alice, [chatgpt(answer)])
    link = "([Moon](https://moon.example))"
    assert only_chat().messages.get().text == f" {link} tide  {link}"


def test_claude_chat_becomes_a_row_of_messages(alice: User, import_file: Import) -> None:
    import_file(alice, [claude()])
    chat = only_chat()
    assert rows(chat) == [
        ("user", "How do I tack?", "", "2024-02-03T04:05:07.000Z"),
        ("Claude", "Turn the bow.", "How do I tack?", "2024-02-03T04:05:07.001Z"),
    ]
    assert chat.messages.get(sender="Claude").content == [
        {"type": "think", "think": "Wind."},
        {"type": "text", "text": "Turn the bow."},
    ]
    assert (chat.title, to_iso(chat.updated_at)) == ("Sailing", "2024-02-03T04:05:06.789Z")


def test_chatbotui_chats_are_imported(alice: User, import_file: Import) -> None:
    done = import_file(alice, chatbotui())
    assert (done.status, done.added) == ("done", 2)
    chat = Conversation.objects.get(title="Knots")
    assert [row[:3] for row in rows(chat)] == [
        ("user", "A bowline?", ""),
        ("GPT-3.5", "Rabbit, hole, tree.", "A bowline?"),
    ]
    assert chat.messages.get(sender="GPT-3.5").model == "gpt-3.5-turbo"
    assert Conversation.objects.filter(title="Imported Chat").count() == 1


TREE = [
    said("a", None),
    said("c", "b", createdAt="2025-03-04T05:06:09.000Z"),  # before its parent in the file
    said("b", "a", isCreatedByUser=False, sender="GPT-4o", text="",
         content=[{"type": "text", "text": "hello"}], tokenCount=7,
         feedback={"rating": "thumbsUp", "tag": "attention_to_detail"}),
    said("d", "gone"),
]  # fmt: skip


def test_flat_librechat_chat_keeps_what_messages_have(alice: User, import_file: Import) -> None:
    import_file(alice, librechat(TREE))
    chat = only_chat()
    assert [row[:3] for row in rows(chat)] == [
        ("User", "text of a", ""),
        ("User", "text of d", ""),
        ("GPT-4o", "", "text of a"),
        ("User", "text of c", ""),
    ]
    answer = chat.messages.get(sender="GPT-4o")
    assert chat.messages.get(text="text of c").parent_message_id == answer.message_id
    assert answer.content == [{"type": "text", "text": "hello"}]
    assert (answer.token_count, answer.feedback) == (
        7,
        {"rating": "thumbsUp", "tag": "attention_to_detail"},
    )
    assert chat.settings == {"temperature": 0.4}
    assert (chat.title, to_iso(chat.created_at)) == ("Tide tables", "2025-03-04T05:06:07.890Z")


@pytest.mark.parametrize("member", ["messages", "messagesTree"])
def test_recursive_librechat_chat_takes_parents_from_its_nesting(
    member: str, alice: User, import_file: Import
) -> None:
    tree = [
        said("a", "wrong") | {"children": [
            said("b", "wrong") | {"children": [said("c", "wrong")]}, said("d", "wrong"),
        ]},
        said("e", None),
    ]  # fmt: skip
    import_file(alice, librechat([], recursive=True) | {member: tree})
    assert {(row[1][-1], row[2][-1:]) for row in rows(only_chat())} == {
        ("a", ""), ("b", "a"), ("c", "b"), ("d", "a"), ("e", ""),
    }  # fmt: skip


def test_empty_messages_with_answers_are_kept(alice: User, import_file: Import) -> None:
    tree = [said("a", None, text="") | {"children": [said("b", None)]}]
    import_file(alice, librechat(tree, recursive=True))
    assert [row[1] for row in rows(only_chat())] == ["", "text of b"]


def test_tags_are_kept_and_only_own_projects(alice: User, bob: User, import_file: Import) -> None:
    make_tag(alice, "sea")
    mine, others = make_project(alice), make_project(bob)
    for number, project in enumerate((mine, others)):
        chat = librechat([said("a", None)], tags=["sea", "sea", 4, ""], chatProjectId=project.pk)
        import_file(alice, chat | {"conversationId": f"c-{number}"})
    chats = Conversation.objects.order_by("pk")
    assert [chat.tags for chat in chats] == [["sea"], ["sea"]]
    assert [chat.project_id for chat in chats] == [mine.pk, None]


def test_imported_chat_is_found(alice: User, import_file: Import) -> None:
    import_file(alice, [tides()])
    assert find_titles(alice, "tides") == [only_chat().pk]
    assert find_messages(alice, "midnight") == [Message.objects.get(text="At midnight.").pk]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("conversations.json", [tides()]),
        ("export/conversations-001.json", [tides()]),
        ("conversations.ndjson", b'{"mapping": {}}\n'),
    ],
)
def test_archives_are_read(name: str, content: Any, alice: User, import_file: Import) -> None:
    archive = zipped({"user.json": {"id": 1}, "chat.html": b"<p>", name: content})
    done = import_file(alice, archive, "export.zip")
    assert (done.status, done.problem, done.added) == ("done", "", 1)


def test_lines_of_chats_are_read_whatever_their_kind(alice: User, import_file: Import) -> None:
    lines = [tides(), claude(), librechat(TREE)]
    done = import_file(alice, "\n".join(json.dumps(line) for line in lines).encode(), "x.ndjson")
    assert (done.status, done.added, done.skipped) == ("done", 3, 0)


# -- Again -----------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [[tides()], [claude()], chatbotui(), librechat(TREE)])
def test_second_import_changes_nothing(content: Any, alice: User, import_file: Import) -> None:
    first = import_file(alice, content)
    before = list(Message.objects.order_by("pk").values()), list(Conversation.objects.values())
    second = import_file(alice, content)
    assert (second.added, second.extended, second.known) == (0, 0, first.added)
    after = list(Message.objects.order_by("pk").values()), list(Conversation.objects.values())
    assert after == before


def test_chat_that_went_on_gets_its_new_messages(alice: User, import_file: Import) -> None:
    import_file(alice, [tides()])
    grown = tides()
    grown["mapping"]["a3"] = node("a3", "q2", "At six.", role="assistant", seconds=1_700_000_099)
    done = import_file(alice, [grown])
    assert (done.added, done.extended, done.known) == (0, 1, 0)
    assert rows(only_chat())[-1][:3] == ("assistant", "At six.", "And low tide?")
    assert only_chat().messages.count() == 5


def test_same_file_is_new_for_another_person(alice: User, bob: User, import_file: Import) -> None:
    import_file(alice, [tides()])
    assert import_file(bob, [tides()]).added == 1
    assert Conversation.objects.filter(user=bob).get().messages.count() == 4


def test_deleted_chat_can_be_imported_again(alice: User, import_file: Import) -> None:
    import_file(alice, [tides()])
    Conversation.objects.all().delete()
    assert import_file(alice, [tides()]).added == 1


def test_chat_twice_in_a_file_is_imported_once(alice: User, import_file: Import) -> None:
    done = import_file(alice, [tides(), tides()])
    assert (done.added, done.known) == (1, 1)


def test_chat_is_kept_as_long_as_all_chats_are(
    alice: User, import_file: Import, settings: Any
) -> None:
    settings.RETENTION_MODE, settings.TEMPORARY_CHAT_RETENTION_HOURS = "all", 2
    import_file(alice, [tides()])
    chat = only_chat()
    assert chat.expired_at is not None
    assert timedelta(hours=1) < chat.expired_at - timezone.now() < timedelta(hours=2)
    assert {m.expired_at for m in chat.messages.all()} == {chat.expired_at}
    assert not chat.is_temporary


# -- Where a chat goes on --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "model", "place"),
    [
        ("openAI", "gpt-4.1-mini", ("openAI", "gpt-4.1-mini")),
        ("openAI", "gpt-2", ("openAI", "gpt-4.1")),
        ("openAI", "", ("openAI", "gpt-4.1")),
        ("gone", "gpt-4.1", ("openAI", "gpt-4.1")),
    ],
)
def test_chat_goes_on_with_what_its_owner_may_use(
    endpoint: str, model: str, place: tuple[str, str], alice: User, import_file: Import,
    settings: Any,
) -> None:  # fmt: skip
    settings.PROVIDER_ENVIRONMENT = {
        **settings.PROVIDER_ENVIRONMENT,
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_MODELS": "gpt-4.1,gpt-4.1-mini",
    }
    message = said("a", None, endpoint=endpoint, model=model)
    chat = librechat([message], endpoint=endpoint, options={"model": model})
    import_file(alice, chat)
    assert (only_chat().endpoint, only_chat().model) == place
    kept = Message.objects.get()
    assert (kept.endpoint, kept.model) == (endpoint, model)


# -- When something goes wrong ---------------------------------------------------------------


def test_import_that_fails_by_our_fault_can_be_run_again(
    alice: User, import_file: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(imports, "store_chat", fail)
    with pytest.raises(AssertionError):  # the file is still there
        import_file(alice, [tides()])
    row = ChatImport.objects.get()
    assert (row.status, row.problem) == ("failed", imports.FAULT)
    monkeypatch.setattr(imports, "store_chat", store_chat)
    run_again(DBTaskResult.objects.all())
    Worker().run_until_idle()
    row.refresh_from_db()
    assert (row.status, row.problem, row.added) == ("done", "", 1)


def test_only_so_many_imports_wait_at_once(alice: User, tmp_path: Path, settings: Any) -> None:
    settings.IMPORT_DIR = tmp_path / "imports"
    for number in range(imports.AT_ONCE_MAX + 1):
        path = tmp_path / str(number)
        path.write_bytes(b"[]")
        if number < imports.AT_ONCE_MAX:
            imports.create_import(user=alice, path=path, file_name="x.json")
    with pytest.raises(TooManyRequests):
        imports.create_import(user=alice, path=path, file_name="x.json")
    ChatImport.objects.update(created_at=timezone.now() - timedelta(days=2))
    imports.create_import(user=alice, path=path, file_name="x.json")


def test_file_of_somebody_who_is_gone_is_removed(
    alice: User, tmp_path: Path, settings: Any
) -> None:
    settings.IMPORT_DIR = tmp_path / "imports"
    path = tmp_path / "upload"
    path.write_bytes(json.dumps([tides()]).encode())
    start_import(user=alice, path=path, file_name="x.json")
    alice.delete()
    Worker().run_until_idle()
    assert list((tmp_path / "imports").iterdir()) == []
