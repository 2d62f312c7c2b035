"""Every route of the API, tried by somebody who is signed in with the ids of somebody else.

The routes come from the URL maps: one with a parameter nobody told this test about fails here.
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from asgiref.sync import sync_to_async
from django.apps import apps
from django.test import Client

from accounts.models import Group, Membership, User
from accounts.tokens import issue_access_token
from files.models import Blob, File
from gateway.models import ApiToken
from librechat_backend import lean_urls
from librechat_backend.lean import LeanHandler
from librechat_backend.lib.ids import NO_PARENT
from presets.models import PersonalPreset
from tests.accounts.test_admin import session_of
from tests.conversations.chat.scripted import ChatClient
from tests.conversations.factories import (
    make_answer,
    make_conversation,
    make_memory,
    make_message,
    make_project,
    make_prompt,
    make_shared_link,
    make_tag,
)
from tests.librechat_backend.test_strangers import LEAN, STOCK

MARK = "only-alice-may-see-this"
METHODS = ("get", "post", "put", "patch", "delete")
# Answered with success although the path names something of another, each for its reason.
HARMLESS = {
    "GET api/agents/chat/status/<chat_id:conversation_id>": "says that nothing runs",
    "GET api/convos/<str:id>/subagents": "a fixed empty answer",
    "GET api/traces/<str:id>/availability": "a fixed answer",
    "GET api/permissions/<str:type>/<str:id>/effective": "0: nothing is allowed",
    "GET api/permissions/<str:type>/effective/all": "what one may oneself",
    "GET api/permissions/<str:type>/roles": "the same for everybody",
    "GET api/roles/<str:name>": "everybody may read their own role",
    "GET api/share/link/<chat_id:conversation_id>": "says that there is no link",
    "GET api/files/agent/<str:agent_id>": "an empty list",
    "GET oauth/<str:provider>": "a redirect to the sign-in",
    "GET oauth/<str:provider>/callback": "the same",
    "PUT api/user/settings/favorites/tools/<str:item_type>/<path:item_id>": "a mark of one's own",
    "DELETE api/user/settings/favorites/tools/<str:item_type>/<path:item_id>": "the same",
}


@dataclass(frozen=True)
class World:
    """Alice's things: a value for each parameter of a path, and a body that names them all."""

    parameters: dict[str, str]
    body: dict[str, Any]

    def path(self, route: str) -> str:
        def value(found: re.Match[str]) -> str:
            name = found[1].rpartition(":")[2]
            prefix = route[: found.start()]
            special = next((v for k, v in SPECIAL.items() if prefix.endswith(k)), name)
            return self.parameters[special]

        return "/" + re.sub(r"<([^>]+)>", value, route)


# Where the name of a parameter alone does not say what it is.
SPECIAL = {
    "prompts/groups/": "prompt_group_id",
    "api/tags/": "tag",
    "api/memories/": "memory",
    "api/memories/id/": "memory_id",
    "images/<str:user_id>/": "file_name",
    "share/<chat_id:share_id>/files/": "file_id",
}


@pytest.fixture
def world(alice: User) -> World:
    chat = make_conversation(alice, title=MARK)
    question = make_message(chat, text=MARK)
    answer = make_answer(
        chat, content=[{"type": "text", "text": MARK}], parent_message_id=question.message_id
    )
    project = make_project(alice, name=MARK)
    tag = make_tag(alice, MARK)
    memory = make_memory(alice, MARK, value=MARK)
    link = make_shared_link(chat)
    prompt_group = make_prompt(alice, name=MARK)
    preset = PersonalPreset.objects.create(user=alice, title=MARK)
    key = ApiToken.objects.create(user=alice, name=MARK, token_hash="x", prefix="sk-x")
    blob = Blob.objects.create(key="x", storage="disk", checksum="y")
    file = File.objects.create(
        user=alice,
        blob=blob,
        name=f"x__{MARK}.txt",
        filename=f"{MARK}.txt",
        media_type="text/plain",
        byte_count=1,
    )
    team = Group.objects.create(name=MARK, slug="team")
    Membership.objects.create(user=alice, group=team)
    assert prompt_group.production is not None
    ids = {
        "conversation_id": chat.conversation_id, "message_id": answer.message_id,
        "project_id": project.pk, "tag": tag.name, "name": "USER", "memory": memory.key,
        "memory_id": memory.pk, "share_id": link.pk, "prompt_group_id": prompt_group.pk,
        "prompt_id": prompt_group.production.pk, "preset_id": preset.preset_id,
        "token_id": key.pk, "file_id": file.file_id, "file_name": file.name, "user_id": alice.pk,
        "session_id": session_of(alice).pk, "group_id": team.object_id,
        "import_id": chat.conversation_id, "feature": "prompts", "type": "promptGroup",
        "id": prompt_group.pk, "agent_id": "agent_x", "item_type": "mcp", "item_id": "x",
        "endpoint": "openAI", "provider": "github", "channel_id": "a" * 24,
    }  # fmt: skip
    named = {
        "conversationId": chat.conversation_id, "messageId": answer.message_id,
        "parentMessageId": NO_PARENT, "targetMessageId": answer.message_id, "agentId": "agent_x",
        "presetId": preset.preset_id, "projectId": project.pk, "groupId": prompt_group.pk,
        "shareId": link.pk, "promptId": prompt_group.production.pk, "title": "mine now",
        "tag": tag.name, "tags": [tag.name], "isArchived": True, "pinned": True, "key": memory.key,
        "streamId": chat.conversation_id, "text": "mine now", "rating": "thumbsDown",
        "updated": [], "removed": [], "public": True, "USE": True, "user": alice.pk,
        "files": [{"file_id": file.file_id, "filepath": file.path}], "file_ids": [file.file_id],
        "name": "mine now", "value": "mine now", "labels": ["x"], "userId": alice.pk,
    }  # fmt: skip
    return World(ids, named | {"arg": named})


