"""What was in new-api works here: keys, limits and passwords, against a running server."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.live import ROOT, LiveServer, live_server
from tests.moving import newapi_source as source
from tests.moving.newapi_source import PASSWORD, SECOND_KEY, VIP
from tests.processes import start_fake_provider

THIRD_KEY = "c" * 48
PRICE = """
from datetime import UTC, datetime
from usage.models import Price
Price.objects.create(model="gpt-4o", valid_from=datetime(2020, 1, 1, tzinfo=UTC),
                     input_credits=1_000_000, output_credits=1_000_000)
"""


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A running server into which an installation has moved, from a packed dump of MySQL."""
    folder = tmp_path_factory.mktemp("new-api")
    with start_fake_provider() as provider, live_server(env={"DEMO_PROVIDER": "false"}) as server:
        tables = source.new_api(provider)
        tables["users"] = [source.user(2, "alice", group="vip"), source.user(3, "bob")]
        tables["tokens"] = [row for row in tables["tokens"] if row["id"] in (1, 2)]
        nearly_used_up = {"unlimited_quota": 0, "remain_quota": 1, "name": "nearly empty"}
        tables["tokens"].append(source.token(3, 2, THIRD_KEY, **nearly_used_up))
        tables["channels"] = [row for row in tables["channels"] if row["id"] in (1, 2)]
        dump = source.write_dump(folder / "dump.sql.gz", tables)
        said = server.manage("import_newapi", str(dump), "--report", str(folder / "report.html"))
        assert "Complete" in said
        assert "Azure" in (folder / "report.html").read_text()
        yield server


def test_the_old_key_is_answered_when_the_official_library_calls(moved: LiveServer) -> None:
    client = openai.OpenAI(base_url=f"{moved.base_url}/v1", api_key=VIP, max_retries=0)
    answer = client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Hi"}]
    )
    assert answer.choices[0].message.content == "Hello from the fake provider."


def test_limits_of_the_old_key_hold_when_it_is_used(moved: LiveServer) -> None:
    client = openai.OpenAI(base_url=f"{moved.base_url}/v1", api_key=f"sk-{SECOND_KEY}")
    assert [model.id for model in client.models.list()] == ["gpt-4o"]
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}]
        )


def test_what_was_left_of_a_key_is_all_it_may_spend(moved: LiveServer) -> None:
    """The rest of its quota, 2 credits, is less than any call costs."""
    moved.manage("shell", "-c", PRICE)
    told = "402 - The budget “nearly empty: what was left” of the API key"
    with pytest.raises(openai.APIStatusError, match=told):
        asked(moved, f"sk-{THIRD_KEY}")
    assert asked(moved, VIP).choices


def asked(server: LiveServer, key: str) -> Any:
    client = openai.OpenAI(base_url=f"{server.base_url}/v1", api_key=key, max_retries=0)
    return client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Hi"}]
    )


def test_nobody_comes_in_when_a_key_was_never_there(moved: LiveServer) -> None:
    client = openai.OpenAI(base_url=f"{moved.base_url}/v1", api_key="sk-" + "z" * 48)
    with pytest.raises(openai.AuthenticationError):
        client.models.list()


def test_the_old_password_signs_in_when_everything_has_moved(moved: LiveServer) -> None:
    assert moved.sign_in("bob@example.com", PASSWORD)


def test_the_status_is_1_when_something_is_missing(moved: LiveServer, new_api: Path) -> None:
    command = [sys.executable, "manage.py", "import_newapi", str(new_api), "--dry-run"]
    done = subprocess.run(command, cwd=ROOT, env=moved.env, capture_output=True, text=True)
    assert done.returncode == 1
    assert "LOST 1 × type 41" in done.stdout
    assert "Rehearsal" in done.stdout
