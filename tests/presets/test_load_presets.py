"""load_presets: all or nothing, once is enough, and errors with line and key."""

import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Group, User
from accounts.models.stamp import current_stamp
from accounts.services.groups import add_member, create_group
from presets.models import Assignment, Policy, Preset, PresetVersion
from presets.policies import save_policy
from presets.services import assign_preset, save_preset

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]
Load = Callable[..., str]

WRITER = """
presets:
  - slug: writer
    name: Writer
    endpoint: openAI
    model: gpt-4.1
    parameters: {temperature: 1}
    assignments:
      - everyone: true
        priority: 3
"""


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(text: str | bytes, *arguments: str, name: str = "file.yaml") -> str:
        file, out = tmp_path / name, StringIO()
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        call_command("load_presets", str(file), "--no-color", *arguments, stdout=out)
        return out.getvalue()

    return load


def refused(load: Load, text: str | bytes, *arguments: str, name: str = "file.yaml") -> list[str]:
    """The problems, without the file's name; nothing may have changed."""
    before = rows()
    with pytest.raises(CommandError) as caught:
        load(text, *arguments, name=name)
    assert rows() == before
    *problems, last = str(caught.value).splitlines()
    assert last == "Nothing was loaded."
    return [re.sub(r"^.*?file\.\w+, ", "", problem) for problem in problems]


def rows() -> list[Any]:
    models = (Preset, PresetVersion, Assignment, Policy, Group)
    stored = [sorted(model.objects.values_list(), key=str) for model in models]
    return [*stored, current_stamp()]


def make(slug: str, **fields: Any) -> Preset:
    given = {"slug": slug, "name": slug.title(), "endpoint": "openAI", "model": "gpt-4.1"}
    return save_preset(actor=None, preset=None, fields=given | fields)


# -- The difference --------------------------------------------------------------------------


def test_difference_is_shown_and_nothing_saved_when_dry(load: Load) -> None:
    before = rows()
    assert load(WRITER, "--dry-run") == (
        "+ preset writer\n"
        "    name: Writer\n"
        "    endpoint: openAI\n"
        "    model: gpt-4.1\n"
        '    parameters: {"temperature":1}\n'
        "+ assignment writer for everyone\n"
        "    priority: 3\n"
        "2 added, 0 changed, 0 removed: tried out, nothing was saved.\n"
    )
    assert rows() == before


def test_nothing_is_written_when_it_is_loaded_again(load: Load) -> None:
    load(WRITER)
    before = rows()
    assert load(WRITER) == "Everything is as the file says.\n"
    assert rows() == before


def test_only_what_changed_is_told_and_becomes_a_version(load: Load) -> None:
    load(WRITER)
    text = WRITER.replace("gpt-4.1", "o3").replace("priority: 3", "priority: 4")
    assert load(text) == (
        "~ preset writer\n"
        "    model: gpt-4.1 → o3\n"
        "~ assignment writer for everyone\n"
        "    priority: 3 → 4\n"
        "0 added, 2 changed, 0 removed.\n"
    )
    versions = Preset.objects.get().versions.values_list("version", "reason")
    assert list(versions) == [(2, "Loaded from a file"), (1, "Loaded from a file")]


def test_difference_is_coloured_for_a_terminal(tmp_path: Path) -> None:
    file, out = tmp_path / "file.yaml", StringIO()
    file.write_text(WRITER, encoding="utf-8")
    call_command("load_presets", str(file), "--force-color", "--dry-run", stdout=out)
    assert "\x1b[32;1m+ preset writer\x1b[0m" in out.getvalue()


def test_what_an_entry_leaves_out_has_its_default(load: Load) -> None:
    load(WRITER)
    load("presets: [{slug: writer, name: Writer, endpoint: openAI, model: o3, "
         "assignments: [{everyone: true}]}]")  # fmt: skip
    preset, given = Preset.objects.get(), Assignment.objects.get()
    assert (preset.parameters, given.priority) == ({}, 0)


