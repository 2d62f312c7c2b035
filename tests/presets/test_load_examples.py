"""The examples of docs/presets-files.md, loaded as they stand there."""

import re
from pathlib import Path

import pytest

from accounts.models import User
from presets.dumping import dumped_tables
from presets.files import Document, read_file
from presets.foreign import read_bundle
from presets.loading import load_bundle
from presets.models import Assignment, Policy, Preset
from presets.resolver import offer_for

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "presets-files.md"
EXAMPLES = dict(
    re.findall(
        r"<!-- example: (\w+) -->\n```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S
    )
)


def load(name: str) -> Document:
    document = read_file("example.yaml", EXAMPLES[name].encode())
    bundle = read_bundle(document)
    assert bundle.notes == ()
    assert load_bundle(document, bundle) != []
    assert load_bundle(document, bundle) == []
    return document


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann@example.com")


def test_there_is_an_example_of_each_format() -> None:
    assert sorted(EXAMPLES) == ["librechat", "own", "seed"]


def test_own_example_says_everything_there_is(ann: User) -> None:
    document = load("own")
    letters = Preset.objects.get(slug="letters")
    assert (str(letters.extends), str(letters.owner_group)) == ("Base", "Sales")
    assert letters.max_output_tokens == 900
    assert Preset.objects.get(slug="base").locked == ["system_message", "temperature"]
    given = [(str(row), row.effect, row.priority, row.is_default, row.rollout_percent)
             for row in Assignment.objects.order_by("created_at")]  # fmt: skip
    assert given == [
        ("Base → everyone", "allow", 10, False, 100),
        ("Letters to customers → Sales", "allow", 0, True, 50),
        ("Letters to customers → ann@example.com", "deny", 0, False, 100),
    ]
    assert dumped_tables().keys() == document.value.keys()


def test_librechat_example_gives_everyone_its_specs_in_order(alice: User) -> None:
    load("librechat")
    offer = offer_for(alice)
    assert [(preset.slug, preset.name, preset.model) for preset in offer.presets] == [
        ("helper", "Helper", "gpt-4.1-mini"), ("thinker", "Thinker", "o3"),
    ]  # fmt: skip
    assert offer.default is offer.presets[0]
    assert (offer.policy.enforce, offer.policy.prioritize) == (True, True)
    fields = offer.presets[0].fields
    assert {name: fields[name] for name in ("system_message", "temperature", "max_output_tokens",
                                            "icon_url", "menu_group", "description")} == {
        "system_message": "Be brief.", "temperature": 0.3, "max_output_tokens": 500,
        "icon_url": "openAI", "menu_group": "Work", "description": "Answers in short",
    }  # fmt: skip
    assert offer.presets[1].fields["reasoning_effort"] == "high"


def test_seed_example_gives_everyone_the_defaults_and_sets_the_rules(alice: User) -> None:
    load("seed")
    offer = offer_for(alice)
    assert [preset.slug for preset in offer.presets] == [
        "openai-gpt-4-1", "anthropic-claude-opus",
    ]  # fmt: skip
    assert offer.presets[0].fields["temperature"] == 0.7
    assert offer.presets[0].fields["system_message"] == "You are a helpful assistant."
    assert offer.default is offer.presets[0]
    policy = Policy.objects.get(group=None)
    assert policy.scope_precedence == ["group", "user", "system"]
    assert policy.allows_override is False
    assert (policy.allows_personal_presets, policy.allows_group_presets) == (True, True)
