"""explain_presets: who gets what, and why, in a terminal."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from accounts.services.groups import add_member, create_group
from presets.services import assign_preset, save_preset

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered", "presets")]


@pytest.fixture
def presets(alice: User, offered: list[Any]) -> None:
    group = create_group(actor=None, name="Sales")
    add_member(actor=None, group=group, user=alice)
    base = {"slug": "base", "name": "Base", "endpoint": "openAI", "model": "o3"}
    house = save_preset(
        actor=None, preset=None, fields={**base, "parameters": {"temperature": 0.5}}
    )
    fields = {"slug": "letters", "name": "Letters", "extends": house, "locked": ["temperature"],
              "parameters": {"temperature": 0.25}}  # fmt: skip
    letters = save_preset(actor=None, preset=None, fields=fields)
    assign_preset(actor=None, preset=house, everyone=True)
    assign_preset(actor=None, preset=house, group=group, effect="deny")
    assign_preset(actor=None, preset=letters, group=group, is_default=True)


def explain(*arguments: str) -> str:
    out = StringIO()
    call_command("explain_presets", *arguments, "--no-color", stdout=out)
    return out.getvalue()


def test_every_preset_is_told_with_its_reason() -> None:
    sales = "the group “Sales”"
    also = "Also given to everyone, but the order is: the person, groups, everyone."
    assert explain("Alice@Example.com").splitlines() == [
        "alice@example.com, in: Sales",
        "    Preset   Short name  State    Why",
        f"1.  Letters  letters     visible  Given to {sales}. Its priority is 0. New chats start "
        "with it.",
        f"    Base     base        hidden   Taken away from {sales}. {also}",
    ]


def test_each_value_of_one_preset_is_told_with_its_source() -> None:
    lines = explain("alice@example.com", "--preset", "letters").splitlines()
    assert lines[1:3] == [
        "Letters, version 1: visible",
        "  Given to the group “Sales”. Its priority is 0. New chats start with it.",
    ]
    assert lines[3].split() == ["Field", "Value", "Why"]
    found = {line.split("  ")[0]: " ".join(line.split()) for line in lines[4:]}
    assert found["Endpoint"] == "Endpoint openAI Inherited from “Base” (version 1)."
    assert found["Temperature"] == (
        "Temperature 0.25 Set by the preset itself. Locked. Not 0.5: “Letters” sets it anew."
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nobody@example.com",), "Nobody has the address “nobody@example.com”."),
        (("alice@example.com", "--preset", "x"), "“x” was never given to alice@example.com."),
    ],
)
def test_unknown_people_and_presets_are_named(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError) as caught:
        explain(*arguments)
    assert str(caught.value) == message
