"""dump_presets: loading what was dumped changes nothing, here and elsewhere."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import Group, User
from accounts.models.stamp import current_stamp
from accounts.services.groups import create_group
from librechat_backend.lib import json
from presets.dumping import dumped_tables
from presets.files import read_file, write_json, write_yaml
from presets.foreign import read_bundle
from presets.loading import load_bundle
from presets.models import Assignment, Policy, Preset
from presets.policies import save_policy
from presets.services import assign_preset, save_preset

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]

# Whatever a person can type: line ends, quotes, signs of YAML, emoji, control characters.
TEXT = st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40
)
LINES = st.sampled_from(
    ["", "a\nb", "a: b", "- a", "#", " a ", "yes", "null", "1", "1e3", "'\"", "\ttab\n", "a\r\nb",
     "\u2028", "\x85", "😀", "2026-01-01", "<<", "*a", "&a", "!x", "{}", "a\n\n\n"]
)  # fmt: skip
WORDS = TEXT | LINES
NUMBER = st.floats(min_value=0, max_value=1, allow_nan=False)
MOMENT = st.integers(0, 2**50).map(
    lambda number: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=number)
)
PRESET = st.fixed_dictionaries(
    {"slug": st.sampled_from(["one", "two", "three", "0x1", "null"])},
    optional={
        "name": WORDS,
        "system_message": WORDS,
        "greeting": WORDS,
        "menu_group": WORDS,
        "conversation_starters": st.lists(WORDS.filter(bool), max_size=2),
        "parameters": st.fixed_dictionaries(
            {}, optional={"temperature": NUMBER, "top_p": NUMBER | st.just(1),
                          "stop": st.lists(WORDS.filter(bool), max_size=2)},
        ),
        "bounds": st.just({"presence_penalty": {"min": -1, "max": 0.5}, "top_k": {"max": 9}}),
        "locked": st.sampled_from([[], ["tools"], ["temperature", "system_message"]]),
        "tools": st.sampled_from([{"enabled": False}, {"allowed_tools": []},
                                  {"enabled": True, "allowed_tools": ["a"]}]),
        "max_output_tokens": st.integers(min_value=1, max_value=2**31 - 1),
        "cache_seconds": st.integers(min_value=0, max_value=31 * 24 * 3600),
        "is_active": st.booleans(),
    },
)  # fmt: skip
GIVEN = st.fixed_dictionaries(
    {"preset": st.integers(0, 5), "whom": st.integers(0, 3)},
    optional={
        "effect": st.sampled_from(["allow", "deny"]),
        "is_final": st.booleans(),
        "priority": st.integers(-5, 5),
        "is_active": st.booleans(),
        "starts_at": MOMENT,
        "rollout_percent": st.integers(0, 100),
    },
)
RULES = st.dictionaries(
    st.sampled_from(["allows_override", "enforce", "prioritize", "allows_group_presets"]),
    st.sampled_from([True, False, None]),
)
TABLES = st.fixed_dictionaries(
    {
        "presets": st.lists(PRESET, max_size=5),
        "extends": st.lists(st.integers(0, 5) | st.none(), min_size=5, max_size=5),
        "given": st.lists(GIVEN, max_size=6),
        "rules": st.lists(RULES, min_size=2, max_size=2),
        "groups": st.lists(WORDS.map(str.strip).filter(bool), min_size=2, max_size=2),
    }
)


def clear() -> None:
    for model in (Assignment, Policy):
        model.objects.all().delete()
    Preset.objects.update(extends=None)
    for rows in (Preset, Group):
        rows.objects.all().delete()


def build(tables: dict[str, Any], person: User) -> None:
    """Rows as people make them, through the services."""
    clear()
    above = create_group(actor=None, name=tables["groups"][0], slug="above")
    below = create_group(actor=None, name=tables["groups"][1], slug="below", parent=above)
    presets: list[Preset] = []
    for number, fields in enumerate(tables["presets"]):
        base = tables["extends"][number]
        more = {"extends": presets[base]} if base is not None and base < number else {}
        owner = {"owner_group": below} if number % 2 else {}
        fields = {"endpoint": "openAI", "model": "o3"} | fields | more | owner
        if "extends" in more:  # locks of the other one would forbid values of its own
            fields = {name: fields[name] for name in ("slug", "extends", *owner)}
        presets.append(save_preset(actor=None, preset=None, fields=fields))
    whom: list[Any] = [{"everyone": True}, {"group": above}, {"group": below}, {"user": person}]
    for given_ in tables["given"]:
        options = {name: v for name, v in given_.items() if name not in ("preset", "whom")}
        if given_["preset"] < len(presets):
            preset = presets[given_["preset"]]
            assign_preset(actor=None, preset=preset, **whom[given_["whom"]], **options)
    for group, rules in zip((None, below), tables["rules"], strict=True):
        save_policy(actor=None, group=group, **rules)


def load(text: str, name: str, **options: bool) -> list[Any]:
    document = read_file(name, text.encode())
    return load_bundle(document, read_bundle(document), **options)


@given(TABLES)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    # Without shrinking, which takes minutes here.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
def test_loading_a_dump_changes_nothing_here_and_makes_the_same_elsewhere(
    alice: User, offered: list[Any], tables: dict[str, Any]
) -> None:
    build(tables, alice)
    dumped, stamp = dumped_tables(), current_stamp()
    for name, text in (("dump.yaml", write_yaml(dumped)), ("dump.json", write_json(dumped))):
        assert load(text, name, prune=True) == []
        assert current_stamp() == stamp
        assert read_file(name, text.encode()).value == dumped
    clear()
    load(write_yaml(dumped), "dump.yaml")
    assert dumped_tables() == dumped
    clear()
    load(write_json(dumped), "dump.json")
    assert dumped_tables() == dumped


def dump(*arguments: str) -> str:
    out = StringIO()
    call_command("dump_presets", *arguments, stdout=out)
    return out.getvalue()


def test_dump_reads_like_something_a_person_wrote(alice: User) -> None:
    group = create_group(actor=None, name="Sales")
    create_group(actor=None, name="North", parent=group)
    fields = {
        "slug": "writer", "name": "Writer", "endpoint": "openAI", "model": "o3",
        "system_message": "Be kind.\nBe brief.\n", "parameters": {"temperature": 0.5},
    }  # fmt: skip
    preset = save_preset(actor=None, preset=None, fields=fields)
    assign_preset(actor=None, preset=preset, user=alice, priority=2)
    assign_preset(actor=None, preset=preset, everyone=True)
    save_policy(actor=None, group=group, enforce=True)
    save_policy(actor=None, prioritize=None)
    expected = """\
