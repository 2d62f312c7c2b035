"""What had to be changed on the way is told, with the documents it was changed in."""

from pathlib import Path
from typing import Any

import bson
import pytest
from bson import Regex

from accounts.models import Group, Role, User
from conversations.models import Conversation, Message, Project, Prompt, PromptGroup, Tag
from files.models import File
from gateway.models import ApiToken
from gateway.tokens import hash_secret
from moving.models import MergedAccount
from moving.sources.export import ExportSource
from presets.models import PersonalPreset, Preset
from tests.moving.commands import move_in
from tests.moving.dumps import write_dump
from tests.moving.few_documents import ANN, BEN, DATES, FewDocuments, chat, message, take, user
from tests.moving.librechat_values import BEGIN, oid
from tests.moving.mongo_server import mongo_server

LONG = "x" * 2000

pytestmark = pytest.mark.django_db


# -- Longer than there is room for ---------------------------------------------------------------


def test_what_is_shortened_is_told(tmp_path: Path) -> None:
    mine = {"user": str(ANN), **DATES}
    data = f"data:image/png;base64,{LONG}"
    done = take(
        tmp_path / "dump",
        users=[user(name=LONG, role="r" * 70, favorites=[{"spec": "s"}] * 60, googleId=LONG)],
        roles=[{"_id": oid("role", 0), "name": "r" * 70, "description": LONG}],
        groups=[{"_id": oid("group", 0), "name": LONG, "memberIds": [str(ANN)], **DATES}],
        conversations=[chat(title=LONG, tags=[LONG, "short"], iconURL=data, spec="s" * 300)],
        messages=[message(sender=LONG, finish_reason=LONG, iconURL=data)],
        conversationtags=[{"_id": oid("tag", 0), "tag": LONG, **mine}],
        chatprojects=[{"_id": oid("project", 0), "name": LONG, **mine}],
        presets=[{"_id": oid("preset", 0), "presetId": "p", "title": LONG, **mine}],
        promptgroups=[{"_id": oid("prompts", 0), "name": LONG, "author": ANN, "command": "No!",
                       **DATES}],
        prompts=[{"_id": oid("prompt", 0), "groupId": oid("prompts", 0), "author": ANN,
                  "prompt": LONG, "type": "text", **DATES}],
        files=[{"_id": oid("file", 0), "user": ANN, "file_id": "f", "filename": f"{LONG}.pdf",
                "type": LONG, **DATES}],
        agents=[{"_id": oid("agent", 0), "id": "agent_a", "author": ANN, "name": LONG,
                 "provider": "openAI", "model": "m", "conversation_starters": ["s"] * 9 + [LONG],
                 **DATES}],
    )  # fmt: skip
    for words in (
        f"users: 1 × “name” was longer than the 80 characters there is room for, and was "
        f"shortened ({ANN})",
        f"users: 1 × only the first 50 of its favourites are here ({ANN})",
        f"users: LOST 1 × they cannot sign in by googleId: it is too long ({ANN})",
        "users: 1 × “role” was longer than the 64",
        "roles: 1 × “name” was longer than the 64",
        "roles: 1 × “description” was longer than the 500",
        "groups: 1 × “name” was longer than the 100",
        "conversations: 1 × “title” was longer than the 1024",
        "conversations: 1 × “tags” was longer than the 128",
        "conversations: 1 × “spec” was longer than the 200",
        "conversations: 1 × “icon_url” was longer than the 1024 characters there is room for, "
        f"and became empty ({oid('told', 0)})",
        "messages: 1 × “sender” was longer than the 200",
        "messages: 1 × “finish_reason” was longer than the 40",
        "conversationtags: 1 × “name” was longer than the 128",
        "chatprojects: 1 × “name” was longer than the 100",
        "presets: 1 × “title” was longer than the 1024",
        "promptgroups: 1 × “name” was longer than the 255",
        "promptgroups: 1 × its command is none, and became empty",
        "files: 1 × its name was shortened, or lost characters",
        "agents: 1 × “name” was longer than the 200",
        "agents: 1 × “conversation_starters” was longer than the",
    ):
        assert words in done.said, words
    assert "WRONG" not in done.said
    assert [len(User.objects.get().name), len(Group.objects.get().name)] == [80, 100]
    assert Role.objects.filter(name=User.objects.get().role).exists()
    told = Conversation.objects.get()
    assert (len(told.title), told.icon_url) == (1024, "")
    assert Tag.objects.get(name=told.tags[0]).user_id == str(ANN)
    assert [len(Project.objects.get().name), len(PersonalPreset.objects.get().title)] == [100, 1024]
    assert [len(PromptGroup.objects.get().name), len(Prompt.objects.get().text)] == [255, 2000]
    assert File.objects.get().filename.endswith(".pdf")
    assert len(Preset.objects.get().name) == 200


