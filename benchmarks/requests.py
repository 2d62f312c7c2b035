"""``python -m benchmarks.requests N``: N requests of the last 90 days, for the dashboard.

Reproducible: 200 people in a tree of groups, some of whom ask for much more than others; each has
two favourite presets and a key or two. Written as they would be after months, not yet counted.
"""

import os
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import django
from django.db import connection, transaction

SEED = 20260101
DAYS = 90
PEOPLE = 200
BATCH = 10_000
TEAMS = ("Engineering", "Research", "Sales", "Support", "Legal")
PRESETS = tuple(
    f"{what}-{how}" for what in ("writer", "coder", "analyst", "tutor") for how in "abc"
)
# Model → channel, credits for a token of input and of output; None: no price is known.
MODELS: dict[str, tuple[str, int | None, int]] = {
    "gpt-4.1": ("openai", 2, 8),
    "gpt-4.1-mini": ("openai", 1, 2),
    "claude-sonnet-4": ("anthropic", 3, 15),
    "gemini-2.5-flash": ("google", 1, 3),
    "llama-3.3-70b": ("own-servers", 0, 0),
    "experimental": ("own-servers", None, 0),
}
STATUSES = ("ok",) * 94 + ("stopped",) * 3 + ("failed",) * 2 + ("partial",)


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not arguments[0].isdigit():
        sys.stderr.write("usage: python -m benchmarks.requests N\n")
        return 1
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "librechat_backend.settings")
    django.setup()
    seed(int(arguments[0]))
    return 0


def seed(count: int) -> None:
    from usage.models import RequestLog

    fields = RequestLog._meta.concrete_fields
    columns = ", ".join(f'"{field.column}"' for field in fields)
    places = ", ".join(["%s"] * len(fields))
    statement = f"INSERT INTO usage_requestlog ({columns}) VALUES ({places})"  # noqa: S608 - our names
    given: dict[str, Any] = {field.attname: field.get_default() for field in fields}
    given |= {"attempts": "[]", "operation": "chat", "is_streamed": True, "http_status": 200}
    names = [field.attname for field in fields]
    batch: list[list[Any]] = []
    for varied in _rows(count):
        values = given | varied
        batch.append([values[name] for name in names])
        if len(batch) == BATCH:
            _write(statement, batch)
            batch.clear()
    _write(statement, batch)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _write(statement: str, batch: list[list[Any]]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(statement, batch)


def _rows(count: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(SEED)  # noqa: S311 - made-up requests
    people = _people(chance)
    weights = [1 / (rank + 3) for rank in range(len(people))]
    for number, moment in enumerate(_moments(chance, count)):
        person = chance.choices(people, weights)[0]
        model = list(MODELS)[(person["n"] + (chance.random() < 0.2)) % len(MODELS)]
        is_api = chance.random() < 0.35
        yield {
            "id": f"{int(moment.timestamp()):08x}{number:016x}",
            "created_at": connection.ops.adapt_datetimefield_value(moment),
            **_asked(chance, model, is_api=is_api),
            **_by(chance, person, is_api=is_api),
        }


def _asked(chance: random.Random, model: str, *, is_api: bool) -> dict[str, Any]:
    channel, in_price, out_price = MODELS[model]
    status = chance.choice(STATUSES)
    tokens_in, tokens_out = int(chance.expovariate(1 / 1800)), int(chance.expovariate(1 / 350))
    is_cached = is_api and chance.random() < 0.15
    cost = None if in_price is None else tokens_in * in_price + tokens_out * out_price
    first = int(chance.lognormvariate(6.3, 0.6))
    return {
        "requested_model": model,
        "served_model": model,
        "channel_id": channel,
        "channel_name": channel.title(),
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "cost_credits": 0 if is_cached else cost,
        "cache": "exact" if is_cached else "",
        "status": status,
        "first_token_ms": None if status == "failed" else first,
        "total_ms": first + tokens_out * 12,
    }


def _by(chance: random.Random, person: dict[str, Any], *, is_api: bool) -> dict[str, Any]:
    from librechat_backend.lib import json

    return {
        "face": "api" if is_api else "chat",
        "user_id": person["id"],
        "groups": json.dumps(person["groups"]).decode(),
        "token_id": f"token{person['n']}" if is_api else "",
        "token_name": "Scripts" if is_api else "",
        "preset_slug": "" if is_api else person["presets"][chance.random() < 0.2],
    }


def _moments(chance: random.Random, count: int) -> list[datetime]:
    """In order; more from month to month, few at weekends."""
    end = datetime.now(UTC)
    days = [end - timedelta(days=n) for n in reversed(range(DAYS))]
    weights = [(1 + n / DAYS) * (0.2 if day.weekday() > 4 else 1) for n, day in enumerate(days)]
    chosen = chance.choices(days, weights, k=count)
    return sorted(day - timedelta(seconds=chance.randrange(8 * 3600)) for day in chosen)


def _people(chance: random.Random) -> list[dict[str, Any]]:
    from accounts.models import Group, Membership, User

    company, _ = Group.objects.get_or_create(slug="company", defaults={"name": "Company"})
    teams = [_team(name, company) for name in TEAMS]
    people = []
    for number in range(PEOPLE):
        email = f"asker{number}@example.com"
        user, _ = User.objects.get_or_create(email=email, defaults={"name": f"Asker {number}"})
        team = teams[number % len(teams)]
        Membership.objects.get_or_create(user=user, group=team)
        groups = [{"id": each.pk, "name": each.name} for each in (team, company)]
        presets = chance.sample(PRESETS, 2)
        people.append({"n": number, "id": user.pk, "groups": groups, "presets": presets})
    return people


def _team(name: str, company: Any) -> Any:
    from accounts.models import Group

    given = {"name": name, "parent": company}
    return Group.objects.get_or_create(slug=name.lower(), defaults=given)[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