# -- Removing --------------------------------------------------------------------------------


def test_what_the_file_does_not_name_stays_unless_pruned(load: Load, alice: User) -> None:
    load(WRITER)
    group = create_group(actor=None, name="Sales")
    add_member(actor=None, group=group, user=alice)
    base = make("base")
    child = make("child", extends=base)
    assign_preset(actor=None, preset=child, group=group, is_default=True)
    assign_preset(actor=None, preset=Preset.objects.get(slug="writer"), user=alice)
    save_policy(actor=None, group=group, enforce=True)
    assert load(WRITER) == "Everything is as the file says.\n"
    told = load(WRITER, "--prune")
    assert [line for line in told.splitlines() if line[0] in "+~-"] == [
        "- assignment child for sales", "- assignment writer for alice@example.com",
        "- preset child", "- preset base", "~ rules for sales",
    ]  # fmt: skip
    assert list(Preset.objects.values_list("slug", flat=True)) == ["writer"]
    assert Assignment.objects.count() == 1
    assert list(group.memberships.values_list("user_id", flat=True)) == [alice.pk]
    assert load(WRITER, "--prune") == "Everything is as the file says.\n"


# -- Order -----------------------------------------------------------------------------------


def test_presets_and_groups_may_stand_in_any_order(load: Load) -> None:
    load(
        "presets:\n"
        "  - {slug: child, extends: base, owner_group: north}\n"
        "  - {slug: base, endpoint: openAI, model: o3}\n"
        "groups:\n"
        "  - {slug: north, parent: sales}\n"
        "  - {slug: sales}\n"
    )
    child = Preset.objects.get(slug="child")
    assert str(child.extends) == "base"
    assert Group.objects.get(slug="north").parent == Group.objects.get(slug="sales")


def test_defaults_change_places(load: Load) -> None:
    text = """
presets:
  - slug: one
    endpoint: openAI
    model: o3
    assignments: [{everyone: true, is_default: true, ends_at: 2026-06-01}]
  - slug: two
    endpoint: openAI
    model: o3
    assignments: [{everyone: true, is_default: true, starts_at: 2026-06-01}]
"""
    load(text)
    load(text.replace("06-01", "07-01"))
    assert load(text.replace("06-01", "07-01")) == "Everything is as the file says.\n"
    swapped = (
        text.replace("ends_at", "x").replace("starts_at", "ends_at").replace("x:", "starts_at:")
    )
    load(swapped)
    assert load(swapped) == "Everything is as the file says.\n"


def test_who_extends_whom_is_turned_round(load: Load) -> None:
    text = "presets: [{slug: %s, endpoint: openAI, model: o3}, {slug: %s, extends: %s}]"
    load(text % ("one", "two", "one"))
    load(text % ("two", "one", "two"))
    one = Preset.objects.get(slug="one")
    assert str(one.extends) == "two"


def test_several_of_one_name_are_told_apart_by_id(load: Load) -> None:
    ids = ["0123456789abcdef01234567", "0123456789abcdef01234568"]
    text = "".join(
        f"  - {{slug: writer, id: '{each}', name: N{n}, endpoint: openAI, model: o3}}\n"
        for n, each in enumerate(ids)
    )
    load("presets:\n" + text)
    assert dict(Preset.objects.values_list("pk", "name")) == dict(
        zip(ids, ("N0", "N1"), strict=True)
    )
    assert load("presets:\n" + text) == "Everything is as the file says.\n"
    problems = refused(load, "presets: [{slug: writer, endpoint: openAI, model: o3}]")
    assert problems == [
        "line 1, presets.0.slug: There are several “writer” here: say which by its “id”."
    ]


# -- Errors ----------------------------------------------------------------------------------