# -- Other than databases and browsers know it ---------------------------------------------------


def test_what_has_no_place_is_told(tmp_path: Path) -> None:
    done = take(
        tmp_path,
        users=[user(
            personalization="dark", favorites=["gpt", {"spec": "s"}], plugins=["google", 3],
            pinnedOrder=["a", "a"], skillStates={"one": True, "two": "yes"},
        ), user(BEN, "ben@example.com", personalization={"memories": False}, skillStates={})],
        groups=[{"_id": oid("group", 0), "name": "Crew", "email": "crew@example.com",
                 "avatar": "/a.png", "memberIds": [], **DATES}],
        conversations=[chat()],
        messages=[message(quotes=["again", "again", ""])],
    )  # fmt: skip
    for name in ("personalization", "favorites", "plugins", "pinnedOrder", "skillStates"):
        words = f"users: 1 × of “{name}” only what can be understood was taken ({ANN})"
        assert words in done.said, done.said
    for name in ("email", "avatar"):
        assert f"groups: 1 × groups have no “{name}” here ({oid('group', 0)})" in done.said
    ann = User.objects.get(pk=str(ANN))
    assert (ann.skill_states, ann.personalization) == ({"one": True}, {"memories": True})
    assert Message.objects.get().quotes == ["again", "again", ""]


def test_what_no_database_can_hold_is_told(tmp_path: Path) -> None:
    done = take(
        tmp_path / "dump",
        users=[user()],
        conversations=[chat(title="a\x00b", updatedAt="yesterday")],
        messages=[message(metadata={"many": 2**60, "like": Regex("^a"), "no": float("nan")})],
    )
    for words in (
        f"conversations: 1 × a NUL character was removed ({oid('told', 0)})",
        "conversations: 1 × a date that cannot be read was replaced, or left out",
        "messages: 1 × a number too large for browsers became a text",
        "messages: 1 × a value of a kind only MongoDB has became a text, or empty",
        "messages: 1 × a number that is none became empty",
    ):
        assert words in done.said, words
    assert Message.objects.get().metadata == {"many": str(2**60), "like": "^a", "no": None}


def test_names_that_stand_twice_and_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    dump = write_dump(tmp_path, FewDocuments(found={"users": [user()]}))
    twice = bson.encode(chat(title="first", titlf="last")).replace(b"titlf", b"title")
    broken = bson.encode(chat(1, title="a??b")).replace(b"a??b", b"a\xff\xfeb")
    (dump / "LibreChat" / "conversations.bson").write_bytes(twice + broken)
    done = move_in(dump)
    assert (
        f"conversations: 1 × a name that stood there several times was taken once, with its last "
        f"value ({oid('told', 0)})"
    ) in done.said
    assert (
        f"conversations: 1 × bytes that are no text were replaced ({oid('told', 1)})" in done.said
    )
    titles = set(Conversation.objects.values_list("title", flat=True))
    assert titles == {"last", "a\ufffd\ufffdb"}


def test_what_old_tools_export_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "messages.json"
    path.write_bytes(
        b'{"_id":"1","a":+Infinity,"b":-Infinity,"c":NaN}\n{"_id":"2","a":1,"a":2}\n'
        b'{"_id":"3","a":"\xff"}\n'
    )
    first, second, third = ExportSource(tmp_path).read("messages")
    assert getattr(first, "data", None) == {"_id": "1", "a": None, "b": None, "c": None}
    assert "a name that stood" in str(getattr(second, "repairs", None))
    assert "bytes that are no text" in str(getattr(third, "repairs", None))


