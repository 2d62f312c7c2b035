"""What may be uploaded: resolved from rules of groups, told to the client, held against uploads."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Group, Membership, User
from files.config import MEGABYTE, config_for
from files.media_types import normalized
from files.models import EndpointRules, File, FileRules
from tests.conftest import ClientFor

CONFIG = "/api/files/config"
LIMITS = {"disabled": False, "fileLimit": 10, "fileSizeLimit": 512, "totalSizeLimit": 512}
OFF = {"disabled": True}


def rules(group: Group | None = None, **fields: Any) -> FileRules:
    return FileRules.objects.create(group=group, **fields)


@pytest.fixture
def team(alice: User) -> Group:
    """Alice's group, below another."""
    company = Group.objects.create(name="Company", slug="company")
    team = Group.objects.create(name="Team", slug="team", parent=company)
    Membership.objects.create(user=alice, group=team)
    return team


def test_the_client_hears_its_own_defaults_when_there_are_no_rules(
    alice: User, client_for: ClientFor
) -> None:
    names = ("default", "agents", "custom", "anthropic", "assistants", "azureAssistants")
    assert client_for(alice).get(CONFIG).json() == {
        "endpoints": dict.fromkeys(names, LIMITS),
        "serverFileSizeLimit": 512,
        "avatarSizeLimit": 2,
        "fileTokenLimit": 100_000,
    }


def test_every_key_is_disabled_when_uploads_are_off(alice: User, client_for: ClientFor) -> None:
    rules(is_enabled=False)
    endpoints = client_for(alice).get(CONFIG).json()["endpoints"]
    assert set(map(str, endpoints.values())) == {str(OFF)}
    assert endpoints.keys() >= {"default", "agents", "custom", "anthropic"}


def test_each_rule_comes_from_the_nearest_group_that_has_it(
    alice: User, bob: User, team: Group, client_for: ClientFor
) -> None:
    everyone = rules(file_megabytes=50, file_limit=3, families=["images"], quota_megabytes=100)
    rules(team.parent, file_megabytes=80, retention_days=7)
    rules(team, file_limit=5)
    EndpointRules.objects.create(rules=everyone, endpoint="anthropic", file_megabytes=10)
    EndpointRules.objects.create(rules=everyone, endpoint="My Gateway", is_enabled=False)
    config = config_for(alice)
    assert (config.default.file_bytes, config.default.file_limit) == (80 * MEGABYTE, 5)
    assert (config.quota_bytes, config.retention_days) == (100 * MEGABYTE, 7)
    assert config_for(bob).default.file_bytes == 50 * MEGABYTE
    endpoints = client_for(alice).get(CONFIG).json()["endpoints"]
    patterns = [r"^image/(jpeg|gif|png|webp|heic|heif|svg|svg\+xml)$"]
    limited = {**LIMITS, "fileLimit": 5, "supportedMimeTypes": patterns}
    assert endpoints["default"] == {**limited, "fileSizeLimit": 80}
    assert endpoints["anthropic"] == {**limited, "fileSizeLimit": 10}
    assert endpoints["My Gateway"] == OFF
    assert endpoints["agents"] == endpoints["default"]


def test_a_change_holds_at_once(alice: User, client_for: ClientFor) -> None:
    row = rules(file_limit=3)
    assert config_for(alice).default.file_limit == 3
    endpoint = EndpointRules.objects.create(rules=row, endpoint="anthropic", file_limit=1)
    assert config_for(alice).limits_for("Anthropic").file_limit == 1
    endpoint.delete()
    assert config_for(alice).limits_for("anthropic").file_limit == 3
    row.delete()
    assert config_for(alice).default.file_limit == 10


def test_patterns_hold_instead_of_kinds(alice: User, team: Group, client_for: ClientFor) -> None:
    everyone = rules(families=["images"], patterns=["^image/.*", "pdf$"])
    EndpointRules.objects.create(rules=everyone, endpoint="anthropic", families=["audio"])
    EndpointRules.objects.create(rules=everyone, endpoint="Harbour", patterns=[])
    default, audio, nothing = (
        config_for(alice).limits_for(name) for name in ("", "anthropic", "Harbour")
    )
    assert [default.takes(t) for t in ("image/avif", "application/pdf", "audio/mpeg")] == [
        True, True, False,
    ]  # fmt: skip
    assert (audio.takes("audio/mpeg"), audio.takes("image/png")) == (True, False)
    assert not nothing.takes("image/png")
    endpoints = client_for(alice).get(CONFIG).json()["endpoints"]
    assert endpoints["default"]["supportedMimeTypes"] == ["^image/.*", "pdf$"]
    assert endpoints["Harbour"]["supportedMimeTypes"] == []
    rules(team, families=["video"])
    assert config_for(alice).default.takes("video/mp4")
    assert not config_for(alice).default.takes("image/png")


def test_client_is_told_how_to_shrink_pictures(
    alice: User, team: Group, client_for: ClientFor
) -> None:
    rules(shrinks_pictures=True, picture_width=1200, picture_quality=0.8)
    rules(team, picture_width=800)
    assert client_for(alice).get(CONFIG).json()["clientImageResize"] == {
        "enabled": True, "maxWidth": 800, "quality": 0.8,
    }  # fmt: skip


def test_an_empty_list_of_kinds_allows_none(alice: User) -> None:
    rules(families=[])
    assert config_for(alice).default.families == ()


def test_rules_cost_two_queries_when_nothing_has_changed(
    alice: User, team: Group, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    rules(team, file_limit=3)
    config_for(alice)
    with django_assert_num_queries(2):
        config_for(alice)


def test_a_type_that_is_too_long_for_one_is_told_by_the_name() -> None:
    longest = f"{'x' * 127}/{'y' * 127}"
    assert normalized(longest, "notes.txt") == longest
    File(media_type=longest)._meta.get_field("media_type").run_validators(longest)
    for declared in (f"x{longest}", f"{longest}y", "text/" + "x" * 5000):
        assert normalized(declared, "notes.txt") == "text/plain"
