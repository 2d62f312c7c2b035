"""``make bench``: measure, print, and with ``--write`` renew docs/performance.md.

``SMOKE=1`` or ``--smoke`` runs each benchmark briefly, to see that it still works; its figures
mean nothing. Names of benchmarks as arguments choose among them.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import django

from benchmarks.report import Row, machine, to_markdown

BEGIN, END = "<!-- results -->", "<!-- end of results -->"
DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "performance.md"


Benchmark = tuple[str, Callable[..., list[Row]]]


def benchmarks() -> dict[str, Benchmark]:
    found = _anywhere()
    postgresql, redis = os.environ.get("BENCH_DATABASE_URL"), os.environ.get("BENCH_REDIS_URL")
    if postgresql:
        found |= _on_postgresql(postgresql)
    if postgresql and redis:
        found |= _on_both(postgresql, redis)
    return found


def _anywhere() -> dict[str, Benchmark]:
    from benchmarks import (
        api,
        budgets,
        chat,
        files,
        gateway,
        idle,
        importing,
        killing,
        large,
        moving,
        pipeline,
        presets,
        startup,
        streams,
        telling,
        usage,
    )  # fmt: skip

    return {
        "startup": ("Start", startup.run),
        "pipeline": ("Pipeline", pipeline.run),
        "presets": ("Preset resolution", presets.run),
        "api": ("JSON requests (SQLite)", api.run),
        "chat": ("Chat turns (SQLite)", chat.run),
        "streams": ("Live streams", streams.run),
        "idle": ("Idle streams", idle.run),
        "importing": ("Import of chats (SQLite)", importing.run),
        "moving": ("Moving in (SQLite)", moving.run),
        "killed": ("A move that is killed (SQLite)", killing.run),
        "large": ("1,000,000 messages (SQLite)", large.run),
        "usage": ("The dashboard over 1,000,000 requests (SQLite)", usage.run),
        "budgets": ("The API with and without budgets", budgets.run),
        "gateway": ("The API beside other gateways", gateway.run),
        "files": ("A file of 1 GB (disk)", files.run),
        "telling": ("What time tells of accounts (SQLite)", telling.run),
        "files-s3": ("A file of 1 GB (S3)", files.run_in_bucket),
    }


def _on_postgresql(url: str) -> dict[str, Benchmark]:
    from benchmarks import api, chat, killing, large, moving, usage

    runs: dict[str, Benchmark] = {
        "large-pg": ("1,000,000 messages", large.run),
        "usage-pg": ("The dashboard over 1,000,000 requests", usage.run),
        "moving-pg": ("Moving in", moving.run),
        "killed-pg": ("A move that is killed", killing.run),
        "api-pg": ("JSON requests", api.run),
        "chat-pg": ("Chat turns", chat.run),
    }
    return {
        name: (f"{title} (PostgreSQL)", partial(run, DATABASE_URL=url))
        for name, (title, run) in runs.items()
    }


def _on_both(url: str, redis: str) -> dict[str, Benchmark]:
    from benchmarks import chat

    run = partial(chat.run, DATABASE_URL=url, REDIS_URL=redis, WORKERS="2")
    return {"chat-pg-2": ("Chat turns (PostgreSQL, Redis, two processes)", run)}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--smoke", action="store_true", default=os.environ.get("SMOKE") == "1")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    found = benchmarks()
    tables = []
    for name in options.names or found:
        title, run = found[name]
        rows = run(smoke=options.smoke)
        tables.append(to_markdown(title, rows))
        print(tables[-1], flush=True)  # noqa: T201
    if options.write:
        _write("\n".join([f"Machine: {machine()}.", "", *tables]))
    return 0


def _write(results: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    DOCUMENT.write_text(f"{head}{BEGIN}\n{results}{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