# -- Twice ---------------------------------------------------------------------------------------


def twins(*, is_first: bool) -> list[dict[str, Any]]:
    """Two people of one address, of whom Ann was changed later; ``is_first``: she is read first."""
    old = user(BEN, "Ann@Example.com", updatedAt=BEGIN.replace(year=2023))
    return [user(), old] if is_first else [old, user()]


@pytest.mark.parametrize("is_first", [True, False])
def test_of_two_accounts_with_one_address_the_newer_one_counts(
    tmp_path: Path, *, is_first: bool
) -> None:
    people = twins(is_first=is_first)
    done = take(tmp_path / "dump", users=people, conversations=[chat()])
    assert User.objects.get().pk == str(ANN)
    assert "users: LOST 1 × another account has its address; --merge-accounts makes them one " in (
        done.said
    )
    assert done.counts("conversations")["written"] == 1


@pytest.mark.parametrize("is_first", [True, False])
def test_of_merged_accounts_the_newer_one_stays_and_all_chats_come(
    tmp_path: Path, *, is_first: bool
) -> None:
    people = twins(is_first=is_first)
    chats = [chat(), chat(1, user=str(BEN))]
    take(tmp_path / "dump", "--merge-accounts", users=people, conversations=chats)
    assert MergedAccount.objects.get().pk == str(BEN)
    assert set(Conversation.objects.values_list("user_id", flat=True)) == {str(ANN)}
    assert Conversation.objects.count() == 2


@pytest.mark.parametrize("is_first", [True, False])
def test_of_two_agents_with_one_name_the_newer_one_counts(
    tmp_path: Path, *, is_first: bool
) -> None:
    agent = {"id": "agent_a", "author": ANN, "provider": "openAI", "model": "m", **DATES}
    older = {**agent, "_id": oid("agent", 0), "name": "Older"}
    newer = {**agent, "_id": oid("agent", 1), "name": "Newer",
             "updatedAt": BEGIN.replace(year=2025)}  # fmt: skip
    agents = [newer, older] if is_first else [older, newer]
    done = take(tmp_path / "dump", users=[user()], agents=agents)
    assert Preset.objects.get().name == "Newer"
    assert f"agents: 1 × one of several with the same id ({oid('agent', 0)})" in done.said
    assert (done.counts("agents")["written"], done.counts("agents")["merged"]) == (1, 1)


# -- Ids of several kinds ------------------------------------------------------------------------


def test_nothing_is_missing_behind_an_id_of_another_kind(tmp_path: Path) -> None:
    chats = [chat(number, _id=pk) for number, pk in enumerate([7, "made", *map(_pk, range(9))])]
    with mongo_server(FewDocuments(found={"users": [user()], "conversations": chats})) as server:
        server.batch, server.cursors_die = 1, 3
        done = move_in(f"{server.uri}?serverSelectionTimeoutMS=500")
    assert done.counts("conversations")["written"] == 11


def _pk(number: int) -> Any:
    return oid("chat", number)


# -- Keys of programs ----------------------------------------------------------------------------


def test_a_key_of_the_agents_api_opens_its_persons_presets(tmp_path: Path) -> None:
    secret = f"sk-{'4d' * 32}"
    key = {"_id": oid("key", 0), "userId": ANN, "name": "robot", "keyPrefix": secret[:8],
           "keyHash": hash_secret(secret), **DATES}  # fmt: skip
    done = take(tmp_path / "dump", users=[user()], agentapikeys=[key, {"_id": oid("key", 1)}])
    assert "agentapikeys: LOST 1 × it holds no key" in done.said
    token = ApiToken.objects.get()
    assert (token.pk, token.user_id, token.created_at) == (str(key["_id"]), str(ANN), BEGIN)
    assert (token.model_names, token.preset_slugs, token.is_active) == ([], None, True)
    assert ApiToken.objects.filter(token_hash=hash_secret(secret)).exists()
    token.delete()
    assert move_in(tmp_path / "dump").counts("agentapikeys")["unchanged"] == 1
    assert not ApiToken.objects.exists()
