"""Marked tools, credentials of tools, skills switched on and off."""

import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.access_roles import PUBLIC, AccessBits, ResourceType
from accounts.models import FavoriteTool, ToolCredential, User
from accounts.services import tools
from accounts.services.access import grant
from librechat_backend.lib import crypto
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.ids import new_object_id
from tests.accounts.requests import post
from tests.conftest import ClientFor

FAVORITES = "/api/user/settings/favorites/tools"
SKILLS = "/api/user/settings/skills/active"
PLUGINS = "/api/user/plugins"


def test_favorites_come_back_oldest_first(
    alice: User,
    bob: User,
    client_for: ClientFor,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = client_for(alice)
    wanted = [("mcp", "files"), ("builtin", "web_search"), ("tool", "a/b c%"), ("skill", "x" * 256)]
    for item_type, item_id in wanted:
        path = f"{FAVORITES}/{item_type}/{item_id.replace('%', '%25')}"
        for _ in range(2):
            answer = client.put(path)
            assert (answer.status_code, answer.json()) == (
                200,
                {"itemType": item_type, "itemId": item_id},
            )
    with django_assert_num_queries(2):
        listed = client.get(FAVORITES).json()
    assert listed == [{"itemType": type_, "itemId": id_} for type_, id_ in wanted]
    assert client_for(bob).get(FAVORITES).json() == []
    for client_ in (client_for(bob), client, client):
        assert client_.delete(f"{FAVORITES}/mcp/files").json() == {"ok": True}
    assert len(client.get(FAVORITES).json()) == 3


def test_stranger_takes_no_favorite_away(alice: User, charlie: User, client_for: ClientFor) -> None:
    client_for(alice).put(f"{FAVORITES}/mcp/files")
    client_for(charlie).delete(f"{FAVORITES}/mcp/files")
    assert FavoriteTool.objects.get().user == alice


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("agent/x", "INVALID_ITEM_TYPE"),
        ("MCP/x", "INVALID_ITEM_TYPE"),
        (f"mcp/{'x' * 257}", "INVALID_ITEM_ID"),
    ],
)
def test_favorite_is_refused(path: str, code: str, alice: User, client_for: ClientFor) -> None:
    client = client_for(alice)
    for answer in (client.put(f"{FAVORITES}/{path}"), client.delete(f"{FAVORITES}/{path}")):
        assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not FavoriteTool.objects.exists()


def test_path_with_nul_is_none(alice: User, client_for: ClientFor) -> None:
    assert client_for(alice).put(f"{FAVORITES}/mcp/%00").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_limit_holds_when_favorites_come_at_once(alice: User) -> None:
    for number in range(tools.FAVORITES_MAX - 1):
        tools.add_favorite_tool(user=alice, item_type="tool", item_id=str(number))
    refused: list[InvalidRequest] = []

    def add(number: int) -> None:
        try:
            tools.add_favorite_tool(user=alice, item_type="mcp", item_id=str(number))
        except InvalidRequest as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert FavoriteTool.objects.count() == tools.FAVORITES_MAX
    assert [error.body()["code"] for error in refused] == ["MAX_FAVORITES_EXCEEDED"] * 3
    assert refused[0].body()["limit"] == tools.FAVORITES_MAX


# -- Plugins ---------------------------------------------------------------------------------


def change(client: Client, key: str, action: str, auth: Any = None, **more: Any) -> Any:
    return post(client, PLUGINS, {"pluginKey": key, "action": action, "auth": auth} | more)


def credentials(user: User) -> dict[tuple[str, str], str]:
    return {
        (row.plugin_key, row.field): crypto.decrypt(row.value)
        for row in user.tool_credentials.all()
    }


def test_credentials_are_kept_encrypted_and_removed(
    alice: User, bob: User, client_for: ClientFor
) -> None:
    client = client_for(alice)
    answer = change(client, "search", "install", {"KEY": "geheim", "ID": "7"})
    assert (answer.status_code, answer.content) == (200, b"")
    change(client_for(bob), "search", "install", {"KEY": "bob's"})
    change(client, "search", "install", {"KEY": "neu"})
    assert credentials(alice) == {("search", "KEY"): "neu", ("search", "ID"): "7"}
    assert "neu" not in str(list(ToolCredential.objects.values_list()))
    assert client.get("/api/user").json()["plugins"] == ["search"]
    change(client, "search", "uninstall", {"KEY": None})
    assert credentials(alice) == {("search", "ID"): "7"}
    assert client.get("/api/user").json()["plugins"] == []
    assert credentials(bob) == {("search", "KEY"): "bob's"}