groups:
- slug: sales
  name: Sales
- slug: north
  name: North
  parent: sales
presets:
- slug: writer
  name: Writer
  endpoint: openAI
  model: o3
  system_message: |
    Be kind.
    Be brief.
  parameters:
    temperature: 0.5
  assignments:
  - user: alice@example.com
    priority: 2
  - everyone: true
policies:
- group: sales
  enforce: true
"""
    assert dump() == expected
    assert json.loads(dump("--format", "json")) == dumped_tables()


def test_presets_of_one_name_are_dumped_with_their_ids() -> None:
    fields = {"slug": "writer", "endpoint": "openAI", "model": "o3"}
    presets = [save_preset(actor=None, preset=None, fields=fields) for _ in range(2)]
    heir = save_preset(actor=None, preset=None, fields={"slug": "heir", "extends": presets[1]})
    dumped = dumped_tables()["presets"]
    assert [entry.get("id") for entry in dumped] == [None, presets[0].pk, presets[1].pk]
    assert (dumped[0]["slug"], dumped[0]["extends"]) == (heir.slug, presets[1].pk)


def test_nothing_is_dumped_of_nothing(tmp_path: Path) -> None:
    assert dump() == "{}\n"
    file = tmp_path / "empty.yaml"
    file.write_text(dump(), encoding="utf-8")
    out = StringIO()
    call_command("load_presets", str(file), stdout=out)
    assert out.getvalue() == "Everything is as the file says.\n"


def test_dump_costs_the_same_however_much_there_is(alice: User) -> None:
    counts = []
    for slug in ("one", "two", "three"):
        group = create_group(actor=None, name=slug)
        preset = save_preset(
            actor=None, preset=None,
            fields={"slug": slug, "endpoint": "openAI", "model": "o3", "owner_group": group},
        )  # fmt: skip
        assign_preset(actor=None, preset=preset, group=group)
        save_policy(actor=None, group=group, enforce=True)
        with CaptureQueriesContext(connection) as queries:
            dumped_tables()
        counts.append(len(queries))
    assert counts == [4, 4, 4]
