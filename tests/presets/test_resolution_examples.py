"""The worked examples of docs/presets.md, read from the page, so that page and program agree."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from presets.enforcement import apply_preset
from presets.explain import explain_resolution
from presets.fields import Dialect
from presets.resolution import (
    AssignmentData,
    Bounds,
    PolicyData,
    PresetData,
    Resolution,
    ResolvedPreset,
    Scope,
    default_of,
    fill_in,
    resolve,
)

PAGE = Path(__file__).parents[2] / "docs" / "presets.md"
NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
DISTANCES = {"North": 0, "Sales": 1, "Company": 2}
RULES = {"presets of groups": "allows_group_presets", "changing parameters": "allows_override"}


def rows(heading: str) -> list[list[str]]:
    """The cells of the table whose first column is called ``heading``."""
    lines = PAGE.read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    table: list[list[str]] = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table


def values(text: str) -> dict[str, float]:
    """``temperature 1, top_p 0.9`` → both numbers."""
    parts = (part.rsplit(" ", 1) for part in text.split(", ") if part)
    return {name: float(value) for name, value in parts}


def bounds(text: str) -> dict[str, Bounds]:
    match = re.fullmatch(r"(\w+) ([\d.]+) to ([\d.]+)", text)
    return {match[1]: (float(match[2]), float(match[3]))} if match else {}


def presets() -> dict[str, PresetData]:
    """By name, which is the id here, too."""
    base = {"endpoint": "openAI", "model": "gpt-4.1"}
    return {
        name: PresetData(
            id=name,
            slug=slug,
            name=name,
            version=1,
            fields={"name": name, **base, **values(sets)},
            locked=frozenset(locks.split(", ") if locks else ()),
            bounds=bounds(limits),
            extends_id=extends or None,
            is_active=name != "Old",
        )
        for name, slug, extends, sets, locks, limits in rows("Preset | Short name")
    }


def assignment(text: str, age: int) -> AssignmentData:
    """``Coder not for Sales, final, priority 3, from 2026-03-01 00:00``."""
    what, *options = text.split(", ")
    match = re.fullmatch(r"(.+?)( not)? for (\w+)", what)
    assert match, text
    options_given: dict[str, Any] = dict(option(each) for each in options)
    group = match[3] if match[3] in DISTANCES else ""
    scope = Scope.GROUP if group else Scope.SYSTEM if match[3] == "everyone" else Scope.USER
    return AssignmentData(
        id=what,
        preset_id=match[1],
        scope=scope,
        created_at=NOW - timedelta(days=365) + timedelta(minutes=age),
        group_name=group,
        distance=DISTANCES.get(group, 0),
        is_allowed=not match[2],
        **options_given,
    )


def option(text: str) -> tuple[str, Any]:
    words = {"final": "is_final", "default": "is_default"}
    if text in words:
        return words[text], True
    if text == "off":
        return "is_active", False
    if text.endswith(" %"):
        return "rollout_percent", int(text.removesuffix(" %"))
    name, value = text.split(" ", 1)
    if name == "priority":
        return name, int(value)
    moment = datetime.strptime(f"{value} +0000", "%Y-%m-%d %H:%M %z")
    return {"from": "starts_at", "until": "ends_at"}[name], moment


def policy(texts: list[str]) -> PolicyData:
    """``rules for North: presets of groups on``; of several, the nearest group's count."""

    def distance(text: str) -> int:
        return DISTANCES.get(text.removeprefix("rules for ").split(":")[0], 99)

    rules: dict[str, Any] = {}
    for text in sorted(texts, key=distance):
        rule = text.split(": ")[1]
        if rule.startswith("first "):
            order = tuple(Scope(scope) for scope in rule.removeprefix("first ").split(", "))
            rules.setdefault("scope_precedence", order)
        else:
            name, state = rule.rsplit(" ", 1)
            rules.setdefault(RULES[name], state == "on")
    return PolicyData(**rules)


def resolution_of(text: str) -> Resolution:
    statements = text.split("; ")
    rules = [each for each in statements if each.startswith("rules ")]
    given = [each for each in statements if not each.startswith("rules ")]
    return resolve(
        user_id="Ann",
        now=NOW,
        policy=policy(rules),
        presets=presets(),
        assignments=[assignment(each, age) for age, each in enumerate(given)],
    )


def seen(resolution: Resolution, expected: str) -> Iterator[str]:
    """What is visible, in the words of the page; values only where the page tells them."""
    default = default_of(resolution.visible)
    for preset in resolution.visible:
        notes = ["default"] if preset is default else []
        if f"{preset.name} (temperature" in expected:
            notes += [f"{name} {preset.fields[name]:g}" for name in ("temperature", "top_p")]
        yield f"{preset.name} ({', '.join(notes)})" if notes else preset.name


@pytest.mark.parametrize(("given", "expected", "why"), rows("Assignments"))
def test_person_sees_what_the_page_says(given: str, expected: str, why: str) -> None:
    resolution = resolution_of(given)
    assert ", ".join(seen(resolution, expected)) == expected.replace("–", "")
    name, reason = why.split(": ", 1)
    explained = next(each for each in explain_resolution(resolution) if each.name == name)
    sentences = [f"{explained.sentence} ", *(f"{note} " for note in explained.notes)]
    assert any(f"{reason} " in sentence for sentence in sentences), sentences


@pytest.mark.parametrize(
    ("name", "asks", "rules", "runs_with", "moved"), rows("Preset | Ann asks for")
)
def test_turn_runs_with_what_the_page_says(
    name: str, asks: str, rules: str, runs_with: str, moved: str
) -> None:
    effective = apply_preset(
        given_preset(name),
        values(asks),
        dialect=Dialect.OPENAI,
        allows_override=rules != "changing parameters off",
    )
    assert effective.settings == values(runs_with)
    assert effective.moved == values(moved)


def given_preset(name: str) -> ResolvedPreset:
    return fill_in(presets()[name], presets(), assignment(f"{name} for Ann", 0))


def test_page_is_read_as_a_whole() -> None:
    assert len(rows("Assignments")) == 37
    assert len(rows("Preset | Ann asks for")) == 9
    assert len(presets()) == 10
