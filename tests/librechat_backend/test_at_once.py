"""The same done several times at the same moment: impatient people, tabs, devices."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from accounts.models import Authenticator, User
from accounts.tokens import issue_access_token
from conversations.models import Conversation, Tag
from librechat_backend.lib import crypto, json
from presets.models import PersonalPreset
from tests.accounts.test_two_factor import code_of
from tests.conversations.factories import (
    make_conversation,
    make_memory,
    make_message,
    make_project,
    make_prompt,
    make_tag,
)

pytestmark = pytest.mark.django_db(transaction=True)
TIMES = 6
SERVER_ERROR = 500
TAGS = "abcdef"


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    body: Any


class Things:
    """What Alice has, to be changed."""

    def __init__(self, user: User) -> None:
        for position, name in enumerate(TAGS, start=1):
            make_tag(user, name, position=position)
        conversation = make_conversation(user, tags=["a", "b"])
        self.chat = conversation.conversation_id
        self.message = make_message(conversation).message_id
        self.project = make_project(user).pk
        make_memory(user, "old")
        group = make_prompt(user)
        self.group, self.version = group.pk, group.prompts.get().pk


# Method, path and body; ``{n}`` is the number of the call, other names are members of Things.
CHAT = {"conversationId": "{chat}"}
PRESET = {"title": "t{n}", "endpoint": "openAI", "model": "m", "defaultPreset": True}
PROMPT = {"prompt": {"prompt": "x", "type": "text"}}
FAVORITES = {"favorites": [{"model": "m{n}", "endpoint": "openAI"}]}
DOORS: dict[str, tuple[str, str, Any]] = {
    "make a tag": ("POST", "/api/tags", {"tag": "new"}),
    "make tags": ("POST", "/api/tags", {"tag": "new{n}"}),
    "rename a tag": ("PUT", "/api/tags/a", {"tag": "z"}),
    "rename to one name": ("PUT", "/api/tags/{letter}", {"tag": "z"}),
    "move a tag": ("PUT", "/api/tags/a", {"position": 4}),
    "move tags to the front": ("PUT", "/api/tags/{letter}", {"position": 1}),
    "delete a tag": ("DELETE", "/api/tags/a", None),
    "tag a chat": ("PUT", "/api/tags/convo/{chat}", {"tags": ["a", "z", "y"]}),
    "rename a chat": ("POST", "/api/convos/update", {"arg": CHAT | {"title": "{n}"}}),
    "archive a chat": ("POST", "/api/convos/archive", {"arg": CHAT | {"isArchived": True}}),
    "archive all": ("POST", "/api/convos/archive/all", {}),
    "pin a chat": ("POST", "/api/convos/pin", {"arg": CHAT | {"pinned": True}}),
    "duplicate a chat": ("POST", "/api/convos/duplicate", CHAT),
    "delete a chat": ("DELETE", "/api/convos", {"arg": CHAT | {"source": "button"}}),
    "delete all chats": ("DELETE", "/api/convos/all", None),
    "edit a message": ("PUT", "/api/messages/{chat}/{message}", {"text": "{n}", "model": "m"}),
    "delete a message": ("DELETE", "/api/messages/{chat}/{message}", None),
    "make a project": ("POST", "/api/projects", {"name": "New"}),
    "change a project": ("PATCH", "/api/projects/{project}", {"name": "{n}"}),
    "delete a project": ("DELETE", "/api/projects/{project}", None),
    "make a memory": ("POST", "/api/memories", {"key": "new", "value": "x"}),
    "change a memory": ("PATCH", "/api/memories/old", {"key": "newer", "value": "{n}"}),
    "delete a memory": ("DELETE", "/api/memories/old", None),
    "share a chat": ("POST", "/api/share/{chat}", {}),
    "make a prompt": ("POST", "/api/prompts", PROMPT | {"group": {"name": "g"}}),
    "make a version": ("POST", "/api/prompts/groups/{group}/prompts", PROMPT),
    "use a prompt": ("POST", "/api/prompts/groups/{group}/use", {}),
    "put into use": ("PATCH", "/api/prompts/{version}/tags/production", {}),
    "delete a version": ("DELETE", "/api/prompts/{version}?groupId={group}", None),
    "delete a group": ("DELETE", "/api/prompts/groups/{group}", None),
    "save a preset": ("POST", "/api/presets", PRESET | {"presetId": "one"}),
    "save presets": ("POST", "/api/presets", PRESET),
    "delete presets": ("POST", "/api/presets/delete", {}),
    "keep favourites": ("POST", "/api/user/settings/favorites", FAVORITES),
    "begin a second factor": ("POST", "/api/auth/2fa/enable", {}),
    "accept the terms": ("POST", "/api/user/terms/accept", {}),
    "switch memories off": ("PATCH", "/api/memories/preferences", {"memories": False}),
    "delete the account": ("DELETE", "/api/user/delete", {}),
}  # fmt: skip
# Different things at once.
TOGETHER: dict[str, list[str]] = {
    "tags": ["make a tag", "rename a tag", "move a tag", "delete a tag", "tag a chat"],
    "chats": [
        "rename a chat", "delete a chat", "share a chat", "duplicate a chat", "edit a message",
        "delete a message", "archive all", "tag a chat", "delete a project", "delete all chats",
    ],
    "prompts": [
        "make a version", "use a prompt", "put into use", "delete a version", "delete a group",
    ],
    "the end of the account": [
        "delete the account", "duplicate a chat", "make a prompt", "share a chat", "make tags",
        "make a memory", "save a preset", "begin a second factor", "tag a chat",
    ],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    """Of limits."""
    cache.clear()
    yield
    cache.clear()


def call(name: str, number: int, things: Things) -> Call:
    method, path, body = DOORS[name]

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            return value.format(n=number, letter=TAGS[number % len(TAGS)], **vars(things))
        if isinstance(value, dict):
            return {key: filled(each) for key, each in value.items()}
        return [filled(each) for each in value] if isinstance(value, list) else value

    return Call(method, filled(path), filled(body))


def at_once(user: User, calls: list[Call]) -> list[int]:
    """The statuses."""
    headers = {"authorization": f"Bearer {issue_access_token(user)}"}
    start = Barrier(len(calls))

    def one(each: Call) -> int:
        client = Client(raise_request_exception=False, headers=headers)
        body = b"" if each.body is None else json.dumps(each.body)
        start.wait(timeout=20)
        try:
            return client.generic(each.method, each.path, body, "application/json").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def many(user: User, name: str) -> list[int]:
    things = Things(user)
    return at_once(user, [call(name, number, things) for number in range(TIMES)])


def positions(user: User) -> list[int]:
    return sorted(Tag.objects.owned_by(user).values_list("position", flat=True))


@pytest.mark.parametrize("name", DOORS)
def test_somebody_succeeds_and_nothing_fails_when_it_is_done_several_times(
    name: str, alice: User
) -> None:
    statuses = many(alice, name)
    assert min(statuses) < 300, statuses
    assert max(statuses) < SERVER_ERROR, statuses


@pytest.mark.parametrize("names", TOGETHER.values(), ids=TOGETHER)
def test_nothing_fails_when_different_things_are_done(names: list[str], alice: User) -> None:
    things = Things(alice)
    statuses = at_once(alice, [call(name, n, things) for n, name in enumerate(names)])
    assert max(statuses) < SERVER_ERROR, dict(zip(names, statuses, strict=True))


@pytest.mark.parametrize("name", ["make tags", "move a tag", "move tags to the front"])
def test_each_tag_keeps_a_place_of_its_own(name: str, alice: User) -> None:
    assert set(many(alice, name)) == {200}
    assert positions(alice) == list(range(1, Tag.objects.count() + 1))


def test_no_tag_is_lost_when_several_get_one_name(alice: User) -> None:
    assert sorted(many(alice, "rename to one name")) == [200, 409, 409, 409, 409, 409]
    assert len(positions(alice)) == len(TAGS)


def test_preset_that_is_saved_twice_is_one(alice: User) -> None:
    assert set(many(alice, "save a preset")) == {201}
    assert PersonalPreset.objects.count() == 1


def test_one_preset_is_the_default(alice: User) -> None:
    assert set(many(alice, "save presets")) == {201}
    assert PersonalPreset.objects.filter(is_default=True).count() == 1


def test_nothing_is_left_of_an_account_that_went_while_it_was_used(alice: User) -> None:
    things = Things(alice)
    names = TOGETHER["the end of the account"]
    statuses = at_once(alice, [call(name, n, things) for n, name in enumerate(names)])
    assert statuses[0] == 200
    assert not User.objects.filter(pk=alice.pk).exists()
    assert not Conversation.objects.exists()


def test_backup_codes_count_when_a_second_factor_is_confirmed_twice(alice: User) -> None:
    begun = Client(headers={"authorization": f"Bearer {issue_access_token(alice)}"}).post(
        "/api/auth/2fa/enable", {}, "application/json"
    )
    secret = crypto.decrypt(Authenticator.objects.get().pending_secret)
    code = code_of(secret)
    statuses = at_once(alice, [Call("POST", "/api/auth/2fa/confirm", {"token": code})] * TIMES)
    assert sorted(statuses) == [200] + [400] * (TIMES - 1)
    assert len(begun.json()["backupCodes"]) == alice.backup_codes.filter(is_pending=False).count()