HEAD = "presets:\n  - slug: bad\n    endpoint: openAI\n    model: gpt-4.1\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD + "    name: [", "line 5: Expected the node content"),
        (HEAD + "    name: 4", "line 5, presets.0.name: Enter a text; in quotes"),
        (HEAD + "    colour: red", "line 5, presets.0.colour: There is no “colour” here."),
        (HEAD + "    model: o3", "line 5, presets.0.model: This is said twice."),
        (HEAD + "    parameters:\n      topP: 3", "line 6, presets.0.parameters.topP: 3 is above"),
        (HEAD + "    parameters:\n      warm: 3", "line 6, presets.0.parameters.warm: There is no"),
        (HEAD + "    parameters:\n      maxTokens: 0",
         "line 6, presets.0.parameters.maxTokens: 0 is below"),
        (HEAD + "    bounds:\n      top_p: {min: 1, max: 0}", "line 6, presets.0.bounds.top_p: "),
        (HEAD + "    max_output_tokens: many", "line 5, presets.0.max_output_tokens: Enter"),
        (HEAD.replace("gpt-4.1", "gpt-5"), "line 4, presets.0.model: “openAI” has no “gpt-5”."),
        (HEAD.replace("openAI", "azure"), "line 3, presets.0.endpoint: There is no “azure”."),
        (HEAD + "    extends: nobody", "line 5, presets.0.extends: There is no preset called"),
        (HEAD + "    extends: bad", "line 2, presets.0: This would be a loop."),
        (HEAD + "    owner_group: none", "line 5, presets.0.owner_group: There is no group"),
        (HEAD + "    id: 7", "line 5, presets.0.id: An id has 24"),
        (HEAD + "    assignments:\n      - priority: 3", "line 6, presets.0.assignments.0: Say"),
        (HEAD + "    assignments:\n      - everyone: true\n        user: a@b.c",
         "line 6, presets.0.assignments.0: Say whose"),
        (HEAD + "    assignments:\n      - user: a@b.c",
         "line 6, presets.0.assignments.0.user: Nobody has the address “a@b.c”."),
        (HEAD + "    assignments:\n      - everyone: true\n        priority: high",
         "line 7, presets.0.assignments.0.priority: Enter a whole number."),
        (HEAD + "    assignments:\n      - everyone: true\n        effect: give",
         "line 7, presets.0.assignments.0.effect: Value 'give'"),
        (HEAD + "    assignments:\n      - everyone: true\n        starts_at: 2026-02-01\n"
         "        ends_at: 2026-01-01", "line 8, presets.0.assignments.0.ends_at: This must be"),
        (HEAD + "    assignments:\n      - everyone: true\n        starts_at: soon",
         "line 7, presets.0.assignments.0.starts_at: Enter a date"),
        (HEAD + "    assignments:\n      - everyone: true\n        starts_at: "
         "'0001-01-01T00:00:00+14:00'", "line 7, presets.0.assignments.0.starts_at: Enter a date"),
        (HEAD + "    assignments:\n      - everyone: true\n        starts_at: 2026-02-31",
         "line 7, presets.0.assignments.0.starts_at: There is no “2026-02-31”."),
        (HEAD + "    assignments:\n      - everyone: true\n      - everyone: true",
         "line 7, presets.0.assignments.1: This is the same as in line 6."),
        (HEAD + "  - slug: bad\n", "line 2, presets.0.slug: There are several “bad”"),
        ("presets:\n  writer: {}\n", "line 1, presets: Enter a list."),
        ("presets:\n  - writer\n", "line 2, presets.0: Enter names with values."),
        ("presets:\n  - name: X\n", "line 2, presets.0: A preset needs a “slug”"),
        ("groups:\n  - slug: a\n    parent: b\n  - slug: b\n    parent: a\n",
         "line 2, groups.0: This would be a loop."),
        ("groups:\n  - slug: a\n    parent: b\n", "line 3, groups.0.parent: There is no group"),
        ("groups:\n  - slug: a b\n", "line 2, groups.0.slug: Enter a valid"),
        ("policies:\n  - everyone: true\n    scopePrecedence: [user]\n",
         "line 3, policies.0.scopePrecedence: Name user, group and system"),
        ("policies:\n  - group: none\n    enforce: true\n", "line 2, policies.0.group: There is"),
        ("colours: []\n", "line 1, colours: There is no “colours” here."),
        ("- slug: writer\n", "line 1: Enter names with values."),
        ("", "line 1: Enter names with values."),
        ("models:\n  default: []\n", "line 2, models.default: There is no “default” here."),
        ("models:\n  defaults:\n    - endpoint: openAI\n", "line 3, models.defaults.0: A default"),
        ("models:\n  groupPresets:\n    priority: boss\n",
         "line 3, models.groupPresets.priority: Name user, group and system"),
        ("models:\n  groupPresets: []\n", "line 2, models.groupPresets: Enter names with values."),
        ("models:\n  userPresets:\n    enable: true\n",
         "line 3, models.userPresets.enable: There is no “enable” here. There are: enabled, "),
        ("modelSpecs:\n  list:\n    - name: x\n", "line 3, modelSpecs.list.0: A spec has"),
        ("modelSpecs:\n  list:\n    - name: x\n      preset:\n        endpoint: openAI\n"
         "        model: gpt-4.1\n        topP: 7\n",
         "line 7, modelSpecs.list.0.preset.topP: 7 is above"),
        ("modelSpecs:\n  enforce: sometimes\n", "line 2, modelSpecs.enforce: Enter true or false."),
    ],
)  # fmt: skip
def test_error_names_line_and_key(load: Load, text: str, problem: str) -> None:
    problems = refused(load, text)
    assert problems[0].startswith(problem), problems