def rows_of(user: User) -> set[str]:
    """All rows in which ``user`` stands, in words."""
    return {
        f"{model._meta.label} {row}"
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
        for row in map(str, model._base_manager.values_list())
        if user.pk in row
    }


# A tag of one's own, named as that of another: the answer repeats the name.
ECHOED = {("post", "api/tags")}


def failure(route: str, method: str, status: int, text: str) -> str | None:
    """What is wrong with an answer, if anything is."""
    if MARK in text and (method, route) not in ECHOED:
        return f"{method} shows it: {text[:200]}"
    is_named = "<" in route
    if is_named and status < 400 and f"{method.upper()} {route}" not in HARMLESS:
        return f"{method} answers {status}: {text[:200]}"
    return None


@pytest.mark.parametrize("route", STOCK)
def test_nothing_of_another_is_shown_or_changed(
    route: str, world: World, alice: User, charlie: User
) -> None:
    before = rows_of(alice)
    path, wrong = world.path(route), []
    for method in METHODS:
        client = Client(headers={"authorization": f"Bearer {issue_access_token(charlie)}"})
        if method == "get":
            answer = client.get(path, {"q": MARK, "conversationId": world.body["conversationId"]})
        else:
            answer = getattr(client, method)(path, world.body, content_type="application/json")
        text = answer.content.decode().replace(path, "")
        wrong.append(failure(route, method, answer.status_code, text))
    assert [each for each in wrong if each] == []
    assert rows_of(alice) == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("route", LEAN)
async def test_nothing_of_another_is_shown_or_changed_on_the_lean_path(
    route: str, world: World, alice: User, charlie: User
) -> None:
    before = await sync_to_async(rows_of)(alice)
    path, wrong = world.path(route), []
    for method in METHODS:
        body = json.dumps(world.body).encode()
        exchange = ChatClient(charlie).open(method.upper(), path, body)
        answer = await exchange.answer()
        text = answer.body.decode(errors="replace").replace(path, "")
        wrong.append(failure(route, method, answer.status, text))
    assert [each for each in wrong if each] == []
    assert await sync_to_async(rows_of)(alice) == before


@pytest.mark.parametrize("sign", ["\0", "\udcff", "x" * 5000], ids=["nul", "no utf-8", "long"])
@pytest.mark.parametrize("route", [route for route in STOCK if "<" in route])
def test_ids_that_cannot_be_are_answered(
    route: str, sign: str, alice: User, admin_user: User
) -> None:
    """Not all databases can be asked for them; whatever the view does, it is no error of ours."""
    path = "/" + quote(re.sub(r"<[^>]+>", sign, route), errors="surrogateescape")
    for user in (alice, admin_user):
        client = Client(headers={"authorization": f"Bearer {issue_access_token(user)}"})
        for method in METHODS:
            answer = getattr(client, method)(path, {}, content_type="application/json")
            assert answer.status_code < 500


@pytest.mark.parametrize("route", [route for route in LEAN if "<" in route])
def test_nul_is_no_part_of_a_lean_path(route: str) -> None:
    path = "/" + re.sub(r"<[^>]+>", "x\0", route)
    assert not LeanHandler(lean_urls.urlpatterns).handles(path)


@pytest.mark.parametrize("route", [route for route in STOCK if route.startswith("api/admin/")])
def test_administration_is_closed_to_plain_people(route: str, world: World, charlie: User) -> None:
    client = Client(headers={"authorization": f"Bearer {issue_access_token(charlie)}"})
    statuses = {
        getattr(client, method)(world.path(route), content_type="application/json").status_code
        for method in METHODS
    }
    # 404: the route has no such method.
    assert statuses <= {403, 404}
    assert 403 in statuses


def test_owner_is_shown_what_others_are_not(world: World, alice: User) -> None:
    """The test would see a leak: to Alice herself, her things are shown."""
    client = Client(headers={"authorization": f"Bearer {issue_access_token(alice)}"})
    paths = map(world.path, STOCK)
    shown = [path for path in paths if MARK in client.get(path).content.decode().replace(path, "")]
    assert len(shown) > 12


def test_exceptions_are_routes() -> None:
    named = {name.partition(" ")[2] for name in HARMLESS}
    assert named <= {*STOCK, *LEAN}
