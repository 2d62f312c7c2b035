"""/api/projects (contract 03 §6)."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from conversations.models import Conversation, Project
from tests.conversations.factories import MOMENT, make_conversation, make_project

NOT_FOUND = {"error": "Project not found"}
UNKNOWN_ID = "66a0c1d2e3f4a5b6c7d8e9f0"


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    return getattr(client, method)(
        f"/api/projects{path}", body or {}, content_type="application/json"
    )


def listed(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"/api/projects?{query}")
    assert answer.status_code == 200
    return [project["name"] for project in answer.json()["projects"]]


def test_new_project_is_empty(client: Client, alice: User) -> None:
    body = {"name": f" {'x' * 200}", "description": f" {'y' * 2000} "}
    answer = send(client, "post", "", body)
    assert answer.status_code == 201
    project = answer.json()
    assert project == {
        "_id": Project.objects.get().pk,
        "user": alice.pk,
        "name": "x" * 100,
        "description": "y" * 1000,
        "conversationCount": 0,
        "lastConversationAt": None,
        "lastConversationId": None,
        "createdAt": project["createdAt"],
        "updatedAt": project["createdAt"],
    }
    assert client.get(f"/api/projects/{project['_id']}").json() == project
    assert client.get("/api/projects").json() == {"projects": [project], "nextCursor": None}


def test_statistics_are_of_what_the_list_shows(client: Client, alice: User) -> None:
    project = make_project(alice)
    past = timezone.now() - timedelta(days=1)
    newest = make_conversation(alice, project=project, updated_at=MOMENT + timedelta(hours=1))
    make_conversation(alice, project=project)
    for hidden in ({"is_archived": True}, {"is_temporary": True}, {"expired_at": past}):
        make_conversation(alice, project=project, updated_at=timezone.now(), **hidden)
    document = client.get(f"/api/projects/{project.pk}").json()
    assert document["conversationCount"] == 2
    assert document["lastConversationId"] == newest.conversation_id
    assert document["lastConversationAt"] == "2025-03-04T06:06:07.890Z"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["busy", "b", "A"]),
        ("sortBy=nonsense", ["busy", "b", "A"]),
        ("sortBy=lastConversationAt&sortDirection=asc", ["A", "b", "busy"]),
        ("sortBy=createdAt", ["A", "busy", "b"]),
        ("sortBy=createdAt&sortDirection=asc", ["b", "busy", "A"]),
        ("search=B&sortBy=createdAt", ["busy", "b"]),
        ("search=%25", []),
        ("search=%00a", ["A"]),
        ("cursor=nonsense", ["busy", "b", "A"]),
    ],
)
def test_list_follows_order_and_search(
    client: Client, alice: User, query: str, names: list[str]
) -> None:
    for name, created, identifier in [("b", 1, "2"), ("A", 3, "1"), ("busy", 2, "0")]:
        at = MOMENT + timedelta(seconds=created)
        project = make_project(alice, id=identifier * 24, name=name, created_at=at)
    make_conversation(alice, project=project)
    assert listed(client, query) == names


@pytest.mark.parametrize("sort", ["name", "createdAt", "lastConversationAt"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_pages_follow_each_other(client: Client, alice: User, sort: str, direction: str) -> None:
    for i in range(5):
        project = make_project(alice, name=f"p{i // 2}")
        if i > 2:
            make_conversation(alice, project=project)
    query = {"sortBy": sort, "sortDirection": direction}
    whole = client.get("/api/projects", query).json()["projects"]
    pages: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.get("/api/projects", {**query, "limit": "2", "cursor": cursor}).json()
        pages += page["projects"]
        cursor = page["nextCursor"]
    assert len(whole) == 5
    assert pages == whole


@pytest.mark.parametrize("size", [1, 25])
def test_list_takes_two_queries_however_long_it_is(
    client: Client, alice: User, size: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(size):
        make_conversation(alice, project=make_project(alice))
    with django_assert_num_queries(2):  # the caller, the projects
        assert len(listed(client)) == size


def test_project_changes_only_what_is_given(client: Client, alice: User) -> None:
    project = make_project(alice, description="Salt")
    changed = send(client, "patch", f"/{project.pk}", {"name": " Ocean "})
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.json()["description"]) == ("Ocean", "Salt")
    assert send(client, "patch", f"/{project.pk}", {"description": ""}).json()["name"] == "Ocean"
    answer = send(client, "patch", f"/{project.pk}", {"name": " "})
    assert (answer.status_code, answer.json()) == (400, {"error": "name is required"})


@pytest.mark.parametrize("name", ["", "  ", None, 7, ["x"]])
def test_project_is_refused_when_it_has_no_name(client: Client, name: Any) -> None:
    answer = send(client, "post", "", {"name": name})
    assert (answer.status_code, answer.json()) == (400, {"error": "name is required"})
    assert not Project.objects.exists()


def test_deleting_a_project_keeps_its_conversations(client: Client, alice: User) -> None:
    project = make_project(alice)
    chat = make_conversation(alice, project=project)
    answer = send(client, "delete", f"/{project.pk}")
    assert (answer.status_code, answer.json()) == (200, {"deletedCount": 1, "modifiedCount": 1})
    chat.refresh_from_db()
    assert chat.project is None
    assert not Project.objects.exists()


def test_conversation_moves_between_projects(client: Client, alice: User) -> None:
    first, second = make_project(alice), make_project(alice)
    chat = make_conversation(alice, project=first)
    path = f"/conversations/{chat.conversation_id}"
    answer = send(client, "put", path, {"projectId": second.pk})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["previousProjectId"], body["projectId"]) == (first.pk, second.pk)
    assert body["conversation"]["chatProjectId"] == second.pk
    assert body["conversation"] == client.get(f"/api/convos/{chat.conversation_id}").json()
    assert client.get("/api/convos").json()["conversations"][0]["chatProjectId"] == second.pk
    out = send(client, "put", path, {"projectId": None}).json()
    assert (out["previousProjectId"], out["projectId"]) == (second.pk, None)
    chat.refresh_from_db()
    assert chat.project is None
    assert chat.updated_at > MOMENT


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({}, 400, "projectId must be a string or null"),
        ({"projectId": 7}, 400, "projectId must be a string or null"),
        ({"projectId": "x"}, 404, "Project not found"),
        ({"projectId": UNKNOWN_ID}, 404, "Project not found"),
    ],
)
def test_conversation_stays_where_it_is_when_the_project_is_none(
    client: Client, alice: User, body: Any, status: int, error: str
) -> None:
    chat = make_conversation(alice, project=make_project(alice))
    answer = send(client, "put", f"/conversations/{chat.conversation_id}", body)
    assert (answer.status_code, answer.json()) == (status, {"error": error})
    before = chat.project_id
    chat.refresh_from_db()
    assert chat.project_id == before


def test_nothing_of_another_is_seen_or_changed(client: Client, alice: User, bob: User) -> None:
    project = make_project(bob)
    theirs = make_conversation(bob, project=project)
    mine = make_conversation(alice)
    before = list(Project.objects.values()), list(Conversation.objects.order_by("pk").values())
    assert listed(client) == []
    for method in ("get", "patch", "delete"):
        answer = send(client, method, f"/{project.pk}", {"name": "mine"})
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    put = {"projectId": project.pk}
    assert send(client, "put", f"/conversations/{mine.conversation_id}", put).json() == NOT_FOUND
    answer = send(client, "put", f"/conversations/{theirs.conversation_id}", {"projectId": None})
    assert answer.json() == {"error": "Conversation not found"}
    assert client.get(f"/api/convos?projectId={project.pk}").json()["conversations"] == []
    after = list(Project.objects.values()), list(Conversation.objects.order_by("pk").values())
    assert after == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""), ("post", ""), ("get", "/x"), ("patch", "/x"), ("delete", "/x"),
        ("put", "/conversations/x"),
    ],
)  # fmt: skip
def test_projects_are_closed_to_strangers(
    stranger: Client, db: None, method: str, path: str
) -> None:
    assert send(stranger, method, path).status_code == 401