def test_all_problems_are_told_at_once_and_right_entries_are_not_loaded(load: Load) -> None:
    text = WRITER + HEAD.replace("presets:\n", "") + "    locked: [colour]\n  - slug: worse\n"
    text += "    endpoint: azure\n"
    problems = refused(load, text)
    assert [problem.partition(":")[0] for problem in problems] == [
        "line 14, presets.1.locked", "line 16, presets.2.endpoint",
    ]  # fmt: skip


def test_what_a_librechat_file_says_besides_is_noted(load: Load) -> None:
    text = """
modelSpecs:
  colour: green
  list:
    - name: gpt 4.1
      label: GPT
      subagents: {enabled: true}
      preset: {endpoint: openAI, model: gpt-4.1, region: eu}
endpoints: {custom: []}
"""
    told = load(text).replace("\n", " ")
    assert Preset.objects.get().slug == "gpt-4-1"
    for note in (
        "line 3, modelSpecs.colour: This is not known here.",
        "line 5, modelSpecs.list.0.name: Its short name is “gpt-4-1” here;",
        "line 7, modelSpecs.list.0.subagents: This is not known here.",
        "line 8, modelSpecs.list.0.preset.region: This is not known here.",
    ):
        assert note in told


def test_looks_and_endpoints_of_a_librechat_file_are_ours(load: Load) -> None:
    load("""
modelSpecs:
  addedEndpoints: [openAI]
  list:
    - name: gpt
      label: GPT
      showInMenu: false
      showOnLanding: true
      softDefault: true
      preset: {endpoint: openAI, model: gpt-4.1}
""")
    preset, policy = Preset.objects.get(), Policy.objects.get()
    assert (preset.show_in_menu, preset.show_on_landing, preset.hide_badge_row) == (
        False, True, None,
    )  # fmt: skip
    assert (policy.added_endpoints, policy.default_is_soft) == (["openAI"], True)
    assert preset.assignments.get().is_default is True


def test_fields_a_librechat_file_cannot_say_stay(load: Load) -> None:
    make("gpt", bounds={"temperature": {"max": 1}}, description="Old")
    load("modelSpecs: {list: [{name: gpt, label: New, preset: {endpoint: openAI, model: o3}}]}")
    preset = Preset.objects.get()
    assert (preset.name, preset.model, preset.description) == ("New", "o3", "Old")
    assert preset.bounds == {"temperature": {"max": 1}}


def test_missing_file_is_a_sentence() -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("load_presets", "/nowhere/presets.yaml")