def test_server_loses_all_credentials_when_none_is_named(
    alice: User, client_for: ClientFor
) -> None:
    client = client_for(alice)
    for key in ("mcp_files", "search_mcp_files", "search"):
        change(client, key, "install", {"A": "1", "B": "2"}, isEntityTool=True)
        change(client, key, "uninstall", {}, isEntityTool=True)
    assert {key for key, _ in credentials(alice)} == {"search"}
    change(client, "search", "uninstall", isEntityTool=True)
    assert {key for key, _ in credentials(alice)} == {"search"}
    assert client.get("/api/user").json()["plugins"] == []


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {"action": "install"},
        {"pluginKey": "", "action": "install"},
        {"pluginKey": "x" * 257, "action": "install"},
        {"pluginKey": 5, "action": "install"},
        {"pluginKey": "x", "action": "steal"},
        {"pluginKey": "x", "action": ["install"]},
        {"pluginKey": "x", "action": "install", "auth": "KEY"},
        {"pluginKey": "x", "action": "install", "auth": {"KEY": 5}},
        {"pluginKey": "x", "action": "install", "auth": {"": "v"}},
        {"pluginKey": "x", "action": "install", "auth": {"K" * 129: "v"}},
        {"pluginKey": "x", "action": "install", "auth": {"KEY": "v" * 8193}},
        {"pluginKey": "x", "action": "install", "auth": {f"K{n}": "v" for n in range(51)}},
    ],
)
def test_bad_change_is_refused_whole(body: Any, alice: User, client_for: ClientFor) -> None:
    client = client_for(alice)
    answer = post(client, PLUGINS, body)
    assert (answer.status_code, list(answer.json())) == (400, ["message"])
    assert client.get("/api/user").json()["plugins"] == []
    assert not ToolCredential.objects.exists()


def test_list_of_plugins_has_an_end(alice: User, client_for: ClientFor) -> None:
    User.objects.filter(pk=alice.pk).update(plugins=[str(n) for n in range(tools.PLUGINS_MAX)])
    client = client_for(alice)
    assert change(client, "one more", "install", {"KEY": "v"}).status_code == 400
    assert not ToolCredential.objects.exists()
    assert change(client, "0", "install").status_code == 200


# -- Skills ----------------------------------------------------------------------------------


def test_only_skills_one_can_see_are_kept(
    alice: User, client_for: ClientFor, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    seen, unseen = new_object_id(), new_object_id()
    share_with_everybody(seen)
    client = client_for(alice)
    answer = post(client, SKILLS, {"skillStates": {seen: False, unseen: True}})
    assert (answer.status_code, answer.json()) == (200, {seen: False})
    with django_assert_num_queries(2):
        assert client.get(SKILLS).json() == {seen: False}
    User.objects.filter(pk=alice.pk).update(skill_states={seen: True, unseen: True})
    assert client.get(SKILLS).json() == {seen: True}


def share_with_everybody(skill_id: str) -> None:
    grant(
        resource_type=ResourceType.SKILL,
        resource_id=skill_id,
        principal=PUBLIC,
        bits=AccessBits.VIEW,
        granted_by=None,
    )


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (None, None),
        ([], None),
        ({"x": True}, None),
        ({"5d0c1f6e2b7a4c1d9a407f2f": 1}, None),
        ({f"{n:024x}": True for n in range(401)}, "SKILL_STATES_PAYLOAD_TOO_LARGE"),
    ],
)
def test_bad_states_are_refused(
    states: Any, code: str | None, alice: User, client_for: ClientFor
) -> None:
    answer = post(client_for(alice), SKILLS, {"skillStates": states})
    assert (answer.status_code, answer.json().get("code")) == (400, code)


def test_too_many_skills_are_refused_after_the_unknown_ones_are_gone(
    alice: User, client_for: ClientFor
) -> None:
    known = [f"{number:024x}" for number in range(201)]
    for skill_id in known:
        share_with_everybody(skill_id)
    states = {f"{number:024x}": True for number in range(1, 400)}
    client = client_for(alice)
    assert len(post(client, SKILLS, {"skillStates": states}).json()) == 200
    answer = post(client, SKILLS, {"skillStates": dict.fromkeys(known, True)})
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "message": "Maximum 200 skill state overrides allowed",
            "code": "MAX_SKILL_STATES_EXCEEDED",
            "limit": 200,
        },
    )
