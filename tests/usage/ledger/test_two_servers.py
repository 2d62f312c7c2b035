"""One budget, two servers, and one of them is killed in the middle of its answers."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from librechat_backend.lib import json
from tests.live import LiveServer
from tests.processes import start_fake_provider

# 20 tokens in and 9 out, a credit each.
COST, CALLS = 29, 10
BODY = {
    "model": "m",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "What is the answer to everything there is? " * 2}],
}
SET_UP = f"""
from usage.models import Budget, Price
Price.objects.create(
    model="m", valid_from="2020-01-01T00:00Z", input_credits=1_000_000, output_credits=1_000_000
)
Budget.objects.create(owner_kind="everyone", limit_credits={COST * CALLS})
"""
# As if a minute had passed since the servers were heard of.
AGE = """
from datetime import timedelta
from django.db.models import F
from usage.models import Lease
Lease.objects.update(renewed_at=F("renewed_at") - timedelta(minutes=1))
"""
TELL = """
import json
from django.db.models import Sum
from usage.models import BudgetPeriod, LedgerEntry
period = BudgetPeriod.objects.get()
paid = LedgerEntry.objects.aggregate(total=Sum("cost"))["total"]
print("told", json.dumps([period.used, period.leased, paid]))
"""


@pytest.fixture
def servers() -> Iterator[tuple[LiveServer, LiveServer]]:
    with start_fake_provider() as fake:
        env = {
            "OPENAI_API_KEY": "sk-upstream", "OPENAI_REVERSE_PROXY": f"{fake}/v1",
            "OPENAI_MODELS": "m", "LOG_LEVEL": "warning",
        }  # fmt: skip
        first = LiveServer(env=env)
        second = LiveServer(env={**env, "DATABASE_URL": ""}, data_dir=first.data_dir)
        second.env["DATABASE_URL"] = first.env.get("DATABASE_URL", "")
        try:
            first.migrate_quickly()
            first.create_user("ada@example.com", "correct horse battery")
            shell(first, SET_UP)
            first.start()
            second.start()
            yield first, second
        finally:
            second.close()
            first.close()


def shell(server: LiveServer, code: str) -> str:
    return server.manage("shell", "-v", "0", "-c", code)


async def test_two_servers_spend_no_more_than_the_budget_when_one_is_killed(
    servers: tuple[LiveServer, LiveServer],
) -> None:
    first, second = servers
    made = await asyncio.to_thread(first.manage, "create_api_key", "ada@example.com", "--quiet")
    headers = {"authorization": f"Bearer {made.strip().splitlines()[-1]}"}
    seen: Counter[int] = Counter()
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(headers=headers, timeout=60, limits=limits) as http:

        async def call(number: int) -> None:
            server = servers[number % 2]
            try:
                answer = await http.post(f"{server.base_url}/v1/chat/completions", json=BODY)
            except httpx.TransportError:
                return
            seen[answer.status_code] += 1
            if server is second and answer.status_code == 200:
                second.kill()

        await asyncio.gather(*(call(number) for number in range(200)))
        assert set(seen) == {200, 429}, seen
        assert seen[200] <= CALLS
        await asyncio.to_thread(shell, first, AGE)
        # What the dead one held can be spent, up to the limit and no further.
        while (
            answer := await http.post(f"{first.base_url}/v1/chat/completions", json=BODY)
        ).status_code == 200:
            seen[200] += 1
    assert answer.status_code == 429
    assert await asyncio.to_thread(first.stop) == 0
    told = await asyncio.to_thread(shell, first, TELL)
    used, leased, paid = json.loads(told.partition("told ")[2])
    assert used == paid <= COST * CALLS
    assert leased == 0
    # An answer of the killed server may be missing, nothing else.
    assert used >= COST * (CALLS - 1)
