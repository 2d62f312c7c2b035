"""Presets people save for themselves (contract 03 §10)."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from presets.models import PersonalPreset, Policy

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User], Client]

BODY = {
    "presetId": None,
    "title": "Quick",
    "endpoint": "Demo",
    "endpointType": "custom",
    "model": "demo-echo",
    "temperature": "0.4",
    "promptPrefix": "Be brief.",
    "user": "somebody else",
}


def save(client: Client, **changes: object) -> dict[str, object]:
    answer = client.post("/api/presets", BODY | changes, content_type="application/json")
    assert answer.status_code == 201, answer.content
    saved: dict[str, object] = answer.json()
    return saved


def test_preset_comes_back_as_it_was_saved(alice: User, client_for: ClientFor) -> None:
    client = client_for(alice)
    saved = save(client)
    assert client.get("/api/presets").json() == [saved]
    assert {name: saved[name] for name in ("title", "endpoint", "endpointType", "model")} == {
        "title": "Quick", "endpoint": "Demo", "endpointType": "custom", "model": "demo-echo",
    }  # fmt: skip
    assert (saved["temperature"], saved["promptPrefix"]) == (0.4, "Be brief.")
    assert saved["user"] == alice.id
    assert "defaultPreset" not in saved
    assert "order" not in saved


def test_preset_is_changed_when_its_id_is_given(alice: User, client_for: ClientFor) -> None:
    client = client_for(alice)
    saved = save(client)
    changed = save(client, presetId=saved["presetId"], title="Slow")
    assert (changed["presetId"], changed["title"]) == (saved["presetId"], "Slow")
    assert PersonalPreset.objects.count() == 1


def test_preset_gets_its_new_id(alice: User, client_for: ClientFor) -> None:
    client = client_for(alice)
    saved = save(client)
    renamed = save(client, presetId=saved["presetId"], newPresetId="my-own-id")
    assert renamed["presetId"] == "my-own-id"
    assert PersonalPreset.objects.count() == 1


def test_only_the_last_one_is_default_and_comes_first(alice: User, client_for: ClientFor) -> None:
    client = client_for(alice)
    first = save(client, title="first", defaultPreset=True)
    second = save(client, title="second", defaultPreset=True)
    save(client, title="third")
    listed = client.get("/api/presets").json()
    assert [preset["title"] for preset in listed] == ["second", "third", "first"]
    assert [preset.get("defaultPreset") for preset in listed] == [True, None, None]
    assert (second["order"], first["order"]) == (0, 0)


def test_default_stays_when_nothing_is_said_and_goes_when_false(
    alice: User, client_for: ClientFor
) -> None:
    client = client_for(alice)
    preset_id = save(client, defaultPreset=True)["presetId"]
    assert save(client, presetId=preset_id)["defaultPreset"] is True
    assert "defaultPreset" not in save(client, presetId=preset_id, defaultPreset=False)


def test_one_is_deleted_when_named_and_all_when_not(alice: User, client_for: ClientFor) -> None:
    client = client_for(alice)
    one, _, _ = save(client), save(client), save(client)
    answer = client.post("/api/presets/delete", one, content_type="application/json")
    assert (answer.status_code, answer.json()) == (201, {"acknowledged": True, "deletedCount": 1})
    again = client.post("/api/presets/delete", one, content_type="application/json")
    assert again.json()["deletedCount"] == 0
    rest = client.post("/api/presets/delete", content_type="application/json")
    assert rest.json()["deletedCount"] == 2
    assert client.get("/api/presets").json() == []


def test_stranger_neither_sees_nor_changes_nor_deletes(
    alice: User, charlie: User, client_for: ClientFor
) -> None:
    saved = save(client_for(alice))
    stranger = client_for(charlie)
    assert stranger.get("/api/presets").json() == []
    taken = stranger.post("/api/presets", saved, content_type="application/json")
    assert taken.status_code == 409
    for body in (saved, {}):
        answer = stranger.post("/api/presets/delete", body, content_type="application/json")
        assert answer.json()["deletedCount"] == 0
    assert client_for(alice).get("/api/presets").json() == [saved]


@pytest.mark.parametrize("method", ["get", "post"])
def test_401_when_nobody_is_signed_in(client: Client, method: str) -> None:
    assert getattr(client, method)("/api/presets").status_code == 401
    assert client.post("/api/presets/delete").status_code == 401


def test_nothing_is_listed_or_saved_when_the_policy_says_so(
    alice: User, client_for: ClientFor
) -> None:
    client = client_for(alice)
    save(client)
    Policy.objects.create(allows_personal_presets=False)
    assert client.get("/api/presets").json() == []
    refused = client.post("/api/presets", BODY, content_type="application/json")
    assert refused.status_code == 403
    assert PersonalPreset.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("presetId", 7), ("presetId", "x" * 65), ("title", "x" * 1025), ("model", {}),
     ("temperature", "hot")],
)  # fmt: skip
def test_400_names_the_field_when_a_value_is_wrong(
    alice: User, client_for: ClientFor, name: str, value: object
) -> None:
    body = BODY | {name: value}
    answer = client_for(alice).post("/api/presets", body, content_type="application/json")
    assert answer.status_code == 400
    assert name in answer.json()["message"]
    assert not PersonalPreset.objects.exists()
